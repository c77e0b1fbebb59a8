"""Relational databases: declared models, live instances, drift, and the lint of migrations."""
