"""Where Django finds this app's tables: each sub-package has its own models."""

from __future__ import annotations

from pipelines.reports import models as _reports  # noqa: F401  # Django finds them here
