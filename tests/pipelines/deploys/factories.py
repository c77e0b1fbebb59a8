"""Rows of bundles that no job made, for pages, REST and walks."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from pipelines.deploys.models import Bundle
from rbac.models import Project, User

IMAGE = "registry.example.com/orders/api:2.0.0@sha256:" + "ab" * 32


def make_bundle(project: Project, user: User | None = None, **values: Any) -> Bundle:
    number = project.bundles.count() + 1
    given = {
        "number": number,
        "digest": f"{number:064x}",
        "sha": "c0ffee" + "0" * 34,
        "ref": "main",
        "protected": True,
        "title": "Say hello",
        "author": "Dana",
        "committed_at": timezone.now(),
        "content": {"images": {"web": IMAGE}, "variables": {}, "schemas": None, "migrations": {}},
        "actor": user,
        "actor_label": user.username if user else "tests",
    }
    return Bundle.objects.create(project=project, **(given | values))
