"""What the admin site shows of the registry; Django finds it here."""

from __future__ import annotations

from schemas import subjects_admin as _subjects  # noqa: F401  # registers contexts and subjects
from schemas.databases import admin as _databases  # noqa: F401  # registers databases and places
from schemas.policies import admin as _policies  # noqa: F401  # registers policies
from schemas.transfer import admin as _transfer  # noqa: F401  # registers imports
