"""Where the command line keeps address and token: one file, readable by its owner only."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from idp.common.console import Code, fail

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def path() -> Path:
    """`$XDG_CONFIG_HOME/slipway/config.json` (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".config"
    return root / "slipway" / "config.json"


@dataclass(frozen=True)
class Config:
    """SLIPWAY_URL and SLIPWAY_TOKEN of the environment go before what is saved."""

    url: str = ""
    token: str = ""

    @classmethod
    def load(cls) -> Config:
        saved: dict[str, str] = {}
        try:
            read = json.loads(path().read_text())
            saved = read if isinstance(read, dict) else {}
        except (OSError, ValueError):
            saved = {}
        url = os.environ.get("SLIPWAY_URL") or str(saved.get("url", ""))
        # A token belongs to the address that it was saved with, and goes nowhere else.
        same = url.rstrip("/") == str(saved.get("url", "")).rstrip("/")
        token = os.environ.get("SLIPWAY_TOKEN") or (str(saved.get("token", "")) if same else "")
        return cls(url.rstrip("/"), token)

    def save(self) -> Path:
        file = path()
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            json.dump({"url": self.url, "token": self.token}, handle)
        fresh.replace(file)
        return file


def checked_url(url: str, *, insecure: bool = False) -> str:
    """The address without its last slash; ends the command where a token would travel openly."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise fail(f"“{url}” is no address.", Code.USAGE) from None
    if parts.scheme not in {"http", "https"} or not host:
        raise fail(f"“{url}” is no address.", Code.USAGE, fix="Write it like https://slipway.x.")
    if parts.scheme == "http" and host not in _LOCAL and not insecure:
        raise fail(
            "The token would travel unencrypted.",
            Code.USAGE,
            fix="Use https, or say --insecure on a network that you trust.",
        )
    return url.rstrip("/")
