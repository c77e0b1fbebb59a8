"""What the admin site shows of pipelines; Django finds it here."""

from __future__ import annotations

from pipelines.evidence import admin as _evidence  # noqa: F401  # registers rules
from pipelines.fleet import admin as _fleet  # noqa: F401  # registers agents
from pipelines.reports import admin as _reports  # noqa: F401  # registers reports
from pipelines.retention import admin as _retention  # noqa: F401  # as above
from pipelines.runs import admin as _runs  # noqa: F401  # registers pipelines and jobs
from pipelines.schedules import admin as _schedules  # noqa: F401  # registers schedules
from pipelines.variables import admin as _variables  # noqa: F401  # as above
