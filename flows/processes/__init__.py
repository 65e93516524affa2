"""Child processes that read pages, so that no page can hang or end an ingest."""
