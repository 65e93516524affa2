"""What to search for: a question made whole and parted, in words of the book, and its words as terms."""
