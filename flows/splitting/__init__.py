"""The parts of `flows/splitter.py`: where a document may be cut, and what goes together. Pure."""
