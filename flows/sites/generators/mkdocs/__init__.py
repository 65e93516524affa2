"""MkDocs 1.6, with or without Material: pages, Python-Markdown's heading ids, the configuration."""
