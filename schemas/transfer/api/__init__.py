"""Databases and the migration lint by REST."""
