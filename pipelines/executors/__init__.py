"""Whoever runs attempts: processes of this machine; agents and clusters run the same code."""
