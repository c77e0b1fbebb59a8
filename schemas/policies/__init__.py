"""Policies as data: what a project's, a team's or a tier's subjects have to be."""
