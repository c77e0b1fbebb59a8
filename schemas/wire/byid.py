"""The one read that every consumer makes: a schema by its id, answered from memory when it may be.

What an id stands for never changes, so the reply's bytes are kept; whether the sender sees a
subject that holds it is asked of the database each time.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from threading import Lock
from typing import Any, NamedTuple

from idp.common.compiled import Compiled, CompiledModels, compile_rows
from rbac.actors import Actor
from rbac.standing_queries import StandingQuery
from schemas import selectors
from schemas.errors import SchemaNotFound
from schemas.models import Schema
from schemas.wire import bodies
from schemas.wire.calls import Reply

KEPT = 2048
KEPT_TEXT = 50_000  # characters of a schema whose reply is kept
_CONTEXT, _NUMBER = "\x01context", 2**53 - 1


class _Known(NamedTuple):
    row: tuple[Any, ...]  # which schema the id stood for, by key and identity
    reply: Reply


_known: OrderedDict[tuple[str, int], _Known] = OrderedDict()
_lock = Lock()


def reply(actor: Actor, context: str, number: int) -> Reply:
    """The reply to `GET /schemas/ids/{id}` without parameters; raises `SchemaNotFound`.

    One query: whether the schema is seen, or where its reply is not in memory, all of it.
    """
    with _lock:
        known = _known.get((context, number))
    if known is not None and _seen.of(actor).row(context, number) == known.row:
        return known.reply
    found = _whole.of(actor).list(context, number)
    if not found:
        raise SchemaNotFound(number)
    return _remember((context, number), found[0])


def _seen_rows(actor: Actor) -> Compiled:
    rows = selectors.schemas_by_id(actor, _CONTEXT, _NUMBER)
    return compile_rows(rows.values_list("pk", "digest")[:1], [_CONTEXT, _NUMBER])


def _whole_rows(actor: Actor) -> CompiledModels[Schema]:
    rows = selectors.schemas_by_id(actor, _CONTEXT, _NUMBER)
    return CompiledModels(rows[:1], [_CONTEXT, _NUMBER])


_seen = StandingQuery(_seen_rows)
_whole = StandingQuery(_whole_rows)


def _remember(key: tuple[str, int], schema: Schema) -> Reply:
    value = {**bodies.schema(schema), "guid": str(schema.guid)}
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    made = Reply(text, text=True, etag=f"{schema.guid}-", immutable=True)
    if len(schema.text) <= KEPT_TEXT:
        with _lock:
            _known[key] = _Known((schema.pk, schema.digest), made)
            while len(_known) > KEPT:
                _known.popitem(last=False)
    return made
