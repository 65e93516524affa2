"""Several books in one service: which of them a request is for, and what there are."""
