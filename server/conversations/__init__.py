"""What was asked and answered before: conversations kept in a database that chat can do without."""
