"""Reads of rules and of evidence; what the actor may not see does not exist for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from idp.common.errors import NotVisible
from pipelines import permissions
from pipelines.deploys.models import Bundle
from pipelines.evidence import registry
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.registry import Case, Fact, Unknown, Value
from pipelines.evidence.services import VIEW
from rbac.access import get_visible, held_anywhere, visible
from rbac.actors import Actor
from rbac.models import Project, Scope
from rbac.services.writing import refuse

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def rules(actor: Actor) -> QuerySet[EvidenceRule]:
    """By name. Whoever sees those of some place sees those of everything: they hold there, too."""
    rows = EvidenceRule.objects.select_related(
        "scope__project_scope", "scope__tier_scope", "changed_by", "created_by"
    )
    seen = Q(pk__in=visible(actor, VIEW, EvidenceRule.objects.all()).values("pk"))
    if held_anywhere(actor, VIEW):
        seen |= Q(scope__kind=Scope.Kind.EVERYTHING)
    return rows.filter(seen).order_by("name")


def rule(actor: Actor, name: str) -> EvidenceRule:
    """One rule; raises `NotVisible`."""
    found = rules(actor).filter(name=name).first()
    if found is None:
        raise NotVisible("There is no such rule, or you may not see it.")
    return found


@dataclass(frozen=True)
class Said:
    """A fact of a commit: its value, or why it has none."""

    fact: Fact
    value: Value | None = None
    unknown: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of a commit, perhaps as a bundle."""

    project: Project
    commit: str
    bundle: Bundle | None
    facts: Sequence[Said]


def evidence(actor: Actor, project: str, commit: str) -> Evidence:
    """All facts of a commit, as its newest bundle where there is one.

    Raises `NotVisible` for a project whose pipelines the actor does not see, `Invalid` by field.
    """
    sha = commit.strip().lower()
    if not _COMMIT.fullmatch(sha):
        message = "A commit is 40 or 64 hexadecimal digits."
        raise refuse("commit", "form", message, "git rev-parse HEAD")
    rows = Project.objects.select_related("team", "scope")
    of = get_visible(actor, permissions.VIEW, rows, name=project.replace("\0", ""))
    bundle = Bundle.objects.filter(project=of, sha=sha).select_related("project").last()
    case = Case(of, sha, timezone.now(), bundle)
    facts = registry.catalogue()
    known = registry.read_all([case], [one.name for one in facts])[0]
    return Evidence(of, sha, bundle, [_said(one, known[one.name]) for one in facts])


def _said(fact: Fact, value: Value | Unknown) -> Said:
    if isinstance(value, Unknown):
        return Said(fact, unknown=value.why, fix=value.fix)
    return Said(fact, value)
