"""What to search for: a question made whole, spelled as the book spells, and its words as terms."""
