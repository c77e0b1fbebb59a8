"""The demo data's schemas: what orders and payments tell each other. Called by `idp.demo`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rbac.actors import Actor, system
from rbac.scopes import root
from schemas import naming
from schemas import services as schemas
from schemas.formats.base import FormatName
from schemas.parsing import Candidate
from schemas.policies import services as policies

_ORDER = [
    {"name": "id", "type": "long"},
    {"name": "customer", "type": "string"},
    {"name": "amount", "type": "double"},
]


@dataclass(frozen=True)
class Sample:
    """A subject with its versions, of the component of a project."""

    name: str
    project: str
    component: str
    docs: str
    format: FormatName
    versions: tuple[Mapping[str, Any], ...]


def _order(*more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "Order",
        "namespace": "example.orders",
        "fields": [*_ORDER, *more],
    }


SAMPLES = (
    Sample(
        "orders-value",
        "orders",
        "orders-api",
        "An order, each time that it changes.",
        FormatName.AVRO,
        (_order(), _order({"name": "currency", "type": "string", "default": "EUR"})),
    ),
    Sample(
        "payments-value",
        "payments",
        "payments-api",
        "A payment that was taken or refused.",
        FormatName.JSON,
        (
            {
                "title": "Payment",
                "type": "object",
                "properties": {
                    "order": {"type": "integer"},
                    "amount": {"type": "number", "minimum": 0},
                    "state": {"enum": ["taken", "refused"]},
                },
                "required": ["order", "amount", "state"],
            },
        ),
    ),
)


def make(leads: Mapping[str, Actor]) -> None:
    """Register and describe them, each by its project's lead."""
    for sample in SAMPLES:
        actor, name = leads[sample.project], naming.parse(sample.name)
        for version in sample.versions:
            candidate = Candidate(json.dumps(version, indent=2), sample.format)
            row = schemas.register(actor, name, candidate, project=sample.project)
        schemas.describe_subject(actor, row.subject, component=sample.component, docs=sample.docs)
    _policy()


def _policy() -> None:
    """It warns: the demo's subjects have no contact yet."""
    policies.add_policy(
        system("demo"),
        name="documented",
        description="Whoever reads a schema finds out what it means and whom to ask.",
        scope=root(),
        rules={"require": ["docs", "component", "contact"]},
    )
