"""Where pipelines and jobs are found, by page and by REST."""

from __future__ import annotations

from django.urls import reverse

from pipelines.runs.models import Job, Pipeline


def page_of(row: Pipeline | Job, action: str = "") -> str:
    """The path of its page, or of one of its actions, as `cancel`."""
    kind = "job" if isinstance(row, Job) else "pipeline"
    return reverse(f"pipelines:{kind}{f'-{action}' if action else ''}", args=[row.pk])


def api_of(row: Pipeline | Job) -> str:
    return reverse("job" if isinstance(row, Job) else "pipeline", args=[row.pk])
