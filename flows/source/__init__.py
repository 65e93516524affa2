"""Where a book lives: a folder or a git repository, and which of its files are pages."""
