"""What runs when: Dagster assets, checks, jobs and the run that a person starts."""
