"""What the admin site shows of the registry; Django finds it here."""

from __future__ import annotations

from schemas.databases import admin as _databases  # noqa: F401  # registers databases and places
from schemas.transfer import admin as _transfer  # noqa: F401  # registers imports
