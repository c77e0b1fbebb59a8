"""Old reports are forgotten, in small transactions; the controller calls `sweep` every hour."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from pipelines.reports.models import Quarantine, Report, TestCase

EVERY_SECONDS = 3600
KEPT_DAYS = 180
BATCH = 20  # reports; each may have 50,000 results
MAX_BATCHES = 50


def sweep() -> int:
    """Delete reports older than `KEPT_DAYS`, and tests that no report named since; how many."""
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    gone = 0
    for _ in range(MAX_BATCHES):
        ids = list(
            Report.objects.filter(created_at__lt=before).values_list("pk", flat=True)[:BATCH]
        )
        if not ids:
            break
        Report.objects.filter(pk__in=ids).delete()
        gone += len(ids)
    held = Quarantine.objects.filter(ended_at=None, ends_at__gt=timezone.now()).values("case")
    unseen = TestCase.objects.filter(last_seen__lt=before, results=None).exclude(pk__in=held)
    TestCase.objects.filter(pk__in=list(unseen.values_list("pk", flat=True)[:1000])).delete()
    return gone
