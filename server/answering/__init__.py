"""From passages to the events of one answer, paced, numbered, logged and kept for a reader who comes back."""
