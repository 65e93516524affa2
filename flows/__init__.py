"""The book goes in: read, parse, split, plan, embed, index."""
