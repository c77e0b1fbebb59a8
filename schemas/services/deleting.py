"""Deleting versions and subjects: first so that they can come back, then for good.

What another schema refers to stays. Ids are never given again, and numbers of versions only once a
subject is gone for good.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from rbac import audit
from rbac.actors import Actor
from schemas import selectors
from schemas.configuration import EMPTY, Place
from schemas.dependants import parties
from schemas.dependants.models import DeployedVersion
from schemas.errors import (
    NotPermitted,
    ReferenceExists,
    SubjectNotFound,
    SubjectNotSoftDeleted,
    SubjectSoftDeleted,
    VersionNotFound,
    VersionNotSoftDeleted,
    VersionSoftDeleted,
)
from schemas.models import Schema, SchemaReference, Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.permissions import DELETE, PURGE
from schemas.services.claiming import require_at
from schemas.services.registering import CLOSED


def _open(actor: Actor, name: SubjectName, *, permanent: bool) -> Subject:
    """The subject, locked, where the actor may delete and its mode lets anybody."""
    subject = selectors.subject(actor, name)
    scope = subject.scope if permanent else subject.keeper
    require_at(actor, PURGE if permanent else DELETE, scope, name)
    mode = Place(subject.context, subject).mode
    if mode in CLOSED:
        raise NotPermitted(f"Subject {name} is in read-only mode ({mode}).")
    locked = Subject.objects.select_for_update().filter(pk=subject.pk).first()
    if locked is None:
        raise SubjectNotFound(name)
    subject.latest, subject.last_version = locked.latest, locked.last_version
    return subject


@transaction.atomic
def delete_version(actor: Actor, name: SubjectName, number: int, *, permanent: bool = False) -> int:
    """Delete one version (`LATEST` for the latest) and return its number.

    Softly first: readers still find it by id. `permanent` removes what was deleted softly.
    """
    subject = _open(actor, name, permanent=permanent)
    if not subject.latest and not permanent:
        _require_number_exists(subject, name, number)
    row = _version(subject, number, permanent=permanent)
    if permanent:
        if row.deleted_at is None:
            raise VersionNotSoftDeleted(name, row.number)
        _require_unused([row], living=False)
        _record(actor, subject, [row.number], permanent=True)
        _purge([row])
        _settle(subject)
    else:
        if row.deleted_at is not None:
            raise VersionSoftDeleted(name, row.number)
        _require_unused([row], living=True)
        SubjectVersion.objects.filter(pk=row.pk).update(deleted_at=timezone.now())
        _record(actor, subject, [row.number], permanent=False)
        _settle(subject)
    return row.number


def _require_number_exists(subject: Subject, name: SubjectName, number: int) -> None:
    """Of a deleted subject only a version that was there can be said to be deleted."""
    if number == selectors.LATEST or not subject.versions.filter(number=number).exists():
        raise SubjectNotFound(name)


def _version(subject: Subject, number: int, *, permanent: bool) -> SubjectVersion:
    rows = subject.versions.select_related("schema").order_by("number")
    if number != selectors.LATEST:
        row = rows.filter(number=number).first()
    else:
        row = rows.last() if permanent else rows.filter(deleted_at=None).last()
    if row is None:
        raise VersionNotFound("latest" if number == selectors.LATEST else number)
    return row


@transaction.atomic
def delete_subject(actor: Actor, name: SubjectName, *, permanent: bool = False) -> list[int]:
    """Delete all versions of a subject and its settings; their numbers.

    Softly first; `permanent` then removes the subject with all that is said of it.
    """
    subject = _open(actor, name, permanent=permanent)
    rows = list(subject.versions.select_related("schema").order_by("number"))
    if permanent and subject.latest:
        raise SubjectNotSoftDeleted(name)
    if not permanent and not subject.latest:
        raise SubjectSoftDeleted(name)
    if permanent:
        _require_unused(rows, living=False)
        _record(actor, subject, [row.number for row in rows], permanent=True)
        _purge(rows)
        subject.delete()
        return [row.number for row in rows]
    gone = [row for row in rows if row.deleted_at is None]
    _require_unused(gone, living=True)
    now = timezone.now()
    SubjectVersion.objects.filter(pk__in=[row.pk for row in gone]).update(deleted_at=now)
    Subject.objects.filter(pk=subject.pk).update(
        latest=0, deleted_at=now, revision=F("revision") + 1, **EMPTY
    )
    _record(actor, subject, [row.number for row in gone], permanent=False)
    return [row.number for row in gone]


def _require_unused(rows: Sequence[SubjectVersion], *, living: bool) -> None:
    """Refuse what is deployed, and what a schema refers to.

    A living schema counts, or for good any that is left elsewhere.
    """
    pks = [row.pk for row in rows]
    holding = parties.first_holder(pks)
    if holding is not None:
        number = holding.version.number if holding.version else ""
        raise NotPermitted(
            f"Version {number} of {rows[0].subject} is in use: {holding.holder},"
            f" {holding.role} in {holding.scope.label}.",
            fix="Deploy another version there first."
            if isinstance(holding, DeployedVersion)
            else f"It said so itself; its word holds until {holding.expires_at:%Y-%m-%d %H:%M} UTC"
            " unless another version is deployed there.",
        )
    holders = SubjectVersion.objects.exclude(pk__in=pks)
    if living:
        holders = holders.filter(deleted_at=None)
    uses = SchemaReference.objects.filter(target__in=pks, schema__versions__in=holders)
    found = uses.select_related("schema", "target").first()
    if found is not None:
        subject = rows[0].subject
        raise ReferenceExists(subject, found.target.number, found.schema.number)


def _purge(rows: Sequence[SubjectVersion]) -> None:
    """Remove versions, and the schemas that no version holds any more with their references."""
    schemas = {row.schema_id for row in rows}
    left = SchemaReference.objects.filter(schema__in=schemas)
    held = SubjectVersion.objects.filter(schema__in=schemas).exclude(
        pk__in=[row.pk for row in rows]
    )
    gone = schemas - set(held.values_list("schema", flat=True))
    left.filter(schema__in=gone).delete()
    SubjectVersion.objects.filter(pk__in=[row.pk for row in rows]).delete()
    Schema.objects.filter(pk__in=gone).delete()


def _settle(subject: Subject) -> None:
    """Write which version is the latest now; a subject without any version is gone."""
    if not subject.versions.exists():
        subject.delete()
        return
    living = subject.versions.filter(deleted_at=None).aggregate(last=Max("number"))["last"] or 0
    Subject.objects.filter(pk=subject.pk).update(
        latest=living,
        revision=F("revision") + 1,
        deleted_at=None if living else timezone.now(),
    )


def _record(actor: Actor, subject: Subject, numbers: list[int], *, permanent: bool) -> None:
    audit.record(
        actor,
        PURGE if permanent else DELETE,
        target=subject,
        scope=subject.scope,
        before={"versions": numbers},
    )
