"""Bundles and deployments by REST."""
