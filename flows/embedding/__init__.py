"""Vectors for a book's chunks, bought once."""
