"""Bringing out a version: images, variables and schemas of several workloads in one change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from environments.models import Environment
from environments.rendering import schemaset
from environments.services import edits
from environments.services.edits import Draft, Options
from idp.changes.models import Change
from rbac.actors import Actor

DEPLOY = "environment.deploy"
_DEFAULT = Options()


@dataclass(frozen=True)
class Version:
    """What is brought out together. A workload that it does not name stays as it is.

    `variables` are added to those that a workload has; `schemas` None leaves what stands there.
    """

    images: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    schemas: Mapping[str, Any] | None = None


def deploy(
    actor: Actor,
    environment: Environment,
    version: Version,
    *,
    title: str,
    intent: Mapping[str, Any],
    options: Options = _DEFAULT,
) -> Callable[[], Change]:
    """What makes the change, after everything was read and judged; it asks no git itself.

    Call it in your own transaction. The change looks at the targets also where `main` has this
    version already.
    """
    draft = edits.opened(actor, environment, DEPLOY)
    _apply(draft, version)
    draft.judged()

    def propose() -> Change:
        return edits.propose(actor, draft, DEPLOY, title, options, always=True, intent=intent)

    return propose


def _apply(draft: Draft, version: Version) -> None:
    for given, image in version.images.items():
        draft.set_workload(edits.workload_of(draft, given), "image", image)
    for given, variables in version.variables.items():
        name = edits.workload_of(draft, given)
        now = draft.document.workloads.get(name, {}).get("variables", {})
        for key, value in variables.items():
            if now.get(key) != value:
                draft.set(("workloads", name, "variables", key), value)
    if version.schemas is None:
        return
    wanted = schemaset.plain(version.schemas)
    if wanted:
        draft.set(("schemas",), wanted)
    elif draft.document.schemas:
        draft.remove(("schemas",))
