"""What a command prints or writes for a person: summaries, pages, comparisons, exports."""
