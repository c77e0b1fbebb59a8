"""Takes away artifacts whose time is over, and content that nobody refers to any more."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from pipelines.backends import blobs
from pipelines.runs.models import Artifact

EVERY_SECONDS = 600.0
MOST = 500


def expire() -> int:
    """Delete expired artifacts; how many. Content that another artifact has stays."""
    rows = Artifact.objects.filter(expires_at__lte=timezone.now()).order_by("expires_at")
    found = list(rows.values_list("pk", "digest")[:MOST])
    for pk, digest in found:
        with transaction.atomic():
            Artifact.objects.filter(pk=pk).delete()
        if not Artifact.objects.filter(digest=digest).exists():
            blobs.delete(digest)
    return len(found)
