"""Differences between two tables, or two views, of one name; called by `diff`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from schemas.relational.differences import Collector, Kind, Risk
from schemas.relational.model import (
    Column,
    Constraint,
    ConstraintKind,
    Index,
    Policy,
    Rule,
    Table,
    Trigger,
    View,
    path,
    quoted,
)


class Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def comment(self) -> str: ...


N = TypeVar("N", bound=Named)
T = TypeVar("T")
_CONSTRAINT_KINDS = {
    ConstraintKind.PRIMARY_KEY: Kind.PRIMARY_KEY,
    ConstraintKind.UNIQUE: Kind.UNIQUE,
    ConstraintKind.FOREIGN_KEY: Kind.FOREIGN_KEY,
    ConstraintKind.CHECK: Kind.CHECK,
    ConstraintKind.EXCLUSION: Kind.EXCLUSION,
}  # a constraint trigger is compared as the trigger that it is


def matched(
    old: Iterable[T], new: Iterable[T], key: Callable[[T], str]
) -> tuple[list[T], list[T], list[tuple[T, T]]]:
    """What only the old side has, what only the new one has, and the pairs of both."""
    was, now = {key(one): one for one in old}, {key(one): one for one in new}
    return (
        [one for name, one in was.items() if name not in now],
        [one for name, one in now.items() if name not in was],
        [(one, now[name]) for name, one in was.items() if name in now],
    )


@dataclass(frozen=True)
class Part(Generic[N]):
    """How one kind of a table's parts is compared: by name, then by what it says."""

    kind: Kind
    text: Callable[[N], str]
    adding: Risk
    removing: Risk
    changing: Risk

    def compare(
        self, found: Collector, at: str, old: Iterable[N], new: Iterable[N], *, types: bool
    ) -> None:
        """`types` says that a column's type differs, which puts casts into these texts."""
        removed, added, both = matched(old, new, lambda one: one.name)
        texts = found.texts
        by_key = {texts.key(self.text(one), types=types): one for one in added} if removed else {}
        twins: set[str] = set()
        for was in removed:
            twin = by_key.pop(texts.key(self.text(was), types=types), None)
            if twin is None:
                found.removed(self.kind, quoted(was.name), self.removing, self.text(was), at)
                continue
            twins.add(twin.name)
            found.renamed(self.kind, at, was.name, twin.name)
            found.comment(f"{at}.{quoted(twin.name)}", was.comment, twin.comment)
        for one in (one for one in added if one.name not in twins):
            found.added(self.kind, quoted(one.name), self.adding, self.text(one), at)
        for was, now in both:
            where, old_text, new_text = f"{at}.{quoted(now.name)}", self.text(was), self.text(now)
            if not texts.same(old_text, new_text, types=types):
                found.redefined(self.kind, where, old_text, new_text, self.changing)
            found.comment(where, was.comment, now.comment)


def _index_text(index: Index) -> str:
    words = ("UNIQUE " if index.unique else "") + index.definition
    return words if index.valid else f"{words} INVALID"


def _trigger_text(trigger: Trigger) -> str:
    state = "" if trigger.enabled == "origin" else f" [{trigger.enabled}]"
    return trigger.definition + state


def _policy_text(policy: Policy) -> str:
    words = f"{'PERMISSIVE' if policy.permissive else 'RESTRICTIVE'} FOR {policy.command}"
    words += f" TO {', '.join(policy.roles)}"
    words += f" USING ({policy.using})" if policy.using else ""
    return words + (f" WITH CHECK ({policy.check})" if policy.check else "")


def _definition(one: Constraint | Rule) -> str:
    return one.definition


INDEX = Part[Index](Kind.INDEX, _index_text, Risk.LOCKS, Risk.HARMLESS, Risk.LOCKS)
TRIGGER = Part[Trigger](Kind.TRIGGER, _trigger_text, *(Risk.BEHAVES,) * 3)
RULE = Part[Rule](Kind.RULE, _definition, *(Risk.BEHAVES,) * 3)
POLICY = Part[Policy](Kind.POLICY, _policy_text, *(Risk.BEHAVES,) * 3)
CONSTRAINTS = {
    kind: Part[Constraint](said, _definition, Risk.LOCKS, Risk.HARMLESS, Risk.LOCKS)
    for kind, said in _CONSTRAINT_KINDS.items()
}


