"""Text to dense vectors: the port, and the OpenAI-compatible adapter."""
