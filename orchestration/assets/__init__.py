"""Assets, one module per layer: read, call one library function, report metadata."""
