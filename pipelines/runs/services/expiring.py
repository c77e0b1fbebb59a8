"""Takes away artifacts whose time is over, and content that nobody refers to any more.

Content goes before the row that names it: a process that is killed in between leaves a row, which
is found again, and never content that nobody knows.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Iterable

from django.utils import timezone

from idp.common.errors import SlipwayError
from pipelines.backends import blobs
from pipelines.backends.files import Folder
from pipelines.runs.models import Artifact

log = logging.getLogger(__name__)
EVERY_SECONDS = 600.0
MOST = 500  # rows in one run
MOST_STORED = 5_000  # contents that one run looks at
MOST_TROUBLES = 5  # one after the other, then the store is left alone until the next run
ORPHAN_SECONDS = 86_400.0  # content without a row is on its way for at most this long
_ASKED = 500


def expire() -> int:
    """Delete expired artifacts; how many. Content that another artifact has stays."""
    rows = Artifact.objects.filter(expires_at__lte=timezone.now()).order_by("expires_at")
    return release(rows.values_list("pk", "digest")[:MOST])


def release(found: Iterable[tuple[int, str]]) -> int:
    """Delete artifacts and the content that is theirs alone; how many went.

    One whose content was put a moment ago, or cannot be taken away now, stays for another run.
    """
    count = troubles = 0
    for pk, digest in found:
        try:
            gone = _is_free(digest, {pk})
        except SlipwayError as error:
            log.warning("the content of artifact %s stays: %s", pk, error.message)
            troubles += 1
            if troubles == MOST_TROUBLES:
                break
            continue
        troubles = 0
        if gone:
            count += Artifact.objects.filter(pk=pk).delete()[0]
    return count


def _is_free(digest: str, but: Collection[int]) -> bool:
    """Whether no content stands for these rows alone any more."""
    others = Artifact.objects.filter(digest=digest).exclude(pk__in=but)
    return others.exists() or blobs.delete(digest)


def sweep_orphans(after: str | None = None) -> int:
    """Delete old content that no row names; how many.

    A run looks at a bounded part, which begins anywhere, so that every part has its turn.
    """
    start = secrets.token_hex(32) if after is None else after
    store = blobs.store()
    if isinstance(store, Folder):
        store.tidy(ORPHAN_SECONDS)
    found = list(store.each(start, MOST_STORED))
    if len(found) < MOST_STORED:
        found += store.each("", MOST_STORED - len(found))
    old = sorted({one.digest for one in found if one.age > ORPHAN_SECONDS})
    count = 0
    for at in range(0, len(old), _ASKED):
        part = old[at : at + _ASKED]
        rows = Artifact.objects.filter(digest__in=part)
        known = set(rows.values_list("digest", flat=True))
        for digest in part:
            if digest not in known:
                count += blobs.delete(digest, older_than=ORPHAN_SECONDS)
    if count:
        log.info("%s contents that no artifact named are gone", count)
    return count
