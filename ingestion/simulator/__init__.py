"""The sample company: a seeded generator whose known truth is kept apart from what the pipeline may read.

Belongs here: drawing the company, writing its source files and its truth files. Does not belong here: landing the
files (that is `ingestion`'s, through `companies/sample.toml` like any other company) or judging models.
Start at `run.simulate`.
"""
