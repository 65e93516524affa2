"""markdown-it-py's block rules made fast for whole books; held against its own by `test_fast_blocks.py`."""
