"""Who writes and who reads a subject, in which environment, with which version, and how we know.

Environments of a shared tier meet each other's data, whatever project they belong to; elsewhere an
environment is alone with its own. Read by the matrix, by impact and by REST.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from portal.models import Component
from rbac.models import Scope, Tier
from schemas.dependants.models import CheckIn, DeployedVersion, Holding, Role
from schemas.formats.base import TooComplex
from schemas.models import Subject, SubjectVersion

SHARED_TIERS = frozenset({Tier.STAGING.value, Tier.PRODUCTION.value})
MAX_PARTIES = 2000  # of one question
DECLARED, CHECK_IN, CATALOG, ASKED = "declared", "check-in", "catalog", "asked"
ARRIVING = "arriving"  # a change is bringing it
TRAFFIC = "traffic"  # it was seen calling the registry
KNOWN = (DECLARED, CHECK_IN, CATALOG, TRAFFIC, ARRIVING, ASKED)


@dataclass(frozen=True)
class Traffic:
    """What calls to the registry showed; `tokens` are the names that the asker may read."""

    first_seen: datetime
    last_seen: datetime
    days: int
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True)
class Party:
    """One writer or reader. `version` None: it is known that it uses the subject, not how.

    `retained_until` is set for data that stays after its writer was replaced.
    """

    role: Role
    subject: Subject
    version: SubjectVersion | None
    holder: str
    owner: str
    scope: Scope | None
    known: str
    seen: datetime | None = None
    retained_until: datetime | None = None
    retention_days: int = 0  # of what a writer leaves behind
    fresh: bool = False  # what a change or a question would bring
    traffic: Traffic | None = None

    @property
    def environment(self) -> str:
        return self.scope.label if self.scope else ""

    @property
    def tier(self) -> str:
        return tier_of(self.scope) if self.scope else ""

    @property
    def kept(self) -> bool:
        """Whether only its data is there still."""
        return self.retained_until is not None

    @property
    def number(self) -> int | None:
        return self.version.number if self.version else None

    @property
    def held(self) -> str:
        """What it holds, in words."""
        if self.version is None:
            return "an unknown version"
        return f"version {self.version.number}" if self.version.number else "the candidate"

    @property
    def words(self) -> str:
        """Who it is: `billing of team billing in billing/stage (version 2)`."""
        where = f" in {self.environment}" if self.scope else ""
        return f"{self.holder} of team {self.owner}{where} ({self.held})"


def tier_of(scope: Scope) -> str:
    """The tier's name, empty for a project or everything."""
    if scope.kind == Scope.Kind.TIER:
        return scope.name
    return scope.tier_scope.name if scope.tier_scope else ""


def data_space(scope: Scope) -> str:
    """What people call the place whose data an environment meets."""
    tier = tier_of(scope)
    return tier if tier in SHARED_TIERS else scope.label


def sharing(scope: Scope) -> Q:
    """Condition on rows of environments that meet this environment's data, itself included."""
    tier = tier_of(scope)
    if tier in SHARED_TIERS:
        return Q(scope__tier_scope__name=tier)
    return Q(scope=scope.pk) | Q(scope__tier_scope=scope.pk)


def present() -> Q:
    """Condition on deployed rows that are there now, or whose data still is."""
    return Q(ended_at=None) | Q(role=Role.PRODUCER, retained_until__gt=timezone.now())


def first_holder(versions: Collection[int]) -> DeployedVersion | CheckIn | None:
    """Who has one of these versions (ids) deployed, left data of it, or says that it holds it."""
    named = ("version", "scope__project_scope")
    rows = DeployedVersion.objects.filter(present(), version__in=versions)
    words = CheckIn.objects.filter(version__in=versions, expires_at__gt=timezone.now())
    return (
        rows.select_related(*named).order_by("pk").first()
        or words.select_related(*named).order_by("-expires_at").first()
    )


def deployed(where: Q, subjects: Iterable[Subject]) -> list[Party]:
    """What succeeded changes brought to environments, and what earlier ones left behind."""
    rows = DeployedVersion.objects.filter(where & present(), version__subject__in=list(subjects))
    return [_of_row(row) for row in _bounded(rows)]


