"""dbt as a step: its project parsed once, its process, its results and tests, features derived anew from its SQL."""
