"""The sample company: a seeded generator whose known truth is kept apart from what the pipeline may read."""
