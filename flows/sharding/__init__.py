"""A large book read by many workers: its pages cut into shards, each read and embedded by a run of its own."""
