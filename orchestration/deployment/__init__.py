"""What a deployment has as a whole: Dagster's folder, companies' names in keys, the code's identity, servers."""
