"""Limits by platform engineers, each change recorded with before and after."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.forms.models import model_to_dict

from environments.models import Limit
from environments.rendering.document import field_error
from idp.common import quantities
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Tier


def save_limit(actor: Actor, limit: Limit) -> Limit:
    """The limit, stored; raises `Invalid` with the wrong field."""
    require(actor, "limit.manage", None)
    if (limit.scope is None) == (limit.team is None):
        message = "A limit stands at a scope or with a team."
        raise field_error("scope", "one", message, "Choose one of the two.")
    if limit.cpu:
        quantities.cpu(limit.cpu)
    if limit.memory:
        quantities.memory(limit.memory)
    if not isinstance(limit.allowed_tiers, list) or not set(limit.allowed_tiers) <= {*Tier.values}:
        message = f"Use a list of {', '.join(Tier.values)}."
        raise field_error("allowed_tiers", "enum", message)
    former = Limit.objects.filter(pk=limit.pk).first() if limit.pk else None
    with transaction.atomic():
        limit.save()
        audit.record(
            actor,
            "limit.save",
            target=limit,
            scope=limit.scope,
            before=_shown(former),
            after=_shown(limit),
        )
    return limit


def remove_limit(actor: Actor, limit: Limit) -> None:
    require(actor, "limit.manage", None)
    with transaction.atomic():
        audit.record(actor, "limit.remove", target=limit, scope=limit.scope, before=_shown(limit))
        limit.delete()


def _shown(limit: Limit | None) -> dict[str, Any] | None:
    return None if limit is None else model_to_dict(limit)
