"""The registry through which upper apps turn a directory of git into documents.

Upper apps register a renderer for the file that marks a directory as theirs (`environment.yaml`);
planning, syncing and `pre-receive` call it with the same input, so their judgement is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from idp.common.errors import Invalid


@dataclass(frozen=True)
class ClusterFacts:
    """What documents may depend on; `pull_secrets` names Secrets that syncing puts there."""

    name: str
    domain: str = ""
    ingress_class: str = ""
    ingress_namespace: str = ""
    tls_issuer: str = ""
    pull_secrets: tuple[str, ...] = ()
    oidc_provider_arn: str = ""
    oidc_issuer: str = ""
    simulated: bool = False


@dataclass(frozen=True)
class AccountFacts:
    name: str
    region: str
    simulated: bool = False


@dataclass(frozen=True)
class RenderContext:
    """Where the documents are for. `account` is None where the environment has none."""

    project: str
    environment: str
    tier: str
    namespace: str
    cluster: ClusterFacts
    account: AccountFacts | None = None
    team: str = ""
    expires_at: datetime | None = None
    has_secret: Callable[[str, int], bool] = lambda _name, _version: False


@dataclass(frozen=True)
class Rendered:
    """Documents in any order; leaves may hold `naming.output_reference`/`secret_reference`.

    `digest` names the blueprint's exact text; `facts` (cpu, memory …) are for gates and limits.
    """

    documents: tuple[dict[str, Any], ...]
    title: str = ""
    address: str = ""
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""


class Renderer(Protocol):
    def render(self, files: Mapping[str, bytes], context: RenderContext) -> Rendered:
        """The documents of a directory. Pure; raises `Invalid` or `Refusal` in people's words."""


_renderers: dict[str, Renderer] = {}


def register(filename: str, renderer: Renderer) -> None:
    """Make a renderer known by the file that marks its directories."""
    if filename in _renderers:
        raise ValueError(f"a renderer for {filename!r} is registered twice")
    _renderers[filename] = renderer


def find(files: Mapping[str, bytes]) -> tuple[str, Renderer]:
    """The marking file's name and its renderer; `Invalid` where no file marks the directory."""
    for filename, renderer in _renderers.items():
        if filename in files:
            return filename, renderer
    raise Invalid(
        "The directory holds none of the files that say what it is: "
        f"{', '.join(sorted(_renderers)) or 'no renderer is registered'}.",
        fix="Add environment.yaml, or remove the directory to delete the environment.",
    )


def render(files: Mapping[str, bytes], context: RenderContext) -> Rendered:
    """What the directory's own renderer makes of it."""
    return find(files)[1].render(files, context)
