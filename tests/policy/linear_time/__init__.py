"""Whether every expression takes time in proportion to its text."""
