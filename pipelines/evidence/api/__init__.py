"""REST of evidence."""
