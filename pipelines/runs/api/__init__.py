"""Pipelines and their jobs by REST."""
