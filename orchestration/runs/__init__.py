"""A run as a process: its lock, its life and death, its retries, its records, and why it failed."""
