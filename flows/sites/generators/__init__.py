"""What each site generator makes of a book: a module or a room for each, all of them listed in `flows/sites/site.py`."""
