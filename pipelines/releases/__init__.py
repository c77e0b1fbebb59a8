"""Releases: a tag with name, notes and links, made when a job with `release` has passed."""