def compare_tables(found: Collector, old: Table, new: Table) -> bool:
    """Adds the differences; whether a column's type is among them."""
    at = path(new.schema, new.name)
    types = _columns(found, at, old, new)
    for kind, part in CONSTRAINTS.items():
        sides = [[one for one in side.constraints if one.kind is kind] for side in (old, new)]
        part.compare(found, at, *sides, types=types)
    INDEX.compare(found, at, old.indexes, new.indexes, types=types)
    TRIGGER.compare(found, at, old.triggers, new.triggers, types=types)
    RULE.compare(found, at, old.rules, new.rules, types=types)
    POLICY.compare(found, at, old.policies, new.policies, types=types)
    _whole(found, at, old, new)
    found.comment(at, old.comment, new.comment)
    return types


def compare_views(found: Collector, kind: Kind, old: View, new: View, *, types: bool) -> None:
    at = path(new.schema, new.name)
    if not found.texts.same(old.definition, new.definition, types=types):
        kept = {(one.name, one.type) for one in new.columns}
        breaks = any((one.name, one.type) not in kept for one in old.columns)
        risk = Risk.BREAKS if breaks else Risk.BEHAVES
        found.redefined(kind, at, old.definition, new.definition, risk)
    INDEX.compare(found, at, old.indexes, new.indexes, types=types)
    TRIGGER.compare(found, at, old.triggers, new.triggers, types=types)
    RULE.compare(found, at, old.rules, new.rules, types=types)
    if old.options != new.options:
        _options(found, at, old.options, new.options)
    found.comment(at, old.comment, new.comment)
    for was, now in matched(old.columns, new.columns, lambda one: one.name)[2]:
        found.comment(f"{at}.{quoted(now.name)}", was.comment, now.comment)


def _columns(found: Collector, at: str, old: Table, new: Table) -> bool:
    removed, added, both = matched(old.columns, new.columns, lambda one: one.name)
    for one in removed:
        found.removed(Kind.COLUMN, f"{at}.{quoted(one.name)}", Risk.LOSES, one.type)
    for one in added:
        required = not (one.nullable or one.default or one.identity or one.generated)
        risk = Risk.BREAKS if required else Risk.HARMLESS
        found.added(Kind.COLUMN, f"{at}.{quoted(one.name)}", risk, one.type)
    of_key = _key_columns(old) ^ _key_columns(new)
    for was, now in both:
        _column(found, f"{at}.{quoted(now.name)}", was, now, in_other_key=now.name in of_key)
    return any(was.type != now.type for was, now in both)


def _key_columns(table: Table) -> set[str]:
    keys = [one for one in table.constraints if one.kind is ConstraintKind.PRIMARY_KEY]
    return {name for key in keys for name in key.columns}


def _column(found: Collector, at: str, old: Column, new: Column, *, in_other_key: bool) -> None:
    subject = f"Column `{at}`"
    if old.type != new.type:
        found.changed(
            Kind.TYPE, at, old.type, new.type, type_risk(old.type, new.type), subject=subject
        )
    types = old.type != new.type
    if not found.texts.same(old.default, new.default, types=types):
        said = f"The default of `{at}`"
        found.changed(Kind.DEFAULT, at, old.default, new.default, Risk.BEHAVES, subject=said)
    if old.nullable != new.nullable and not in_other_key:
        _nullability(found, at, new_nullable=new.nullable)
    if old.identity != new.identity:
        said = f"The identity of `{at}`"
        found.changed(Kind.IDENTITY, at, old.identity, new.identity, Risk.BEHAVES, subject=said)
    if not found.texts.same(old.generated, new.generated, types=types):
        said = f"The generating expression of `{at}`"
        found.changed(Kind.GENERATED, at, old.generated, new.generated, Risk.LOCKS, subject=said)
    if old.collation != new.collation:
        said = f"The collation of `{at}`"
        found.changed(Kind.COLLATION, at, old.collation, new.collation, Risk.LOCKS, subject=said)
    found.comment(at, old.comment, new.comment)


