"""What a person sees of a table, a model or a snapshot without leaving the asset: figures and small tables."""
