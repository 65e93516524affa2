"""From a question to the passages an answer may use."""
