"""Subjects as the services make them."""

from __future__ import annotations

import json
from typing import Any

from rbac.actors import Actor
from schemas import naming, services
from schemas.formats.base import FormatName
from schemas.models import Subject
from schemas.parsing import Candidate, Reference


def register(
    actor: Actor,
    name: str,
    *texts: str,
    format: FormatName = FormatName.AVRO,  # noqa: A002  # the model's own name for it
    references: tuple[Reference, ...] = (),
    project: str = "orders",
) -> Subject:
    """The subject with one version for each text, registered by the actor."""
    for text in texts:
        candidate = Candidate(text=text, format=format, references=references)
        row = services.register(actor, naming.parse(name), candidate, project=project)
    return Subject.objects.select_related(
        "context__parent", "keeper__project_scope", "owner", "project"
    ).get(pk=row.subject_id)


def record(*fields: Any, name: str = "Order") -> str:
    """An Avro record; a field is a name and a type, and a default where it has three members."""
    made = [
        {"name": entry[0], "type": entry[1], **({"default": entry[2]} if len(entry) > 2 else {})}
        for entry in fields
    ]
    return json.dumps({"type": "record", "name": name, "fields": made})


V1 = record(("id", "long"), ("amount", "double"))
V2 = record(("id", "long"), ("amount", "double"), ("currency", "string", "EUR"))
BROKEN = record(("id", "long"), ("amount", "double"), ("customer", "string"))
