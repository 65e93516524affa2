"""What the book's language says: names of sections that hold no subject, and what a section tells of. Pure."""
