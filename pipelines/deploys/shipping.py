"""What would ship: the commits and the content between what is live somewhere and a bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from environments.models import Environment
from gitops.hosts.local import CommitFacts
from idp.changes.models import Change
from idp.common.errors import SlipwayError
from pipelines.deploys import content
from pipelines.deploys.models import Bundle, Deployment
from pipelines.runs import commits

MOST_COMMITS = 30


@dataclass(frozen=True)
class Difference:
    """One thing of a bundle that is not as it runs; empty `before`: nothing is there."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Shipment:
    """`back`: the bundle is older than what is live, and `commits` are those that it takes back."""

    live: Bundle | None
    commits: tuple[CommitFacts, ...]
    more: bool
    differences: tuple[Difference, ...]
    back: bool


def live_in(environment: Environment) -> Bundle | None:
    """The bundle that was last brought there and found healthy."""
    rows = Deployment.objects.filter(
        environment=environment, change__state=Change.State.SUCCEEDED
    ).select_related("bundle__project")
    found = rows.order_by("-pk").first()
    return found.bundle if found else None


def shipment(bundle: Bundle, environment: Environment) -> Shipment:
    """Everything that bringing the bundle there would change; git that fails tells no commits."""
    live = live_in(environment)
    back = live is not None and live.number > bundle.number
    old, new = (bundle, live) if live is not None and back else (live, bundle)
    found = _commits(new, old) if old is not None else []
    return Shipment(
        live,
        tuple(found[:MOST_COMMITS]),
        len(found) > MOST_COMMITS,
        tuple(_differences(_running(environment, live), bundle)),
        back,
    )


def _running(environment: Environment, live: Bundle | None) -> content.Content:
    """What is there now: the last bundle's content, the images and variables as they really are."""
    was = content.of(live.content) if live is not None else content.Content({})
    rows = environment.workloads.values_list("name", "image", "spec")
    found = {name: (image, dict(spec.get("variables") or {})) for name, image, spec in rows}
    return replace(
        was,
        images={name: image for name, (image, _) in found.items()},
        variables={name: variables for name, (_, variables) in found.items()},
    )


def _commits(new: Bundle, old: Bundle) -> list[CommitFacts]:
    repository = commits.of_project(new.project)
    if repository is None or new.sha == old.sha:
        return []
    try:
        names = repository.commits(new.sha, old.sha, limit=MOST_COMMITS + 1)
        found = [commits.facts(repository, name) for name in names]
    except SlipwayError:
        return []
    return [one for one in found if one.change is None]


def _differences(was: content.Content, bundle: Bundle) -> Iterator[Difference]:
    now = content.of(bundle.content)
    for what, before, after in (
        ("image of {}", was.images, now.images),
        ("migration of {}", was.migrations, now.migrations),
        ("variable {}", _flat(was.variables), _flat(now.variables)),
    ):
        yield from _changed(what, before, after)
    if now.schemas is not None and now.schemas != was.schemas:
        yield Difference("schemas", _named(was.schemas), _named(now.schemas))


def _flat(variables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {f"{at} {name}": text for at, own in variables.items() for name, text in own.items()}


def _changed(
    what: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in sorted(after):
        if before.get(name) != after[name]:
            yield Difference(what.format(name), str(before.get(name, "")), str(after[name]))


def _named(schemas: Mapping[str, Any] | None) -> str:
    found = [
        f"{kind} {one['subject']} {one['version']}"
        for kind in ("produces", "consumes")
        for one in (schemas or {}).get(kind, ())
    ]
    return ", ".join(found)
