"""What the book is missing, from the questions that were kept: for those who write it."""
