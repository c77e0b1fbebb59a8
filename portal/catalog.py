"""Reading Backstage's `catalog-info.yaml` into the catalog.

`import_document` is called with the text of one file: by the page and REST, and by `gitops` after a
push to a project's config repository. The format is Backstage's "Descriptor Format of Catalog
Entities", `backstage.io/v1alpha1` and `v1beta1`, kind Component; upper apps read other kinds
(`portal.kinds`). Kinds and fields that nobody keeps are left out with a warning. A file is taken
whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from idp.common import jsonschema, yaml
from idp.common.errors import FieldError, Invalid, SlipwayError
from portal.kinds import EntityKind, kinds
from portal.models import Component
from portal.permissions import keeper_scope
from portal.services import mark_removed, save_imported
from rbac.access import Actor, require
from rbac.models import Project, Team, User

MAX_DOCUMENTS = 200
VERSIONS = ("backstage.io/v1alpha1", "backstage.io/v1beta1")
_TEXTS = {"type": "array", "maxItems": 50, "items": {"type": "string", "maxLength": 300}}
_LINK = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string", "maxLength": 500},
        "title": {"type": ["string", "null"], "maxLength": 120},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"enum": list(VERSIONS)},
        "metadata": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 63},
                "title": {"type": "string", "maxLength": 120},
                "description": {"type": "string", "maxLength": 4000},
                "tags": _TEXTS,
                "links": {"type": "array", "maxItems": 50, "items": _LINK},
            },
        },
        "spec": {
            "type": "object",
            "required": ["type", "lifecycle", "owner"],
            "properties": {
                "type": {"type": "string", "minLength": 1, "maxLength": 60},
                "lifecycle": {"enum": list(Component.Lifecycle.values)},
                "owner": {"type": "string", "minLength": 1, "maxLength": 200},
                "providesApis": _TEXTS,
                "consumesApis": _TEXTS,
            },
        },
    },
}
_KEPT = {
    "metadata": frozenset({"name", "title", "description", "tags", "links"}),
    "spec": frozenset({"type", "lifecycle", "owner", "providesApis", "consumesApis"}),
}


@dataclass
class Imported:
    """What one file brought: names by what was done, and sentences about what was left out."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # sentences about entities of other kinds
    warnings: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        parts = [
            f"{len(names)} {word}"
            for word, names in (
                ("added", self.created),
                ("changed", self.updated),
                ("unchanged", self.unchanged),
                ("gone", self.removed),
            )
            if names
        ]
        found = [f"Components: {', '.join(parts)}."] if parts else []
        return " ".join([*found, *self.others]) or "The file holds no component."


def import_document(actor: Actor, project: Project, text: str | bytes, location: str) -> Imported:
    """Bring the components of one `catalog-info.yaml` into a project's catalog.

    Components that `location` listed before and lists no longer are marked as gone. Raises
    `Invalid` with every wrong field (`documents.0.metadata.name`), `Clash` when a name is taken;
    then nothing is changed.
    """
    require(actor, "component.create", keeper_scope(project))
    if not location or len(location) > 300:  # noqa: PLR2004  # the column's width
        raise Invalid(
            "A location is 1 to 300 characters.",
            fix="Name the file, like “orders.git:catalog-info.yaml”.",
            errors=[FieldError("location", "length", "A location is 1 to 300 characters.")],
        )
    documents = [document for document in yaml.load_all(text) if document is not None]
    if len(documents) > MAX_DOCUMENTS:
        raise Invalid(f"The file holds {len(documents)} documents; {MAX_DOCUMENTS} are the most.")
    result = Imported()
    wanted = _components(documents, project, result)
    with transaction.atomic():
        for place, name, fields in wanted:
            _save(actor, project, location, (place, name, fields), result)
        kept = [name for _, name, _ in wanted]
        result.removed = mark_removed(actor, project, location, kept)
        result.others = [_read(actor, project, *other) for other in _others(documents)]
    return result


def _others(documents: list[Any]) -> list[tuple[int, EntityKind, Mapping[str, Any]]]:
    """Documents of kinds that somebody reads, with their place."""
    found = []
    for place, document in enumerate(documents):
        kind = document.get("kind") if isinstance(document, dict) else None
        reader = kinds.get(kind) if isinstance(kind, str) else None
        if reader is not None:
            found.append((place, reader, document))
    return found


