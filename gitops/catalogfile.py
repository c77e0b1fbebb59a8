"""`catalog-info.yaml` at a repository's root: judged with the push, then read into the catalog."""

from __future__ import annotations

import logging

from django.db import transaction

from gitops.hosts.local import LocalRepository
from gitops.models import ConfigRepository
from idp.common.errors import SlipwayError
from portal.catalog import import_document
from rbac.actors import Actor

log = logging.getLogger(__name__)
FILE = "catalog-info.yaml"


def _import(actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, new: str) -> None:
    # Without the file, its components are gone from it as they would be from an empty one.
    text = on_disk.read_file(new, FILE) or b""
    import_document(actor, repo.project, text, f"{repo}:{FILE}")


def judge(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, old: str, new: str
) -> None:
    """Raise what importing the pushed file would raise; nothing is kept."""
    if FILE in on_disk.changed(old, new):
        with transaction.atomic():
            _import(actor, repo, on_disk, new)
            transaction.set_rollback(True)


def take_in(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, old: str, new: str
) -> None:
    """Bring the components of a commit on `main` into the catalog; safe to repeat."""
    if FILE not in on_disk.changed(old, new):
        return
    try:
        _import(actor, repo, on_disk, new)
    except SlipwayError as error:  # the world moved after the push was judged
        log.warning("%s of %s at %s: %s", FILE, repo, new[:12], error.message)
