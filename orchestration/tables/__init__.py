"""What the graph says of a table: its key and labels, its columns, where each column comes from, its version."""
