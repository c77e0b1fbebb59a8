"""Edits of a person's `environment.yaml`: comments, order and quotes stay as they are.

A value is edited where it comes from: the workload's own entry where that has it, else the
parameter that the blueprint reads it from, else a new entry of the workload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from environments.models import Environment
from environments.rendering.document import (
    FILENAME,
    EnvironmentDocument,
    check_values,
    nearest,
    parse,
)
from environments.rendering.renderer import Judged, compiled, find_version, judge
from environments.rendering.template import Template
from gitops import repositories
from gitops.models import Application
from gitops.services import propose_directory
from gitops.sync.desired import context_of
from idp.changes.models import Change
from idp.common import yaml
from idp.common.errors import Clash, FieldError, Invalid, PreconditionFailed
from rbac.access import require
from rbac.actors import Actor


@dataclass(frozen=True)
class Options:
    """How a change of an environment is asked for; the same for every verb."""

    origin: str = Change.Origin.API
    message: str = ""
    idempotency_key: str = ""
    interactive: bool = True
    expected_tree: str = ""  # the ETag that the person saw; empty: whatever is there
    behind: frozenset[int] = frozenset()  # people whose work is brought out: `Change.behind`


@dataclass
class Draft:
    """The environment's file as `main` holds it, being edited."""

    environment: Environment
    text: str
    tree: str
    document: EnvironmentDocument
    template: Template
    edit: Any

    @property
    def applied(self) -> bool:
        """Whether what `main` says was brought to its targets, which a failed change did not."""
        application = self.environment.application
        synced = application.sync == Application.Sync.SYNCED
        return synced and application.synced_tree == self.tree

    def set(self, path: tuple[str, ...], value: Any) -> None:
        self.edit.set(("spec", *path), value)

    def remove(self, path: tuple[str, ...]) -> None:
        self.edit.remove(("spec", *path))

    def set_workload(self, workload: str, key: str, value: Any) -> None:
        """Put a workload's field where it comes from."""
        source = self.template.source_of(workload, key)
        if source and key not in self.document.workloads.get(workload, {}):
            self.set(("parameters", *source), value)
        else:
            self.set(("workloads", workload, key), value)

    def judged(self) -> Judged:
        """The edited document under its blueprint; raises `Invalid` with the wrong fields."""
        document = parse(self.edit.text())
        check_values(document)
        return judge(document, context_of(self.environment.application))


def opened(actor: Actor, environment: Environment, permission: str) -> Draft:
    """The file, ready to be edited by someone who may; raises what the person shall read."""
    require(actor, permission, environment)
    if environment.state in {Environment.State.DELETED, Environment.State.DELETING}:
        raise Clash(f"{environment} is {environment.get_state_display().lower()}.")
    application = environment.application
    repository = application.repository
    head = repositories.head(repository)
    files = repositories.read_directory(repository, head, application.directory)
    if FILENAME not in files:
        if environment.state == Environment.State.PROPOSED:
            fix = "Confirm or cancel its first change."
            raise Clash(f"{environment} is not made yet.", fix=fix)
        raise Clash(
            f"{FILENAME} of {environment} is not on main any more.",
            fix="Delete the environment to remove what is left, or push the file again.",
        )
    text = files[FILENAME].decode()
    document = parse(text)
    version = find_version(document.blueprint, document.version)
    tree = repositories.tree_id(repository, head, application.directory)
    return Draft(environment, text, tree, document, compiled(version.template), yaml.edit(text))


def lasts_until(environment: Environment) -> datetime | None:
    """The end that `main` names; the row's where there is no readable file.

    The row says what was synced last: an extension that failed midway stands on `main` only.
    """
    application = environment.application
    repository = application.repository
    head = repositories.head(repository)
    files = repositories.read_directory(repository, head, application.directory)
    if FILENAME not in files:
        return environment.expires_at
    try:
        return parse(files[FILENAME].decode()).expires_at
    except (Invalid, UnicodeDecodeError):
        return environment.expires_at


def workload_of(draft: Draft, name: str) -> str:
    """The workload's name, the only one's where none is given; raises `Invalid` for others."""
    names = list(draft.template.workloads)
    if not name and len(names) == 1:
        return names[0]
    if name not in names:
        message = f"{draft.environment} has no workload “{name}”."
        fix = nearest(name, names)
        raise Invalid(message, fix=fix, errors=[FieldError("workload", "exists", message, fix)])
    return name


def propose(
    actor: Actor,
    draft: Draft,
    verb: str,
    title: str,
    options: Options,
    *,
    always: bool = False,
    intent: Mapping[str, Any] | None = None,
) -> Change:
    """The change that brings the edited file to `main` when its plan was confirmed.

    Where `main` says so already but was never brought to its targets, the change does that;
    `always` looks there whatever our rows say. With an `intent` of the caller's own git is not
    asked again, so that the change may be made in a transaction; planning compares anyhow.
    """
    if options.expected_tree and options.expected_tree != draft.tree:
        raise PreconditionFailed(
            f"{draft.environment} is not the version you saw: somebody changed it meanwhile.",
            fix="Load it again and repeat what you wanted.",
        )
    after = draft.judged()
    same = _same(judge(draft.document, context_of(draft.environment.application)), after)
    if same and draft.applied and not always:
        raise Clash(f"{draft.environment} is so already; nothing would change.")
    return propose_directory(
        actor,
        draft.environment.application,
        {} if same else {FILENAME: draft.edit.text().encode()},
        verb=verb,
        title=title,
        origin=options.origin,
        message=options.message,
        idempotency_key=options.idempotency_key,
        interactive=options.interactive,
        expected_tree=draft.tree,
        intent=intent,
        base=None if intent is None else draft.tree,
        behind=options.behind,
    )


def _same(before: Judged, after: Judged) -> bool:
    """Whether two documents ask for the same, defaults filled in."""

    def meaning(judged: Judged) -> tuple[object, ...]:
        return (
            replace(judged.document, parameters={}, workloads={}),
            judged.parameters,
            judged.entries,
        )

    return meaning(before) == meaning(after)
