"""The one read that every consumer makes: a schema by its id, answered from memory when it may be.

What an id stands for never changes, so the reply's bytes are kept; whether the sender sees a
subject that holds it is asked of the database each time.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from functools import cache
from threading import Lock
from typing import Any

from django.db import connection

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

_replies: OrderedDict[tuple[Any, ...], Reply] = OrderedDict()
_lock = Lock()


def reply(actor: Actor, context: str, number: int) -> Reply:
    """The reply to `GET /schemas/ids/{id}` without parameters; raises `SchemaNotFound`."""
    row = _query.of(actor).row(context, number)
    if row is None:
        raise SchemaNotFound(number)
    with _lock:
        known = _replies.get(row)
    return known or _remember(row)


def _seen(actor: Actor) -> Compiled:
    rows = selectors.schemas_by_id(actor, _CONTEXT, _NUMBER)
    return compile_rows(rows.values_list("pk", "guid")[:1], [_CONTEXT, _NUMBER])


_query = StandingQuery(_seen)


@cache
def _text_query(_vendor: str) -> CompiledModels[Schema]:
    return CompiledModels(Schema.objects.filter(pk=_NUMBER), [_NUMBER])


def _remember(row: tuple[Any, ...]) -> Reply:
    found = _text_query(connection.vendor).list(row[0])
    if not found:
        raise SchemaNotFound
    schema = found[0]
    value = {**bodies.schema(schema), "guid": str(schema.guid)}
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    made = Reply(text, text=True, etag=f"{schema.guid}-", immutable=True)
    if len(schema.text) <= KEPT_TEXT:
        with _lock:
            _replies[row] = made
            while len(_replies) > KEPT:
                _replies.popitem(last=False)
    return made
