"""Where Django finds this app's tables: each sub-package has its own models."""

from __future__ import annotations

from pipelines.deploys import models as _deploys  # noqa: F401  # Django finds them here
from pipelines.downstream import models as _downstream  # noqa: F401  # as above
from pipelines.environs import models as _environs  # noqa: F401  # as above
from pipelines.evidence import models as _evidence  # noqa: F401  # as above
from pipelines.fleet import models as _fleet  # noqa: F401  # as above
from pipelines.oidc import models as _oidc  # noqa: F401  # as above
from pipelines.releases import models as _releases  # noqa: F401  # as above
from pipelines.reports import models as _reports  # noqa: F401  # as above
from pipelines.retention import models as _retention  # noqa: F401  # as above
from pipelines.runs import models as _runs  # noqa: F401  # as above
from pipelines.schedules import models as _schedules  # noqa: F401  # as above
from pipelines.variables import models as _variables  # noqa: F401  # as above