def _read(
    actor: Actor, project: Project, place: int, kind: EntityKind, document: Mapping[str, Any]
) -> str:
    try:
        return kind.read(actor, project, document)
    except SlipwayError as error:
        own = [FieldError("spec", "kept", error.message, error.fix)]
        told = Invalid(error.message, fix=error.fix, errors=error.errors or own)
        raise _placed(told, place) from error


_Wanted = tuple[int, str, dict[str, Any]]


def _save(actor: Actor, project: Project, location: str, wanted: _Wanted, result: Imported) -> None:
    place, name, fields = wanted
    try:
        _, done = save_imported(actor, project, location, name, fields)
    except Invalid as error:
        raise _placed(error, place) from error
    {"created": result.created, "updated": result.updated, "unchanged": result.unchanged}[
        done
    ].append(name)


def _placed(error: SlipwayError, place: int) -> Invalid:
    """The error with its document's number before each field."""
    errors = [
        FieldError(f"documents.{place}.{e.field}", e.rule, e.message, e.fix) for e in error.errors
    ]
    return Invalid(error.message, fix=error.fix, errors=errors)


def _components(documents: list[Any], project: Project, result: Imported) -> list[_Wanted]:
    """The judged components in the file's order; raises `Invalid` with all errors at once."""
    errors: list[FieldError] = []
    wanted: list[_Wanted] = []
    owners = _Owners(project)
    for place, document in enumerate(documents):
        at = f"documents.{place}"
        kind = document.get("kind") if isinstance(document, dict) else None
        if isinstance(kind, str) and kinds.get(kind):
            continue
        if isinstance(kind, str) and kind != "Component":
            result.warnings.append(f"{at}: kind {kind[:60]} is not kept; only Component is.")
            continue
        try:
            jsonschema.validate(document, SCHEMA, at=at)
        except Invalid as error:
            errors += error.errors
            continue
        name = document["metadata"]["name"]
        if name in [other for _, other, _ in wanted]:
            errors.append(
                FieldError(f"{at}.metadata.name", "duplicate", f"{name} stands there twice.")
            )
            continue
        result.warnings += _left_out(document, at)
        owner = owners.resolve(document["spec"]["owner"], at, result.warnings)
        wanted.append((place, name, _fields(document, owner)))
    if errors:
        raise Invalid("; ".join(error.message for error in errors[:5]), errors=errors)
    return wanted


def _fields(document: Mapping[str, Any], owner: Team) -> dict[str, Any]:
    metadata, spec = document["metadata"], document["spec"]
    return {
        "title": metadata.get("title", ""),
        "description": metadata.get("description", "").strip(),
        "type": spec["type"],
        "lifecycle": spec["lifecycle"],
        "owner": owner,
        "tags": _distinct(metadata.get("tags", [])),
        "links": [
            {"url": link["url"], "title": link.get("title") or ""}
            for link in metadata.get("links", [])
        ],
        "provides_apis": _distinct([_bare(api) for api in spec.get("providesApis", [])]),
        "consumes_apis": _distinct([_bare(api) for api in spec.get("consumesApis", [])]),
    }


def _distinct(words: list[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _bare(reference: str) -> str:
    """The name in an entity reference `[kind:][namespace/]name` (Backstage)."""
    return reference.rpartition(":")[2].rpartition("/")[2]


def _left_out(document: Mapping[str, Any], at: str) -> list[str]:
    """A sentence for each field that the catalog does not keep."""
    return [
        f"{at}.{part}.{name[:60]} is not kept."
        for part, kept in _KEPT.items()
        for name in sorted(set(document[part]) - kept)
    ]


class _Owners:
    """Owner references resolved to teams; the project's team where nobody fits, with a warning."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.known: dict[str, Team | None] = {}

    def resolve(self, reference: str, at: str, warnings: list[str]) -> Team:
        if reference not in self.known:
            self.known[reference] = self._find(reference)
        team = self.known[reference]
        if team is None:
            warnings.append(
                f"{at}.spec.owner: “{reference[:80]}” is no team here, and no person with one team;"
                f" team {self.project.team} owns it."
            )
            return self.project.team
        return team

    def _find(self, reference: str) -> Team | None:
        """`orders` and `group:default/orders` name a team, `user:…` the person's only team."""
        kind = reference.partition(":")[0].lower() if ":" in reference else "group"
        name = _bare(reference)
        if kind == "user":
            person = User.objects.filter(username=name).prefetch_related("teams").first()
            teams = list(person.teams.all()) if person else []
            return teams[0] if len(teams) == 1 else None
        return Team.objects.filter(name=name).first()
