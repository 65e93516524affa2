"""One blueprint per resource, thin."""
