"""Schemas on the move: imported from another registry or an archive, and exported as files."""
