"""A page's text to headings and blocks with their place in the file. Pure."""
