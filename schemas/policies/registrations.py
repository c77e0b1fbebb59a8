"""What policies hand to the kernel; `schemas.registrations` imports it when Django starts."""

from __future__ import annotations

from idp.changes import controller
from idp.common import host
from schemas.permissions import POLICY_VIEW
from schemas.policies import sweeping, tasks

__all__ = ["tasks"]  # Celery looks for tasks of an app only in `schemas.tasks`

controller.register_periodic("schemas.policies", sweeping.EVERY_SECONDS, sweeping.sweep)
host.commands.register(
    host.Command(
        "schema-policies",
        "Schema policies",
        url_name="schemas:policies",
        permission=POLICY_VIEW,
        icon="shield-half",
    )
)
