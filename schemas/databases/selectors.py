"""Reads of databases: what an actor may see, models from their stored texts, and differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Count, QuerySet

from idp.common.errors import Invalid, NotVisible
from rbac.access import get_visible, visible
from rbac.actors import Actor
from rbac.models import Project, Scope
from schemas.databases import readers
from schemas.databases.models import (
    Database,
    DatabaseInstance,
    DatabaseSnapshot,
    DatabaseVersion,
    Declaration,
)
from schemas.permissions import DATABASE_VIEW
from schemas.relational import coarse, stored
from schemas.relational.diff import TOOLS, differences
from schemas.relational.differences import Difference, Risk, Sides
from schemas.relational.model import Model

MAX_WORD = 100
MAX_NUMBER = 2**31 - 1
MAX_AWAITED = 200  # versions that an instance may be behind


@dataclass(frozen=True)
class Side:
    """One of two models that are compared: a declared version, or an instance as last read."""

    name: str  # within a sentence: `in staging`, `declared in version 3`
    short: str  # as people choose it: `staging`, `3`
    model: Model
    ignoring: tuple[str, ...] = ()


def project(actor: Actor, name: str) -> Project:
    rows = Project.objects.select_related("scope", "team")
    return get_visible(actor, "project.view", rows, name=name.replace("\0", ""))


def databases(actor: Actor, *, project: str = "", text: str = "") -> QuerySet[Database]:
    """The visible databases; `text` is part of a name or component."""
    rows = visible(actor, DATABASE_VIEW, Database.objects.select_related("project__team"))
    if project:
        rows = rows.filter(project__name=project[:MAX_WORD])
    if text:
        word = text.replace("\0", "")[:MAX_WORD]
        rows = rows.filter(name__icontains=word) | rows.filter(component__icontains=word)
    return rows.annotate(lives=Count("instances", distinct=True))


def database(actor: Actor, pk: int) -> Database:
    rows = Database.objects.select_related("project__team", "project__scope", "keeper")
    return get_visible(actor, DATABASE_VIEW, rows, pk=pk)


def instances(one: Database) -> QuerySet[DatabaseInstance]:
    rows = DatabaseInstance.objects.filter(database=one).order_by("pk")
    return rows.select_related(
        "scope__project_scope", "scope__tier_scope", "database__project", "expected"
    ).defer("expected__sql", "expected__model")


def instance(actor: Actor, pk: int, number: int) -> DatabaseInstance:
    """An instance of a visible database, by its number."""
    found = instances(database(actor, pk)).filter(pk=number).first()
    if found is None:
        raise NotVisible("There is nothing here, or you may not see it.")
    return found


def instances_at(scope: Scope) -> QuerySet[DatabaseInstance]:
    """The active instances of an environment, whoever asks: its own, and those of its tier."""
    rows = DatabaseInstance.objects.filter(scope__in=scope.lineage, active=True).order_by("pk")
    return rows.select_related("scope", "database__project", "expected").defer(
        "url", "expected__sql", "expected__model"
    )


def seen_at(actor: Actor, scope: Scope) -> list[DatabaseInstance]:
    """Those of them that the actor may see."""
    return list(visible(actor, DATABASE_VIEW, instances_at(scope)))


def awaited(one: DatabaseInstance) -> list[DatabaseVersion]:
    """The versions that an instance shall get and was not seen to have, the newest first.

    Each follows its base, so that one which another took the place of is left out.
    """
    last = one.expected.number if one.expected else one.database.last_version
    rows = one.database.versions.filter(number__gt=one.reached, number__lte=last)
    held = {row.number: row for row in rows.defer("sql", "model").order_by("-number")[:MAX_AWAITED]}
    found, number = [], last
    while number in held:
        found.append(held[number])
        number = held[number].base
    return found


def drifted(actor: Actor) -> QuerySet[DatabaseInstance]:
    """Visible instances that differ from their declaration, the newest drift first."""
    rows = visible(actor, DATABASE_VIEW, DatabaseInstance.objects.filter(drift_count__gt=0))
    return rows.filter(active=True).order_by("-drifted_at")


def version(one: Database, number: int) -> DatabaseVersion:
    found = one.versions.filter(number=number).first() if 0 < number <= MAX_NUMBER else None
    if found is None:
        raise NotVisible(f"{one} has no version {number}.")
    return found


def newest(one: Database) -> DatabaseVersion | None:
    return one.versions.order_by("-number").first()


def declarations(one: Database) -> QuerySet[Declaration]:
    """What was handed in and made no version yet: under way or refused, the newest first."""
    rows = one.declarations.exclude(state=Declaration.State.DECLARED)
    return rows.defer("sql").order_by("-pk")


def declaration(one: Database, number: int) -> Declaration:
    rows = one.declarations.filter(pk=number).select_related("version")
    found = rows.first() if 0 < number <= MAX_NUMBER else None
    if found is None:
        raise NotVisible(f"{one} has no declaration {number}.")
    return found


def expected(one: DatabaseInstance) -> DatabaseVersion | None:
    """The version that an instance should have."""
    return one.expected or newest(one.database)


def snapshot(one: DatabaseInstance) -> DatabaseSnapshot | None:
    return one.snapshots.order_by("-seen_at", "-pk").first()


def side(one: Database, word: str) -> Side:
    """What a word names: a version's number, or the environment of an instance."""
    if word.isascii() and word.isdigit():
        row = version(one, int(word[:12]))
        return Side(f"declared in version {row.number}", word, stored.parse(row.model))
    live = instances(one).filter(scope__name=word[:MAX_WORD]).first()
    if live is None:
        raise NotVisible(f"{one} has no version and lives in no environment “{word[:40]}”.")
    held = snapshot(live)
    if held is None:
        raise Invalid(f"{live} was never read.", fix=f"Read it first. {live.error}".strip())
    ignored = (*TOOLS, *live.ignoring)
    return Side(f"in {live.place}", live.place, stored.parse(held.model), ignored)


def compare(old: Side, new: Side) -> tuple[Difference, ...]:
    """Every difference from the old side to the new one, in words that name both."""
    was, now, hidden = coarse.both(old.model, new.model)
    ignoring = {*old.ignoring, *new.ignoring, *hidden}
    return differences(was, now, Sides(old.name, new.name), ignoring=ignoring)


def drift_of(model: Model, declared: Model, ignoring: Iterable[str]) -> tuple[Difference, ...]:
    """From what is there to what is declared."""
    was, now, hidden = coarse.both(model, declared)
    return differences(was, now, ignoring=(*TOOLS, *ignoring, *hidden))


def plain(found: Iterable[Difference]) -> list[dict[str, Any]]:
    """Differences as JSON has them; long definitions are cut, the sentence names the line."""
    return [
        {**{key: str(value) for key, value in asdict(one).items()}, "old": _cut(one.old),
         "new": _cut(one.new)}
        for one in found
    ]  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


MAX_TEXT = 2_000
_GOES = frozenset({Risk.LOSES, Risk.BREAKS})  # what others who read it would notice


def told(one: Database, found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Plain differences, each with who declared that they read what making it equal would take."""
    known = readers.readers_of(one)
    return [
        {**row, "readers": readers.read_by(known, row["path"]) if row["risk"] in _GOES else ""}
        for row in found
    ]
