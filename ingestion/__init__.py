"""Readers of source systems: rows in, contract checked, landed or quarantined. No Dagster, no models."""
