"""The statements of a registration that are the same every time, compiled once.

Under `schemas.services.registering`. Each takes the database's vendor, whose SQL it is.
"""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from django.db.models import F, Model, OuterRef, Q, Subquery

from idp.common.compiled import (
    Compiled,
    CompiledInsert,
    CompiledModels,
    compile_rows,
    compile_update,
)
from schemas.models import Context, Schema, Subject, SubjectVersion

M = TypeVar("M", bound=Model)


@cache
def relevant(_vendor: str) -> CompiledModels[SubjectVersion]:
    pk, latest, content = 2**31 - 1, 2**31 - 3, "\x01content"
    rows = SubjectVersion.objects.select_related("schema").order_by("number")
    same = Q(number=latest) | Q(schema__content=content)
    return CompiledModels(rows.filter(same, subject=pk), [pk, latest, content])


@cache
def locking(_vendor: str) -> Compiled:
    """Subject and context for update, with the schema that has the candidate's identity."""
    pk, revision, digest = 2**53 - 1, 2**53 - 3, "\x01digest"
    same = Schema.objects.filter(context=OuterRef("context"), digest=digest)
    rows = Subject.objects.select_for_update().filter(pk=pk, revision=revision)
    columns = rows.values_list(
        "context__next_id", Subquery(same.values("pk")[:1]), Subquery(same.values("number")[:1])
    )
    return compile_rows(columns, [pk, revision, digest])


@cache
def inserting(_vendor: str, model: type[M]) -> CompiledInsert[M]:
    return CompiledInsert(model)


@cache
def standing(_vendor: str, names: tuple[str, ...]) -> Compiled:
    """What a version changes of its subject, by the subject's key and the values of `names`."""
    pk, texts = 2**53 - 1, ("format", "state")
    marks = {
        name: f"\x01{at}" if name in texts else 2**31 - 2 - at for at, name in enumerate(names)
    }
    values = {"revision": F("revision") + 1, "deleted_at": None, **marks}
    return compile_update(Subject.objects.filter(pk=pk), values, [pk, *marks.values()])


@cache
def counting(_vendor: str) -> Compiled:
    pk, following = 2**53 - 1, 2**53 - 3
    rows = Context.objects.filter(pk=pk)
    return compile_update(rows, {"next_id": following}, [pk, following])
