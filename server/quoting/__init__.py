"""The parts of `server/extractive.py`: which sentences answer a question. Pure."""
