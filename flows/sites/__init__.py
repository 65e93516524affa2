"""The parts of `flows/links.py`: how each site generator makes page addresses and heading ids."""
