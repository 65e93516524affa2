"""An OpenAI-compatible server for tests."""
