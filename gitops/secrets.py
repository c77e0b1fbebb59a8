"""Secret values: versioned rows at a scope, encrypted; git and plans hold `name@version`."""

from __future__ import annotations

import re

from django.db import transaction
from django.db.models import Max, QuerySet

from gitops.models import SecretValue
from idp.common.crypto import keyed_digest
from idp.common.errors import FieldError, Invalid
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Scope

MAX_VALUE = 64 * 1024
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,118}[a-z0-9])?")
_REFERENCE = re.compile(r"([a-z0-9][a-z0-9._-]{0,119})@([1-9][0-9]{0,8})")


def parse(reference: str) -> tuple[str, int]:
    """Name and version of `name@version`; raises `Invalid`."""
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise Invalid(
            f"“{reference[:80]}” does not name a secret's version.",
            fix="Write name@version, for example stripe-key@3.",
        )
    return match[1], int(match[2])


def _near(scope: Scope) -> QuerySet[SecretValue]:
    return SecretValue.objects.filter(scope_id__in=scope.lineage)


def exists(scope: Scope, name: str, version: int) -> bool:
    """Whether the scope, its tier or its project holds that version."""
    return _near(scope).filter(name=name, version=version).exists()


def find(scope: Scope, reference: str) -> SecretValue:
    """The version at the scope, else at its tier, else at its project; raises `Invalid`."""
    name, version = parse(reference)
    nearest = {scope.pk: 0, scope.tier_scope_id: 1, scope.project_scope_id: 2}
    found = sorted(
        _near(scope).filter(name=name, version=version), key=lambda s: nearest[s.scope_id]
    )
    if not found:
        raise Invalid(
            f"There is no secret {reference} at {scope.label}.",
            fix="Set its value first; git holds only the name and the version.",
        )
    return found[0]


def newest(scope: Scope, name: str) -> SecretValue:
    """The latest version of the nearest scope that has the name; raises `Invalid`."""
    near = [scope.pk, scope.tier_scope_id, scope.project_scope_id]
    rows = list(_near(scope).filter(name=name, scope_id__in=[pk for pk in near if pk]))
    if not rows:
        raise Invalid(
            f"There is no secret {name[:80]} at {scope.label}.", fix="Set its value first."
        )
    return min(rows, key=lambda one: (near.index(one.scope_id), -one.version))


def resolve(scope: Scope, reference: str) -> str:
    """The plain value, for a step that hands it to a target; never logged, never stored."""
    value: str = find(scope, reference).value
    return value


def values(scope: Scope, name: str) -> list[str]:
    """The plain values of all versions at the scope, to mask them in texts."""
    return list(SecretValue.objects.filter(scope=scope, name=name).values_list("value", flat=True))


def digest_of(scope: Scope, reference: str) -> str:
    """The keyed digest by which plans compare values without showing them."""
    return find(scope, reference).digest


def names(actor: Actor, scope: Scope) -> QuerySet[SecretValue]:
    """Versions that exist at the scope (values deferred), newest first; needs `secret.view`."""
    require(actor, "secret.view", scope)
    rows = SecretValue.objects.filter(scope=scope).defer("value").select_related("created_by")
    return rows.order_by("name", "-version")


def put(actor: Actor, scope: Scope, name: str, value: str) -> SecretValue:
    """A new version of the secret, or the latest one where the value is the same. Audited."""
    require(actor, "secret.write", scope)
    if not _NAME.fullmatch(name):
        rule = "lower-case letters, digits, dots, hyphens and underscores, at most 120"
        raise Invalid(
            f"“{name[:60]}” is not a secret's name: {rule}.",
            errors=[FieldError("name", "pattern", rule, "Use a name like stripe-key.")],
        )
    if not value or len(value.encode()) > MAX_VALUE:
        raise Invalid(
            f"The value of {name} must have 1 to {MAX_VALUE} bytes.",
            errors=[FieldError("value", "length", f"1 to {MAX_VALUE} bytes")],
        )
    digest = keyed_digest(value)
    with transaction.atomic():
        Scope.objects.select_for_update().get(pk=scope.pk)  # versions are numbered one by one
        rows = SecretValue.objects.filter(scope=scope, name=name)
        latest = rows.order_by("-version").first()
        if latest and latest.digest == digest:
            return latest
        version = (rows.aggregate(n=Max("version"))["n"] or 0) + 1
        made = SecretValue.objects.create(
            scope=scope,
            name=name,
            version=version,
            value=value,
            digest=digest,
            created_by=actor.user,
        )
        audit.record(
            actor,
            "secret.write",
            target=made,
            scope=scope,
            before={"version": latest.version} if latest else None,
            after={"name": name, "version": version},
        )
    return made
