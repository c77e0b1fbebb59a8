"""The Chromium of this machine, and how tests and measures start it; nothing is downloaded."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def chromium() -> str | None:
    """The path of a Chromium: SLIPWAY_TEST_CHROMIUM, or the first on the PATH."""
    named = os.environ.get("SLIPWAY_TEST_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)
