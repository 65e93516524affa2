"""The parts of `flows/markdown.py`: Markdown and MDX text to blocks with their source spans. Pure."""