def _nullability(found: Collector, at: str, *, new_nullable: bool) -> None:
    words = ("NOT NULL", "nullable") if new_nullable else ("nullable", "NOT NULL")
    sentence = f"Column `{at}` is {words[0]} {found.sides.old}, {found.sides.new} {words[1]}."
    risk = Risk.HARMLESS if new_nullable else Risk.LOCKS
    found.said(Kind.NULLABILITY, at, *words, risk, sentence=sentence)


def _whole(found: Collector, at: str, old: Table, new: Table) -> None:
    """What concerns the table as a whole."""
    table = f"Table `{at}`"
    if old.kind != new.kind:
        found.changed(Kind.TABLE, at, old.kind, new.kind, Risk.LOSES, subject=table)
    if old.unlogged != new.unlogged:
        words = {True: "unlogged", False: "logged"}
        was, now = words[old.unlogged], words[new.unlogged]
        found.changed(Kind.STORAGE, at, was, now, Risk.LOCKS, subject=table)
    if old.options != new.options:
        _options(found, at, old.options, new.options)
    was, now = _security(old), _security(new)
    if was != now:
        said = f"Row-level security of `{at}`"
        found.changed(Kind.ROW_SECURITY, at, was, now, Risk.BEHAVES, subject=said)
    if not found.texts.same(old.partition_key, new.partition_key):
        was, now, said = old.partition_key, new.partition_key, f"The partition key of `{at}`"
        found.changed(Kind.PARTITIONING, at, was, now, Risk.LOSES, subject=said)
    if not found.texts.same(old.partition_bound, new.partition_bound):
        was, now, said = old.partition_bound, new.partition_bound, f"The bound of partition `{at}`"
        found.changed(Kind.PARTITIONING, at, was, now, Risk.LOSES, subject=said)
    if old.parents != new.parents:
        was, now, said = ", ".join(old.parents), ", ".join(new.parents), f"The parent of `{at}`"
        found.changed(Kind.INHERITANCE, at, was, now, Risk.BEHAVES, subject=said)


def _options(found: Collector, at: str, old: Iterable[str], new: Iterable[str]) -> None:
    was, now, said = ", ".join(old), ", ".join(new), f"The storage setting of `{at}`"
    found.changed(Kind.STORAGE, at, was, now, Risk.HARMLESS, subject=said)


def _security(table: Table) -> str:
    if not table.row_security:
        return "off"
    return "on, also for the owner" if table.row_security_forced else "on"


_SIZED = re.compile(r"([a-z ]+?)(?:\((\d+)(?:,(\d+))?\))?")
_TEXTS = {"character varying", "text"}
_WHOLE = ("smallint", "integer", "bigint")


def type_risk(old: str, new: str) -> Risk:
    """What ALTER TYPE does: longer texts are free, larger numbers rewrite, the rest may break."""
    was, now = _SIZED.fullmatch(old), _SIZED.fullmatch(new)
    if was is None or now is None:
        return Risk.BREAKS
    if old in _WHOLE and new in _WHOLE:
        return Risk.LOCKS if _WHOLE.index(new) > _WHOLE.index(old) else Risk.LOSES
    if was[1] in _TEXTS and now[1] in _TEXTS:
        return Risk.HARMLESS if _room(now[2]) >= _room(was[2]) else Risk.LOSES
    if was[1] == now[1] == "numeric":
        return _numeric_risk(was, now)
    return Risk.BREAKS


def _numeric_risk(was: re.Match[str], now: re.Match[str]) -> Risk:
    before, after = int(was[3] or 0), int(now[3] or 0)
    if now[2] is None:
        return Risk.HARMLESS
    whole = _room(now[2]) - after >= _room(was[2]) - before
    if not whole or after < before:
        return Risk.LOSES
    return Risk.HARMLESS if after == before else Risk.LOCKS


def _room(size: str | None) -> int:
    return int(size) if size else 10**9
