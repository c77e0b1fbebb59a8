"""Where Django finds this app's tables: each sub-package has its own models."""

from __future__ import annotations
