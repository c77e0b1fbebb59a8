"""Pages of tests, coverage and commits."""
