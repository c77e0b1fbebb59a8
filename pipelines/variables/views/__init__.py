"""Pages of variables."""
