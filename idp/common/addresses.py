"""Addresses of Slipway for those who open them elsewhere: terminals, git hosts, jobs, clouds."""

from __future__ import annotations

from django.conf import settings


def whole(path: str = "") -> str:
    """A path of Slipway's with its scheme and host; without one, Slipway itself."""
    return f"{settings.BASE_URL.rstrip('/')}{path}"
