"""Text to dense vectors: the port, the OpenAI-compatible adapter, and the model in this process."""
