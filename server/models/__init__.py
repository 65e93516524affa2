"""What writes answers, and what it costs: the chat model's port, OpenAI's adapter, the quoting model that needs no key."""
