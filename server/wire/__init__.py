"""How an answer looks on the wire: one pure encoder per dialect, all over the same `ChatEvent`s."""
