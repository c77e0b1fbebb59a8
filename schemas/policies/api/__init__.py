"""Policies by REST."""
