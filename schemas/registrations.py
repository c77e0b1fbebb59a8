"""What this app hands to others when Django starts."""

from __future__ import annotations

from idp.changes import controller
from schemas import (
    permissions,  # noqa: F401  # registers this app's table
    verdicts,
)

controller.register_periodic("verdicts", 3600, verdicts.forget_old)
