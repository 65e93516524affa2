"""The index on a Qdrant server or Qdrant Cloud."""
