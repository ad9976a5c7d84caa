"""One module per model: what it learns, how it predicts, what it falls back to."""
