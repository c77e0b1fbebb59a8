"""Readers of what tools report: bytes in, frozen results out. No Django, no network, no files."""
