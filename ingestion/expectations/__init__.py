"""What is expected of the raw tables after each landing, judged by Great Expectations at the source border."""
