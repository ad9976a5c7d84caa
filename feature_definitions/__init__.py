"""What a feature is: schemas, views and entities; a leaf that any floor may read."""
