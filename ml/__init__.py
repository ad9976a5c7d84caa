"""Learn and judge: pure libraries on frames. No Dagster, no web, no warehouse connection."""