def reported(where: Q, subjects: Iterable[Subject]) -> list[Party]:
    """What running programs said of themselves and still holds, unless it was replaced since."""
    wanted = [subject.pk for subject in subjects]
    found = list(
        _bounded(CheckIn.objects.filter(where, subject__in=wanted, expires_at__gt=timezone.now()))
    )
    if not found:
        return []
    since: dict[tuple[int, str, str, int], datetime] = {}
    rows = DeployedVersion.objects.filter(where, version__subject__in=wanted, ended_at=None)
    columns = ("scope", "role", "holder", "version__subject", "deployed_at")
    for scope, role, holder, subject, at in rows.values_list(*columns):
        key = (scope, role, holder, subject)
        since[key] = max(at, since.get(key, at))
    return [
        _of_row(row)
        for row in found
        if since.get((row.scope_id, row.role, row.holder, row.subject_id), row.last_seen)
        <= row.last_seen
    ]


def around(where: Q, subjects: Sequence[Subject]) -> list[Party]:
    """Every known party of these subjects in the environments of `where`."""
    found = [*deployed(where, subjects), *reported(where, subjects)]
    if len(found) > MAX_PARTIES:
        raise _too_many()
    return list(dict.fromkeys(found))


def catalogued(subjects: Sequence[Subject], limit: int = MAX_PARTIES) -> list[Party]:
    """What the catalog declares: components without an environment, and without a version."""
    by_name = {str(subject): subject for subject in subjects}
    named = Q(pk=None)
    for text in {text for name in by_name for text in _as_json(name)}:
        named |= Q(provided__contains=text) | Q(consumed__contains=text)
    lists = {"provided": "provides_apis", "consumed": "consumes_apis"}
    texts = {name: Cast(field, TextField()) for name, field in lists.items()}
    rows = Component.objects.annotate(**texts).filter(named, removed_at=None)
    rows = rows.select_related("owner")
    found = []
    for row in rows.order_by("name")[:limit]:
        for role, names in (
            (Role.PRODUCER, row.provides_apis),
            (Role.CONSUMER, row.consumes_apis),
        ):
            for name in sorted(set(map(str, names)) & by_name.keys()):
                known = by_name[name]
                found.append(Party(role, known, None, row.name, row.owner.name, None, CATALOG))
    return found


def _as_json(name: str) -> set[str]:
    """How a database may write a name within a JSON list: with letters escaped, or as they are."""
    return {json.dumps(name), json.dumps(name, ensure_ascii=False)}


def _bounded(rows: QuerySet[Any]) -> list[Any]:
    checked_in = rows.model is CheckIn
    prefix = "" if checked_in else "version__"
    found = list(
        rows.select_related(
            "version__schema",
            f"{prefix}subject__context__parent",
            f"{prefix}subject__owner",
            f"{prefix}subject__keeper__project_scope",
            "component__owner",
            "scope__tier_scope",
            "scope__project_scope__project__team",
        )
        .defer("version__schema__text")
        .order_by("pk")[: MAX_PARTIES + 1]
    )
    if len(found) > MAX_PARTIES:
        raise _too_many()
    return found


def _too_many() -> TooComplex:
    return TooComplex(
        f"More than {MAX_PARTIES} parties use these subjects.",
        fix="Name fewer subjects at once, or wait until old check-ins end.",
    )


def _of_row(row: Any) -> Party:
    checked_in = isinstance(row, CheckIn)
    version: SubjectVersion | None = row.version
    subject: Subject = row.subject if checked_in else row.version.subject
    if version is not None:
        version.subject = subject
    return Party(
        role=Role(row.role),
        subject=subject,
        version=version,
        holder=row.holder,
        owner=owner_of(row),
        scope=row.scope,
        known=CHECK_IN if checked_in else DECLARED,
        seen=row.last_seen if checked_in else row.deployed_at,
        retained_until=None if checked_in or row.ended_at is None else row.retained_until,
        retention_days=0 if checked_in else row.retention_days,
    )


def owner_of(row: Holding) -> str:
    """The team of the component, else of the environment's project."""
    if row.component is not None:
        return row.component.owner.name
    return team_of(row.scope)


def team_of(scope: Scope) -> str:
    """The team of a place's project."""
    home = scope if scope.kind == Scope.Kind.PROJECT else scope.project_scope
    project = getattr(home, "project", None) if home is not None else None
    return project.team.name if project is not None else ""
