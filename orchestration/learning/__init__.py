"""Between the warehouse and the models: what they learn from and score, and what is kept of both."""
