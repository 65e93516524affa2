"""The index without a server: Qdrant Edge in this process."""
