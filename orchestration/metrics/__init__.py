"""The metric layer: MetricFlow on our connection, its values by month, and the pages about it."""
