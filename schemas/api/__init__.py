"""Subjects by the product's own REST: what the wire API cannot say, in words and with owners."""
