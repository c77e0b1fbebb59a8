"""What is new of a commit has the gates asked again of changes that bring it out."""

from __future__ import annotations

import logging

from idp.changes.models import Change
from idp.changes.services import ask_again
from pipelines.deploys.models import Deployment
from pipelines.reports.models import Report
from pipelines.runs.models import Pipeline

MAX_CHANGES = 100  # the controller comes to the others
_OPEN = (Change.State.READY, Change.State.WAITING)


def report_came(report: Report) -> None:
    _wake(report.project_id, report.commit)


def pipeline_ended(pipeline: Pipeline) -> None:
    _wake(pipeline.project_id, pipeline.sha)


def _wake(project: int, commit: str) -> None:
    rows = Deployment.objects.filter(
        bundle__project=project, bundle__sha=commit, change__state__in=_OPEN
    )
    for row in rows.select_related("change").order_by("-pk")[:MAX_CHANGES]:
        try:
            ask_again(row.change)
        except Exception:  # what fails for one change holds up no other, nor who reported
            logging.getLogger(__name__).exception("change %s was not woken", row.change_id)
