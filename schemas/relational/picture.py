"""The entity-relationship picture of a database model, as SVG without any style of its own.

Pages put `Picture.svg` into the document, where the site's style sheet colours its classes (the
page's policy allows no style attribute), and the table of `Picture.relations` beside it for those
who do not see it. Lines end in crow's feet: bar one, circle none, foot many.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from schemas.relational.layout import Box, Layout, Point, layered
from schemas.relational.model import Column, Constraint, ConstraintKind, Model, Table, path

MAX_TABLES = 60
MAX_RELATIONS = 300
_MAX_COLUMNS = 12  # drawn of one table
_MAX_UNIQUE = 200  # looked at of one table
_MAX_NAME = 34  # characters of a drawn name
_ROW, _HEAD, _SIGN, _PAD = 20, 28, 7, 10  # heights, the width of a character, the inner margin
_FOOT = 12  # the length of a crow's foot
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")


@dataclass(frozen=True)
class Relation:
    """A foreign key: each row of `child` refers to one row of `parent`, or to none."""

    name: str
    child: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    optional: bool  # the child may refer to none
    single: bool  # a parent has one child at most

    @property
    def sentence(self) -> str:
        many = "at most one" if self.single else "any number"
        one = "one or no" if self.optional else "exactly one"
        return (
            f"Each row of {self.child} refers to {one} row of {self.parent}; "
            f"each of {self.parent} has {many} of {self.child}."
        )


MARKS = {"added": "+", "removed": "−", "changed": "≠"}


@dataclass(frozen=True)
class Picture:
    svg: str
    tables: int  # that are drawn
    relations: tuple[Relation, ...]  # all that are drawn, in order
    left_out: tuple[str, ...]  # tables that are not drawn, for there are too many


def relations(model: Model) -> list[Relation]:
    """Every foreign key of the model, by child and name."""
    found: list[Relation] = []
    for table in model.tables:
        nullable = {one.name for one in table.columns if one.nullable}
        unique = [set(columns) for columns in _unique(table)]
        keys = [one for one in table.constraints if one.kind is ConstraintKind.FOREIGN_KEY]
        found += [_relation(table, key, nullable, unique) for key in keys]
    return sorted(found, key=lambda one: (one.child, one.name))


def _relation(
    table: Table, key: Constraint, nullable: set[str], unique: list[set[str]]
) -> Relation:
    return Relation(
        name=key.name,
        child=path(table.schema, table.name),
        columns=key.columns,
        parent=key.target,
        parent_columns=key.target_columns,
        optional=not nullable.isdisjoint(key.columns),
        single=any(one.issubset(key.columns) for one in unique),
    )


def _unique(table: Table) -> list[tuple[str, ...]]:
    kinds = {ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE}
    found = [one.columns for one in table.constraints if one.kind in kinds]
    whole = [one for one in table.indexes if one.unique and " WHERE " not in one.definition]
    every = [columns for columns in found + [one.columns for one in whole] if columns]
    return every[:_MAX_UNIQUE]


def draw(
    model: Model,
    *,
    only: Iterable[str] = (),
    links: Mapping[str, str] | None = None,
    marks: Mapping[str, str] | None = None,
) -> Picture:
    """The picture of all tables, or of `only` some paths with what they refer to.

    `links` gives tables an address to lead to, `marks` one of `MARKS`. At most `MAX_TABLES` are
    drawn: the most tied.
    """
    every = {path(one.schema, one.name): one for one in model.tables}
    ties = [one for one in relations(model) if one.parent in every]
    wanted = set(only)
    if wanted:
        ties = [one for one in ties if one.child in wanted or one.parent in wanted]
        wanted |= {name for one in ties for name in (one.child, one.parent)}
        every = {name: one for name, one in every.items() if name in wanted}
    count = Counter(name for one in ties for name in (one.child, one.parent))
    names = sorted(every, key=lambda name: (-count[name], name))
    kept = {name: every[name] for name in sorted(names[:MAX_TABLES])}
    ties = [one for one in ties if one.child in kept and one.parent in kept][:MAX_RELATIONS]
    rows = {name: _rows(table, name, ties) for name, table in kept.items()}
    boxes = [_box(name, rows[name]) for name in kept]
    layout = layered(boxes, [(one.child, one.parent) for one in ties])
    svg = _svg(boxes, rows, ties, layout, _Extras(links or {}, marks or {}))
    return Picture(svg, len(boxes), tuple(ties), tuple(sorted(names[MAX_TABLES:])))


def _rows(table: Table, name: str, ties: Iterable[Relation]) -> list[tuple[str, Column | None]]:
    """The columns that are drawn: keys and what others refer to, marked as such."""
    primary = {
        column
        for one in table.constraints
        if one.kind is ConstraintKind.PRIMARY_KEY
        for column in one.columns
    }
    foreign = {column for one in ties if one.child == name for column in one.columns}
    met = {column for one in ties if one.parent == name for column in one.parent_columns}
    unique = {columns[0] for columns in _unique(table) if len(columns) == 1}
    keys = primary | foreign | met | unique
    found: list[tuple[str, Column | None]] = []
    for column in table.columns:
        if column.name in keys:
            marks = [("PK", primary), ("FK", foreign), ("UQ", unique - primary)]
            mark = " ".join(word for word, held in marks if column.name in held)
            found.append((mark, column))
    rest = len(table.columns) - len(found[:_MAX_COLUMNS])
    return [*found[:_MAX_COLUMNS], *([(f"+ {rest} more", None)] if rest else [])]


def _box(name: str, rows: list[tuple[str, Column | None]]) -> Box:
    longest = max([len(_short(name)) + 4, *(_length(mark, column) for mark, column in rows)])
    return Box(name, longest * _SIGN + 2 * _PAD, _HEAD + _ROW * len(rows) + _PAD)


def _length(mark: str, column: Column | None) -> int:
    return len(mark) if column is None else 6 + len(_short(column.name)) + 2 + _type_length(column)


def _type_length(column: Column) -> int:
    return len(_short(column.type))


def _short(name: str) -> str:
    clean = _UNPRINTABLE.sub("�", name)
    return clean if len(clean) <= _MAX_NAME else clean[: _MAX_NAME - 1] + "…"


def _text(value: str) -> str:
    return escape(_UNPRINTABLE.sub("�", value))


@dataclass(frozen=True)
class _Extras:
    """What stands with tables, by their paths: an address, a mark."""

    links: Mapping[str, str]
    marks: Mapping[str, str]


def _svg(
    boxes: Iterable[Box],
    rows: Mapping[str, list[tuple[str, Column | None]]],
    ties: Iterable[Relation],
    layout: Layout,
    extras: _Extras,
) -> str:
    size = {box.name: box for box in boxes}
    lines = [_line(one, layout, size, rows) for one in ties]
    tables = [_table(box, layout.places[box.name], rows[box.name], extras) for box in size.values()]
    label = f"Entity-relationship diagram: {len(tables)} tables, {len(lines)} relations"
    return (
        f'<svg class="er" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" '
        f'width="{layout.width}" height="{layout.height}" '
        f'viewBox="0 0 {layout.width} {layout.height}">'
        f"{''.join(lines)}{''.join(tables)}</svg>"
    )


def _table(box: Box, at: Point, rows: list[tuple[str, Column | None]], extras: _Extras) -> str:
    head = (
        f'<rect class="er-box" x="{at.x}" y="{at.y}" width="{box.width}" height="{box.height}" '
        f'rx="4"/><path class="er-rule" d="M{at.x} {at.y + _HEAD}h{box.width}"/>'
    )
    name = (
        f'<text class="er-name" x="{at.x + _PAD}" y="{at.y + 19}">{_text(_short(box.name))}</text>'
    )
    if box.name in extras.links:
        name = f'<a href="{_text(extras.links[box.name])}">{name}</a>'
    mark = extras.marks.get(box.name, "")
    if mark:
        x, y = at.x + box.width - _PAD, at.y + 19
        name += f'<text class="er-mark" x="{x}" y="{y}" text-anchor="end">{MARKS[mark]}</text>'
    body = "".join(
        _row(box, at.x, at.y + _HEAD + _ROW * number + 17, *row) for number, row in enumerate(rows)
    )
    kind, title = (f" is-{mark}", f"{box.name}: {mark}") if mark else ("", box.name)
    return f'<g class="er-table{kind}"><title>{_text(title)}</title>{head}{name}{body}</g>'


def _row(box: Box, x: int, y: int, mark: str, column: Column | None) -> str:
    mark_text = f'<text class="er-key" x="{x + _PAD}" y="{y}">{mark}</text>' if mark else ""
    if column is None:
        return mark_text
    name_x, type_x = x + _PAD + 6 * _SIGN, x + box.width - _PAD
    return (
        f'{mark_text}<text class="er-column" x="{name_x}" y="{y}">'
        f"{_text(_short(column.name))}</text>"
        f'<text class="er-type" x="{type_x}" y="{y}" text-anchor="end">'
        f"{_text(_short(column.type))}</text>"
    )


def _line(
    one: Relation,
    layout: Layout,
    size: Mapping[str, Box],
    rows: Mapping[str, list[tuple[str, Column | None]]],
) -> str:
    """From the child's row to the parent's; the two ends tell how many."""
    child_y = layout.places[one.child].y + _row_middle(rows[one.child], one.columns)
    parent_y = layout.places[one.parent].y + _row_middle(rows[one.parent], one.parent_columns)
    child_x, parent_x = layout.places[one.child].x, layout.places[one.parent].x
    to_left = parent_x + size[one.parent].width < child_x
    to_right = child_x + size[one.child].width < parent_x
    start = Point(child_x + (0 if to_left else size[one.child].width), child_y)
    end = Point(parent_x + (0 if to_right else size[one.parent].width), parent_y)
    out, back = (-1 if to_left else 1), (-1 if to_right else 1)
    bends = layout.bends.get((one.child, one.parent))
    if bends is None:  # the layout turned this line round
        bends = layout.bends.get((one.parent, one.child), ())[::-1]
    curve = _curve(start, [Point(bend.x, bend.y) for bend in bends], end, out, back)
    feet = _child_end(start, out, one) + _parent_end(end, back, one)
    return (
        f'<g class="er-relation"><title>{_text(one.sentence)}</title>'
        f'<path class="er-line" d="{curve}"/>{feet}</g>'
    )


def _row_middle(rows: list[tuple[str, Column | None]], columns: tuple[str, ...]) -> int:
    for number, (_, column) in enumerate(rows):
        if column is not None and column.name in columns:
            return _HEAD + _ROW * number + 12
    return _HEAD // 2


def _curve(start: Point, bends: list[Point], end: Point, out: int, back: int) -> str:
    first = Point(start.x + out * _FOOT, start.y)
    last = Point(end.x + back * _FOOT, end.y)
    words = [f"M{start.x} {start.y}L{first.x} {first.y}"]
    here = first
    for number, there in enumerate([*bends, last]):
        far = max(30, abs(there.x - here.x) // 2)
        leave = out if number == 0 or here.x > there.x else -out
        arrive = back if number == len(bends) else -leave
        words.append(
            f"C{here.x + leave * far} {here.y} {there.x + arrive * far} {there.y} "
            f"{there.x} {there.y}"
        )
        here = there
    return "".join([*words, f"L{end.x} {end.y}"])


def _child_end(at: Point, out: int, one: Relation) -> str:
    """None or more children of a parent: a circle, and a foot or a bar."""
    far = at.x + out * _FOOT
    circle = f'<circle class="er-none" cx="{far + out * 4}" cy="{at.y}" r="4"/>'
    if one.single:
        return f'<path class="er-foot" d="M{at.x + out * 6} {at.y - 5}v10"/>{circle}'
    foot = f"M{far} {at.y}L{at.x} {at.y - 6}M{far} {at.y}L{at.x} {at.y + 6}"
    return f'<path class="er-foot" d="{foot}"/>{circle}'


def _parent_end(at: Point, out: int, one: Relation) -> str:
    bar = f'<path class="er-foot" d="M{at.x + out * 6} {at.y - 5}v10"/>'
    if one.optional:
        return bar + f'<circle class="er-none" cx="{at.x + out * 12}" cy="{at.y}" r="4"/>'
    return bar + f'<path class="er-foot" d="M{at.x + out * 10} {at.y - 5}v10"/>'
