"""Subjects of the small company: each format, each state of life, names that are hard in a path."""

from __future__ import annotations

import json
from datetime import timedelta

from django.utils import timezone

from rbac.actors import Actor
from rbac.models import Project
from schemas import naming, services
from schemas.formats.base import FormatName
from schemas.models import Subject
from schemas.parsing import Reference
from schemas.policies import services as policies
from schemas.policies import sweeping
from tests.schemas.factories import record, register

ORDERS = "shop.orders-value"
SLASHED = "shop/refunds ✓-value"
_MONEY = (
    'syntax = "proto3";\npackage shop;\n'
    "message Money {\n  string currency = 1;\n  int64 units = 2;\n}\n"
)
_PAYMENT = (
    'syntax = "proto3";\npackage shop;\nimport "shop/money.proto";\n'
    "message Payment {\n  string id = 1;\n  Money amount = 2;\n}\n"
)
_EMAIL = {"type": "string", "format": "email", "confluent:tags": ["PII"]}
_API = """\
openapi: 3.1.0
info: {title: Orders, version: 1.0.0}
paths:
  /orders/{id}:
    get:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        200:
          description: The order.
          content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
components:
  schemas:
    Order:
      type: object
      required: [id]
      properties:
        id: {type: string}
"""


def build(author: Actor, lead: Actor) -> None:
    """Made by the services, as clients would; policies come later than what fails them."""
    _orders(author)
    _customers(author, lead)
    register(author, "shop/money.proto", _MONEY, format=FormatName.PROTOBUF)
    uses = (Reference("shop/money.proto", "shop/money.proto", 1),)
    register(author, "shop.payments-value", _PAYMENT, format=FormatName.PROTOBUF, references=uses)
    refunds = register(author, SLASHED, record(("id", "long"), name="Refund"))
    services.describe_subject(author, refunds, component="orders-api")
    old = register(author, ":.legacy:orders-value", record(("id", "long")))
    services.move_subject(author, old, Subject.State.DEPRECATED)
    end = timezone.now().date() + timedelta(days=20)
    services.move_subject(author, old, Subject.State.SUNSET, sunset_on=end)
    _api(author)
    gone = register(author, "spike-value", record(("id", "long"), name="Spike"))
    services.delete_subject(author, naming.parse(gone.name))
    _policies(lead)


def _policies(lead: Actor) -> None:
    """One that refuses, beside the demo's that warns."""
    policies.add_policy(
        lead,
        name="personal-data",
        scope=Project.objects.get(name="orders").scope,
        mode="enforce",
        rules={
            "formats": ["AVRO", "JSON", "PROTOBUF"],
            "field_tags": [{"tags": ["PII"], "keep_out_of": ["preview"], "removal": "approval"}],
        },
    )
    sweeping.sweep()


def _api(author: Actor) -> None:
    """A service's description whose second version takes one more answer apart."""
    second = _API.replace("1.0.0", "1.1.0") + "        note: {type: string}\n"
    register(author, "orders-api", _API, second, format=FormatName.OPENAPI)


def _orders(author: Actor) -> None:
    first = [("id", "long"), ("amount", "double"), ("note", ["null", "string"], None)]
    second = [*first, ("currency", "string", "EUR")]
    third = [*second, ("placed_at", {"type": "long", "logicalType": "timestamp-millis"}, 0)]
    row = register(author, ORDERS, *(record(*fields) for fields in (first, second, third)))
    services.describe_subject(
        author,
        row,
        component="orders-api",
        contact="#team-orders",
        tags=["orders", "money"],
        docs="One record for each order that a customer placed.\n\nAmounts hold the tax.",
    )


def _customers(author: Actor, lead: Actor) -> None:
    """A subject whose second version breaks those who read the first."""
    properties = {"id": {"type": "integer"}, "email": _EMAIL}
    first = {"title": "Customer", "type": "object", "properties": properties, "required": ["id"]}
    second = {
        **first,
        "properties": {**properties, "id": {"type": "string"}},
        "required": ["id", "email"],
    }
    row = register(author, "customers-value", json.dumps(first), format=FormatName.JSON)
    services.set_settings(lead, naming.parse(row.name), {"level": "NONE"})
    register(author, row.name, json.dumps(second), format=FormatName.JSON)
    services.set_settings(lead, naming.parse(row.name), {"level": "FULL"})
