"""A page's blocks to chunks. Pure."""
