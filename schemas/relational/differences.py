"""What a difference between two database models is, and how it is said.

`diff` finds them; pages, gates and the drift alarm show the sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.relational import normal

_SHOWN = 160  # characters of a value within a sentence


class Kind(StrEnum):
    SCHEMA = "schema"
    TABLE = "table"
    COLUMN = "column"
    TYPE = "type"
    DEFAULT = "default"
    NULLABILITY = "nullability"
    IDENTITY = "identity"
    GENERATED = "generated column"
    COLLATION = "collation"
    PRIMARY_KEY = "primary key"
    UNIQUE = "unique"
    FOREIGN_KEY = "foreign key"
    CHECK = "check"
    EXCLUSION = "exclusion"
    INDEX = "index"
    ENUM = "enum"
    ENUM_LABEL = "enum label"
    DOMAIN = "domain"
    COMPOSITE = "composite type"
    RANGE = "range type"
    SEQUENCE = "sequence"
    VIEW = "view"
    MATERIALISED_VIEW = "materialised view"
    FUNCTION = "function"
    PROCEDURE = "procedure"
    AGGREGATE = "aggregate"
    WINDOW_FUNCTION = "window function"
    TRIGGER = "trigger"
    RULE = "rule"
    POLICY = "policy"
    ROW_SECURITY = "row security"
    PARTITIONING = "partitioning"
    INHERITANCE = "inheritance"
    STORAGE = "storage"
    EXTENSION = "extension"
    COMMENT = "comment"


class Action(StrEnum):
    """What happened from the old side to the new one."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"


class Risk(StrEnum):
    """What making the old side like the new one does to those who use it."""

    HARMLESS = "harmless"
    BEHAVES = "changes behaviour"
    LOCKS = "locks"
    BREAKS = "breaks"
    LOSES = "loses data"


@dataclass(frozen=True)
class Sides:
    """How a sentence names the two models: a database and its declaration, or two environments."""

    old: str = "there"
    new: str = "declared"


@dataclass(frozen=True)
class Difference:
    kind: Kind
    action: Action
    path: str
    old: str
    new: str
    risk: Risk
    sentence: str


def shown(text: str) -> str:
    """A value within a sentence: on one line, shortened, in backticks; `nothing` when empty."""
    flat = " ".join(text[: _SHOWN * 4].split())
    if not flat:
        return "nothing"
    return f"`{flat[:_SHOWN]}…`" if len(flat) > _SHOWN else f"`{flat}`"


def noun(kind: Kind) -> str:
    words = {Kind.UNIQUE: "unique constraint", Kind.CHECK: "check constraint"}
    words |= {Kind.EXCLUSION: "exclusion constraint"}
    return words.get(kind, str(kind)).capitalize()


def missing(subject: str, sides: Sides) -> str:
    return f"{subject} is {sides.new}, but missing {sides.old}."


def extra(subject: str, sides: Sides) -> str:
    return f"{subject} exists {sides.old}, but is not {sides.new}."


def turned(subject: str, old: str, new: str, sides: Sides) -> str:
    return f"{subject} is {old} {sides.old}, {sides.new} {new}."


def other_text(subject: str, old: str, new: str, sides: Sides) -> str:
    """Two long definitions by their first line that differs."""
    was, now = normal.lines(old), normal.lines(new)
    place = next(
        (n for n, (a, b) in enumerate(zip(was, now, strict=False)) if a != b),
        min(len(was), len(now)),
    )
    before, after = (side[place] if place < len(side) else "" for side in (was, now))
    at = f"line {place + 1} is " if max(len(was), len(now)) > 1 else ""
    return (
        f"{subject} is defined differently: {at}{shown(before)} {sides.old}, "
        f"{sides.new} {shown(after)}."
    )


class Collector:
    """Takes differences as they are found and puts them in words."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.found: list[Difference] = []
        self.texts = normal.Texts()

    def added(self, kind: Kind, at: str, risk: Risk, text: str = "", of: str = "") -> None:
        """The new side has it, the old side has not."""
        sentence = missing(_subject(kind, at, text, of), self.sides)
        where = f"{of}.{at}" if of else at
        self.found.append(Difference(kind, Action.ADDED, where, "", text or at, risk, sentence))

    def removed(self, kind: Kind, at: str, risk: Risk, text: str = "", of: str = "") -> None:
        sentence = extra(_subject(kind, at, text, of), self.sides)
        where = f"{of}.{at}" if of else at
        self.found.append(Difference(kind, Action.REMOVED, where, text or at, "", risk, sentence))

    def changed(
        self, kind: Kind, at: str, old: str, new: str, risk: Risk, *, subject: str = ""
    ) -> None:
        """A short fact; `subject` begins the sentence where the kind's own noun does not."""
        said = turned(subject or f"{noun(kind)} `{at}`", shown(old), shown(new), self.sides)
        self.said(kind, at, old, new, risk, sentence=said)

    def redefined(self, kind: Kind, at: str, old: str, new: str, risk: Risk) -> None:
        """A definition of maybe many lines."""
        said = other_text(f"{noun(kind)} `{at}`", old, new, self.sides)
        self.said(kind, at, old, new, risk, sentence=said)

    def renamed(self, kind: Kind, at: str, old: str, new: str) -> None:
        said = f"{noun(kind)} of `{at}` is named `{old}` {self.sides.old}, {self.sides.new} "
        said += f"`{new}`; both are equal otherwise."
        action, risk = Action.RENAMED, Risk.HARMLESS
        self.found.append(Difference(kind, action, at, old, new, risk, said))

    def comment(self, at: str, old: str, new: str) -> None:
        if normal.lines(old) != normal.lines(new):
            subject = f"The comment on `{at}`"
            self.changed(Kind.COMMENT, at, old, new, Risk.HARMLESS, subject=subject)

    def said(self, kind: Kind, at: str, old: str, new: str, risk: Risk, *, sentence: str) -> None:
        self.found.append(Difference(kind, Action.CHANGED, at, old, new, risk, sentence))


def _subject(kind: Kind, at: str, text: str, of: str) -> str:
    told = f" ({shown(text)})" if text else ""
    return f"{noun(kind)} `{at}`{f' of `{of}`' if of else ''}{told}"
