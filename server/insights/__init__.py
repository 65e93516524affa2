"""What the book is missing, and why an answer says what it says: for those who write the book and run the service."""
