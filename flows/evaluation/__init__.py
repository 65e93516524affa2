"""`python -m flows evaluate`: how well the search finds what questions ask for."""
