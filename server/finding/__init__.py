"""The parts of `server/retrieval.py`: rank, judge, choose."""
