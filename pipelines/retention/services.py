"""Changes how long a project's pipelines are kept."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from idp.common.errors import FieldError, Invalid
from pipelines.permissions import MANAGE
from pipelines.retention.models import Retention, default_days
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project

LEAST, MOST = 1, 3_650  # days


@transaction.atomic
def set_days(actor: Actor, project: Project, days: int | None) -> Retention:
    """Keep pipelines for so many days, None for ever. Needs `pipeline.manage`; audited."""
    require(actor, MANAGE, project.scope)
    if days is not None and not LEAST <= days <= MOST:
        message, fix = f"Pipelines are kept for {LEAST} to {MOST} days.", "Or for ever."
        raise Invalid(message, fix=fix, errors=[FieldError("days", "range", message, fix)])
    row = Retention.objects.select_for_update().filter(project=project).first()
    was = default_days() if row is None else row.days
    row = row or Retention(project=project)
    row.days, row.changed_by, row.changed_at = days, actor.label[:200], timezone.now()
    row.save()
    told = {"project": project.name}
    audit.record(
        actor, "pipeline_retention.update", target=row,
        before={**told, "days": was}, after={**told, "days": days},
    )  # fmt: skip
    return row
