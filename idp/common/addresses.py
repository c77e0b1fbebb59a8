"""Addresses of Slipway for those who open them elsewhere: terminals, git hosts, jobs, clouds."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings


def is_web_address(url: str, *, most: int) -> bool:
    """Whether a page may link it: http or https, a host, nobody's name in it, one line."""
    if len(url) > most or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc


def whole(path: str = "") -> str:
    """A path of Slipway's with its scheme and host; without one, Slipway itself."""
    return f"{settings.BASE_URL.rstrip('/')}{path}"
