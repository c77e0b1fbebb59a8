"""Which schemas and tables an environment's code uses and what configures it; promoted with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from environments.models import Environment
from environments.rendering import schemaset
from environments.services import edits
from environments.services.edits import Options
from idp.changes.models import Change
from rbac.access import require
from rbac.actors import Actor

_DEFAULT = Options()
SET_SCHEMAS = "environment.set-schemas"


def set_schemas(
    actor: Actor,
    environment: Environment,
    *,
    produces: Sequence[Mapping[str, Any]],
    consumes: Sequence[Mapping[str, Any]],
    reads: Sequence[Mapping[str, Any]] | None = None,
    image: str = "",
    workload: str = "",
    options: Options = _DEFAULT,
) -> Change:
    """The whole set; with `image`, the code that uses it comes in the same change.

    `reads` None leaves what stands there of databases.
    """
    draft = edits.opened(actor, environment, SET_SCHEMAS)
    title = f"Set schemas of {environment}"
    if image:
        require(actor, "environment.set-image", environment)
        name = edits.workload_of(draft, workload)
        draft.set_workload(name, "image", image.strip())
        title = f"{title}, and {name} to {image.rpartition('/')[2][:80]}"
    if reads is None:
        reads = draft.judged().document.schemas.get("reads", ())
    wanted = schemaset.plain({"produces": produces, "consumes": consumes, "reads": reads})
    if wanted:
        draft.set(("schemas",), wanted)
    else:
        draft.remove(("schemas",))
    return edits.propose(actor, draft, SET_SCHEMAS, title, options)


def set_config_schema(
    actor: Actor,
    environment: Environment,
    *,
    workload: str = "",
    subject: str = "",
    version: int = 0,
    schema: Mapping[str, Any] | None = None,
    image: str = "",
    options: Options = _DEFAULT,
) -> Change:
    """The schema of a workload's variables: a version, an inline one, or none where both are empty.

    With `image`, the code that asks for them comes in the same change.
    """
    draft = edits.opened(actor, environment, SET_SCHEMAS)
    name = edits.workload_of(draft, workload)
    title = f"Set the configuration schema of {environment} {name}"
    if image:
        require(actor, "environment.set-image", environment)
        draft.set_workload(name, "image", image.strip())
        title = f"{title}, and its image to {image.rpartition('/')[2][:80]}"
    wanted = {"subject": subject, "version": version} if subject else {"schema": schema}
    path = ("workloads", name, "configSchema")
    if subject or schema:
        draft.set(path, wanted)
    elif draft.document.workloads.get(name, {}).get("configSchema"):
        draft.remove(path)
    return edits.propose(actor, draft, SET_SCHEMAS, title, options)
