"""Writes of this app: proposals to directories of config repositories."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from gitops import repositories
from gitops.hosts.local import MAX_FILE, MAX_FILES, MAX_TOTAL, CommitFacts, checked_path
from gitops.models import Application
from idp.changes import services as changes
from idp.changes.models import Change
from idp.changes.services.rows import MAX_TEXT
from idp.common.errors import Clash, FieldError, Invalid, PreconditionFailed
from rbac.actors import Actor

KIND = "gitops.sync"
_BRANCH = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")


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


def shortened(text: str) -> str:
    """Text in the length of a change's message: a commit's may be longer."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def body_of(facts: CommitFacts) -> str:
    """A commit's message without its subject, as a change keeps it."""
    return shortened(facts.message.partition("\n")[2].strip())


def propose_branch(
    actor: Actor,
    application: Application,
    branch: str,
    *,
    origin: str,
    idempotency_key: str = "",
) -> Change:
    """Propose the application's directory as a pushed branch holds it; people confirm the plan.

    The way in for what a gate keeps off `main`. Raises `Invalid` for an unknown branch, one
    without the directory, and one that says the same as `main`.
    """
    repo, directory = application.repository, application.directory
    on_disk = repositories.local(repo)
    commit = on_disk.ref(f"refs/heads/{branch}") if _BRANCH.fullmatch(branch) else ""
    if not commit:
        raise Invalid(
            f"There is no branch “{branch[:60]}”.",
            fix="Push it first: git push origin HEAD:refs/heads/<name>.",
            errors=[FieldError("branch", "exists", "There is no such branch.")],
        )
    main = on_disk.head()
    if not on_disk.tree_id(commit, directory):
        raise Invalid(f"Branch {branch} holds no {directory}.", fix="Delete it in the portal.")
    if on_disk.tree_id(commit, directory) == on_disk.tree_id(main, directory):
        raise Invalid(f"Branch {branch} says the same of {directory} as main.")
    files: dict[str, bytes | None] = dict.fromkeys(on_disk.read_directory(main, directory))
    files.update(on_disk.read_directory(commit, directory))
    facts = on_disk.commit(commit)
    return propose_directory(
        actor,
        application,
        files,
        verb="environment.push",
        title=f"Branch {branch}: {facts.subject}"[:200],
        origin=origin,
        message=body_of(facts),
        idempotency_key=idempotency_key,
    )


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
    base: str | None = None,
    behind: Collection[int] = (),
) -> Change:
    """Propose files of the application's directory (None removes a file; no mapping: delete all).

    THE entry of upper apps. The files travel in the change's row; planning commits them on
    refs/slipway/changes/N, on top of the directory's tree as it is now (`base`, where the caller
    read it before its own transaction: git is not asked inside one). Raises `PreconditionFailed`
    where that is not `expected_tree`, `Clash` for a removed application.
    """
    if application.removed_at:
        raise Clash(f"{application} was deleted; make a new environment instead.")
    repo = application.repository
    if base is None:
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
        behind=behind,
    )
