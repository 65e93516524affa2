"""Which places of the book fit a query best."""
