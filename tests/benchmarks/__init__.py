"""Speed, measured apart from the tests and never asserted."""
