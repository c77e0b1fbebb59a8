"""Who fails which policy now, as rows: written with each write about a subject, and on a schedule.

A preview asks the same questions and writes nothing. Bounded by chunks; may run twice or never.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet, prefetch_related_objects

from idp.common.errors import SlipwayError
from rbac.models import Scope
from schemas.dependants.models import DeployedVersion
from schemas.dependants.parties import present, tier_of
from schemas.models import Subject
from schemas.policies import checks, holding, judging, placing
from schemas.policies.holding import Held
from schemas.policies.judging import Failure
from schemas.policies.models import PolicyFailure, SchemaPolicy
from schemas.policies.rules import Said

log = structlog.get_logger(__name__)

CHUNK = 200
AT_ONCE = 500  # subjects that are judged when a policy is written
EVERY_SECONDS = 300
MAX_SAID = 5000
_Key = tuple[int, int, str]  # policy, subject and rule


def failing(
    held: Sequence[Held], subjects: Iterable[Subject]
) -> Iterator[tuple[Subject, Held, Failure]]:
    """Everything that these subjects fail of these policies; they come with places and owner."""
    for chunk in _chunks(subjects):
        if any(Said.OWNER in one.rules.require for one in held):
            prefetch_related_objects(chunk, "owner__members")
        uses = _uses(held, chunk)
        for subject in chunk:
            for one in held:
                if one.meets(subject):
                    for failure in _of(one, subject, uses.get(subject.pk, ())):
                        yield subject, one, failure


def _chunks(subjects: Iterable[Subject]) -> Iterator[list[Subject]]:
    rest = iter(subjects)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _of(held: Held, subject: Subject, uses: Collection[DeployedVersion]) -> Iterator[Failure]:
    if not held.tier:
        yield from judging.failures(held.name, held.rules, checks.facts_of(subject, [held]))
    said: dict[str, Failure] = {}
    for use in uses:
        use.version.subject = subject
        try:
            for failure in placing.of_use(held, use.version, tier_of(use.scope)):
                said.setdefault(failure.sentence, failure)
        except SlipwayError:
            continue  # registered before a bound was tightened: the gate refuses its next use
    yield from said.values()


def _uses(held: Sequence[Held], chunk: Sequence[Subject]) -> dict[int, list[DeployedVersion]]:
    """Where the versions of a chunk are deployed, in tiers that some policy is about."""
    tiers = {one.tier for one in held if one.tier}
    tiers |= {tier for one in held for rule in one.rules.field_tags for tier in rule.keep_out_of}
    found: dict[int, list[DeployedVersion]] = {}
    if tiers:
        rows = DeployedVersion.objects.filter(
            present(),
            version__subject__in=[subject.pk for subject in chunk],
            scope__tier_scope__name__in=tiers,
        )
        seen = set()
        for row in rows.select_related("version__schema", "scope__tier_scope").order_by("pk"):
            key = (row.version_id, tier_of(row.scope))
            if key not in seen:
                seen.add(key)
                found.setdefault(row.version.subject_id, []).append(row)
    return found


# -- rows ---------------------------------------------------------------------------------------


def after_write(subject: Subject) -> None:
    """Keep one subject's rows; what stands of policies that are gone goes with the next sweep.

    What was written is written: a failure here waits for the sweep, too.
    """
    held = holding.of(subject)
    if held:
        _keep_or_log(held, [subject])


def sweep() -> None:
    """Keep everybody's rows; what no policy is about loses them."""
    PolicyFailure.objects.filter(subject__latest=0).delete()
    if not SchemaPolicy.objects.exclude(mode=SchemaPolicy.Mode.OFF).exists():
        PolicyFailure.objects.all().delete()
        return
    subjects = all_subjects().order_by("pk").iterator(chunk_size=CHUNK)
    for chunk in _chunks(subjects):
        held = {one.pk: one for row in chunk for one in holding.of(row)}
        _keep_or_log(tuple(held.values()), chunk)


def look_now(policy: int) -> None:
    """Keep the rows of the first subjects of a policy that was just written; the sweep does all."""
    row = SchemaPolicy.objects.select_related("scope").filter(pk=policy).first()
    if row is None:
        return
    subjects = list(all_subjects().filter(about(row)).order_by("pk")[:AT_ONCE])
    for chunk in _chunks(subjects):
        held = {one.pk: one for subject in chunk for one in holding.of(subject)}
        _keep_or_log(tuple(held.values()), chunk)


def about(policy: SchemaPolicy) -> Q:
    """Condition on the subjects that a policy is about."""
    where = Q(owner=policy.team_id) if policy.team_id else Q()
    if policy.scope.kind != Scope.Kind.EVERYTHING:
        where &= Q(keeper__project_scope=policy.scope_id)
    return where


def _keep_or_log(held: Sequence[Held], subjects: Sequence[Subject]) -> None:
    """One chunk that cannot be judged or written, whatever the reason, delays no other."""
    try:
        with transaction.atomic():
            _keep(held, subjects)
    except Exception:
        log.exception("policies.failed", subjects=len(subjects))


def all_subjects() -> QuerySet[Subject]:
    """Subjects that live, with what policies look at."""
    return Subject.objects.filter(latest__gt=0).select_related(
        "context__parent", "keeper__project_scope", "owner", "project"
    )


def _keep(held: Sequence[Held], subjects: Sequence[Subject]) -> None:
    found: dict[_Key, list[Failure]] = {}
    for subject, one, failure in failing(held, subjects):
        found.setdefault((one.pk, subject.pk, failure.rule.value), []).append(failure)
    rows = PolicyFailure.objects.filter(subject__in=[subject.pk for subject in subjects])
    there = {(row.policy_id, row.subject_id, row.rule): row for row in rows}
    gone = [row.pk for key, row in there.items() if key not in found]
    if gone:
        PolicyFailure.objects.filter(pk__in=gone).delete()
    for key, failures in found.items():
        _write(there.get(key), key, failures)


def _write(row: PolicyFailure | None, key: _Key, failures: Sequence[Failure]) -> None:
    sentences, fixes = zip(*judging.together(failures), strict=True)
    said = {
        "sentence": " ".join(sentences)[:MAX_SAID],
        "fix": " ".join(dict.fromkeys(fixes))[:MAX_SAID],
    }
    if row is None:
        policy, subject, rule = key
        PolicyFailure.objects.update_or_create(
            policy_id=policy, subject_id=subject, rule=rule, defaults=said
        )
    elif (row.sentence, row.fix) != (said["sentence"], said["fix"]):
        PolicyFailure.objects.filter(pk=row.pk).update(**said)
