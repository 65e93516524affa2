"""The ingest in Prefect: what runs it, what it publishes, and what becomes of runs that died."""
