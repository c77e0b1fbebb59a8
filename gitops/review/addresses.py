"""Where merge requests of own repositories have their pages."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from gitops.models import HostedMergeRequest
from rbac.models import Project


def page_of(request: HostedMergeRequest) -> str:
    return reverse("gitops:merge-request", args=[request.project.name, request.number])


def new_page_of(project: Project, branch: str = "") -> str:
    """The form that opens one, filled in for a branch."""
    query = f"?{urlencode({'source': branch})}" if branch else ""
    return reverse("gitops:merge-request-new", args=[project.name]) + query
