"""Pages of databases."""
