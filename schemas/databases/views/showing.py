"""What the tabs with a diagram show, schema and differences; and the same as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import mark_safe

from idp.common.errors import Invalid, SlipwayError
from rbac.views.mixins import AccessMixin
from schemas.databases import selectors
from schemas.databases.models import Database
from schemas.databases.selectors import Side
from schemas.permissions import DATABASE_VIEW
from schemas.relational import coarse, stored
from schemas.relational.differences import Difference
from schemas.relational.drawings import compared, standalone
from schemas.relational.model import Model, Table, View, path
from schemas.relational.picture import Picture, draw

MAX_VERSIONS = 100
MAX_SHOWN = 500  # differences on one page
MAX_TABLES, MAX_COLUMNS = 200, 60


def schema(view: AccessMixin, database: Database) -> dict[str, Any]:
    choices = _choices(database)
    word = view.request.GET.get("of", "") or (choices[0]["value"] if choices else "")
    if not word:
        return {"choices": choices, "chosen": ""}
    try:
        side = selectors.side(database, word)
    except SlipwayError as error:
        return {"choices": choices, "chosen": word, "problem": error}
    picture = draw(side.model)
    return {
        "choices": choices,
        "chosen": side.short,
        "name": side.name,
        "declared": side.short.isdigit(),
        "svg": mark_safe(picture.svg),  # noqa: S308  # our own output, names escaped by it
        "relations": picture.relations,
        "left_out": picture.left_out,
        "model": side.model,
        "counts": _counts(side.model),
        "tables": _tables(side.model),
        "drawn": len(side.model.tables) + len(side.model.views),
        "more_tables": len(side.model.tables) + len(side.model.views) > MAX_TABLES,
    }


def _tables(model: Model) -> list[dict[str, Any]]:
    every: list[Table | View] = [*model.tables, *model.views]
    return [_table(one) for one in every[:MAX_TABLES]]


def _table(one: Table | View) -> dict[str, Any]:
    if isinstance(one, Table):
        kind = one.kind
    else:
        kind = "materialised view" if one.materialised else "view"
    return {
        "name": path(one.schema, one.name),
        "kind": kind,
        "columns": one.columns[:MAX_COLUMNS],
        "more": max(0, len(one.columns) - MAX_COLUMNS),
        "comment": one.comment,
    }


def _counts(model: Model) -> list[tuple[int, str]]:
    """How many of each kind there are, in singular where it is one."""
    names = ("tables", "views", "enums", "domains", "sequences", "routines", "extensions")
    found = [(len(getattr(model, name)), name) for name in names]
    return [(count, name[:-1] if count == 1 else name) for count, name in found if count]


def _choices(database: Database) -> list[dict[str, str]]:
    """What can be looked at and compared: the newest versions, and each place that was read."""
    numbers = database.versions.order_by("-number").values_list("number", flat=True)[:MAX_VERSIONS]
    lives = selectors.instances(database).filter(taken_at__isnull=False)
    return [
        *({"value": str(n), "label": f"declared: version {n}"} for n in numbers),
        *({"value": row.place, "label": f"read in {row.place}"} for row in lives),
    ]


def differences(view: AccessMixin, database: Database) -> dict[str, Any]:
    choices, query = _choices(database), view.request.GET
    values = [one["value"] for one in choices]
    lives = [one["value"] for one in choices if one["label"].startswith("read")]
    usual = lives[:2] if len(lives) > 1 else [*values[-1:], *values[:1]]
    words = [query.get(name, "") for name in ("from", "to")]
    words = words if all(words) else usual
    context: dict[str, Any] = {"choices": choices, "enough": len(choices) > 1}
    if len(words) < 2 or not context["enough"]:  # noqa: PLR2004  # it takes two
        return context
    context |= {"from": words[0], "to": words[1]}
    try:
        old, new = (selectors.side(database, word) for word in words)
        found = selectors.compare(old, new)
    except SlipwayError as error:
        return {**context, "problem": error}
    picture, others = _drawn(old.model, new.model, found)
    return {
        **context,
        "old": old,
        "new": new,
        "svg": mark_safe(picture.svg),  # noqa: S308  # our own output, names escaped by it
        "drawn": picture.tables,
        "others": others,
        "left_out": picture.left_out,
        "limits": coarse.limits([old.model, new.model]),
        "count": len(found),
        "differences": selectors.told(database, selectors.plain(found[:MAX_SHOWN])),
    }


def _drawn(old: Model, new: Model, found: Sequence[Difference]) -> tuple[Picture, int]:
    """The tables that differ with those they are tied to, marked; how many others there are."""
    picture = compared(old, new, [one.path for one in found])
    names = {path(one.schema, one.name) for model in (old, new) for one in model.tables}
    return picture, max(0, len(names) - picture.tables - len(picture.left_out))


# -- files --------------------------------------------------------------------------------------


class Download(AccessMixin):
    """A schema as SQL, JSON or SVG (`?of=3&as=sql`), or a comparison (`?from=2&to=3&as=json`)."""

    permission = DATABASE_VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        database = selectors.database(self.actor, pk)
        query = request.GET
        words = [query.get(name, "") for name in ("from", "to")]
        kind = query.get("as", "")
        if all(words):
            old, new = (selectors.side(database, word) for word in words)
            text = _made(_COMPARED, kind)(database, old, new)
            name = f"{old.short}-{new.short}"
        else:
            side = selectors.side(database, query.get("of", ""))
            text = _made(_WHOLE, kind)(database, side)
            name = side.short
        answer = HttpResponse(text, content_type=_TYPES[kind])
        filename = f"{database.project.name}-{database.name}-{name}.{kind}"
        answer["Content-Disposition"] = f'attachment; filename="{filename}"'
        return answer


def _made(table: dict[str, Callable[..., str]], kind: str) -> Callable[..., str]:
    if kind not in table:
        raise Invalid("It is not handed out in that form.", fix=f"Send ?as={' or '.join(table)}.")
    return table[kind]


def _as_sql(database: Database, side: Side) -> str:
    if not side.short.isdigit():
        raise Invalid("Only what was declared has SQL.", fix="Send ?as=json, or a version.")
    return selectors.version(database, int(side.short)).sql


def _as_json(_: Database, side: Side) -> str:
    return stored.dump(side.model)


def _as_svg(_: Database, side: Side) -> str:
    return standalone(draw(side.model).svg)


def _differences_as_json(database: Database, old: Side, new: Side) -> str:
    found = selectors.told(database, selectors.plain(selectors.compare(old, new)))
    limits = coarse.limits([old.model, new.model])
    told = {"old": old.name, "new": new.name, "not_compared": limits, "differences": found}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _differences_as_svg(_: Database, old: Side, new: Side) -> str:
    return standalone(_drawn(old.model, new.model, selectors.compare(old, new))[0].svg)


_WHOLE: dict[str, Callable[..., str]] = {"sql": _as_sql, "json": _as_json, "svg": _as_svg}
_COMPARED: dict[str, Callable[..., str]] = {
    "json": _differences_as_json,
    "svg": _differences_as_svg,
}
_TYPES = {
    "sql": "text/plain; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
