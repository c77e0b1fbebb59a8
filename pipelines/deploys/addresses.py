"""Where a bundle is found."""

from __future__ import annotations

from django.urls import reverse

from pipelines.deploys.models import Bundle


def page_of(bundle: Bundle) -> str:
    return reverse("pipelines:bundle", args=[bundle.pk])


def api_of(bundle: Bundle) -> str:
    return f"/api/v1/bundles/{bundle.pk}/"
