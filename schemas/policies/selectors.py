"""Reads of policies; what the actor may not see does not exist for them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from idp.common.errors import NotVisible
from rbac.access import held_anywhere, visible
from rbac.actors import Actor
from rbac.models import Scope
from schemas.models import Subject
from schemas.permissions import POLICY_VIEW, VIEW
from schemas.policies import checks, holding
from schemas.policies.holding import Held
from schemas.policies.models import PolicyFailure, SchemaPolicy

MAX_FAILURES = 100


def policies(actor: Actor) -> QuerySet[SchemaPolicy]:
    """By name, each with the number of subjects that the actor sees and that fail it.

    Policies of everything are seen by whoever sees those of some project: they hold there, too.
    """
    rows = SchemaPolicy.objects.select_related("scope__project_scope", "team", "changed_by")
    subjects = visible(actor, VIEW, Subject.objects.all()).values("pk")
    failing = Count("failures__subject", distinct=True, filter=Q(failures__subject__in=subjects))
    counted = rows.annotate(failing=failing)
    seen = Q(pk__in=visible(actor, POLICY_VIEW, SchemaPolicy.objects.all()).values("pk"))
    if held_anywhere(actor, POLICY_VIEW):
        seen |= Q(scope__kind=Scope.Kind.EVERYTHING)
    return counted.filter(seen).order_by("name")


def policy(actor: Actor, name: str) -> SchemaPolicy:
    """One policy; raises `NotVisible`."""
    found = policies(actor).filter(name=name).first()
    if found is None:
        raise NotVisible("There is no such policy, or you may not see it.")
    return found


def failures(actor: Actor, row: SchemaPolicy) -> QuerySet[PolicyFailure]:
    """What fails a policy now, by subject, of the subjects that the actor sees."""
    rows = row.failures.select_related("subject__context", "subject__owner", "subject__project")
    return visible(actor, VIEW, rows).order_by("subject__name", "subject", "rule")


@dataclass(frozen=True)
class Standing:
    """A policy about a subject, with what the subject fails of it now."""

    held: Held
    failures: tuple[PolicyFailure, ...]


def standing(subject: Subject) -> list[Standing]:
    """Every policy about a subject that is on, whoever asks: refusals name them."""
    held = holding.of(subject)
    if not held:
        return []
    rows = list(PolicyFailure.objects.filter(subject=subject.pk).order_by("rule"))
    return [Standing(one, tuple(row for row in rows if row.policy_id == one.pk)) for one in held]


@dataclass(frozen=True)
class Guarded:
    """A tag on a field of the latest version; `policy` guards it from being taken away."""

    path: str
    tag: str
    policy: str


def tagged(subject: Subject) -> list[Guarded]:
    """The tags on the fields of a subject's latest version, guarded ones with their policy.

    Raises what parsing raises where a bound was tightened since it was registered.
    """
    row = subject.versions.filter(number=subject.latest).select_related("schema").first()
    if row is None:
        return []
    held = [one for one in holding.registering(subject) if one.enforced]
    return [
        Guarded(path, tag, _guard(held, tag))
        for path, tags in sorted(checks.tags_of(row).tagged.items())
        for tag in sorted(tags)
    ][:MAX_FAILURES]


def _guard(held: list[Held], tag: str) -> str:
    for one in held:
        if any(rule.removal == "approval" and rule.meets(tag) for rule in one.rules.field_tags):
            return one.name
    return ""
