"""Variables by REST."""
