"""Django's authentication backend: passwords here, permissions from `decide`."""

from django.contrib.auth.backends import ModelBackend


class ScopedBackend(ModelBackend):
    """Checks passwords; grants nothing by Django's own permission tables."""
