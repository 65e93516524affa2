"""The answers come out: question, retrieve, prompt, stream, with citations."""
