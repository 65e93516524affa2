"""How each site generator makes page addresses and heading ids."""
