"""Writes of this app: proposals to directories of config repositories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops import repositories
from gitops.hosts.local import MAX_FILE, MAX_FILES, MAX_TOTAL, checked_path
from gitops.models import Application
from idp.changes import services as changes
from idp.changes.models import Change
from idp.common.errors import Clash, Invalid, PreconditionFailed
from rbac.actors import Actor

KIND = "gitops.sync"


def _texts(directory: str, files: Mapping[str, bytes | None]) -> dict[str, str | None]:
    """Files as the intent stores them; raises `Invalid` past the bounds or for what is no text."""
    sizes = [len(data) for data in files.values() if data]
    if len(files) > MAX_FILES or sum(sizes) > MAX_TOTAL or max(sizes, default=0) > MAX_FILE:
        raise Invalid(f"{directory}: at most {MAX_FILES} files of {MAX_FILE // 1024} KB each.")
    try:
        return {
            checked_path(path): None if data is None else data.decode()
            for path, data in files.items()
        }
    except UnicodeDecodeError as error:
        raise Invalid(f"{directory}: files must be UTF-8 text.") from error


def propose_directory(
    actor: Actor,
    application: Application,
    files: Mapping[str, bytes | None] | None,
    *,
    verb: str,
    title: str,
    origin: str,
    message: str = "",
    idempotency_key: str = "",
    interactive: bool = True,
    expected_tree: str = "",
    intent: Mapping[str, Any] | None = None,
) -> Change:
    """Propose files of the application's directory (None removes a file; no mapping: delete all).

    THE entry of upper apps. The files travel in the change's row; planning commits them on
    refs/slipway/changes/N, on top of the directory's tree as it is now. Raises
    `PreconditionFailed` where that is not `expected_tree`, `Clash` for a removed application.
    """
    if application.removed_at:
        raise Clash(f"{application} was deleted; make a new environment instead.")
    repo = application.repository
    base = repositories.tree_id(repo, repositories.head(repo), application.directory)
    if expected_tree and expected_tree != base:
        raise PreconditionFailed(
            f"{application.directory} is not the version you saw: somebody changed it meanwhile.",
            fix="Load it again and repeat what you wanted.",
        )
    wish = {
        "application": application.pk,
        "directory": application.directory,
        "commit": None,
        "base_tree": base,
        "files": None if files is None else _texts(application.directory, files),
        "delete": files is None,
        "choices": {},
        **(intent or {}),
    }
    return changes.propose(
        actor,
        kind=KIND,
        verb=verb,
        scope=application.scope,
        title=title,
        intent=wish,
        origin=origin,
        interactive=interactive,
        idempotency_key=idempotency_key,
        message=message,
    )
