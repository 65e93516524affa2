"""The index: port, embedded engine, remote engine, and the one place that chooses between them."""
