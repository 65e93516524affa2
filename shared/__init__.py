"""What the two programs both speak: models, settings, errors, embeddings, tokens and the index."""
