"""Bringing in what was looked through: each version in one transaction with its outcome.

Called by the worker. A version and the word that it came are written together, so a run that is
killed anywhere goes on behind it, and nothing comes twice. A subject stands in mode IMPORT from its
first version to its last, so that ids are kept and nobody else publishes in between.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from idp.changes import leases
from idp.common import transitions
from idp.common.errors import SlipwayError
from rbac.access import can
from rbac.actors import Actor, system
from schemas import naming, selectors, services
from schemas.errors import InvalidCandidate, RegistryError
from schemas.formats.base import FormatName
from schemas.models import Mode, SubjectVersion
from schemas.naming import SubjectName
from schemas.parsing import Candidate, Reference
from schemas.permissions import CONFIGURE_REGISTRY
from schemas.transfer.models import ImportRun, ImportSubject, ImportVersion
from schemas.transfer.reading import add_note
from schemas.transfer.running import Step, tell

Outcome = ImportVersion.Outcome
BATCH = 100
_SELF = system("imports")  # gives subjects back their mode, whatever the importer may by then


def bring(step: Step, run: ImportRun, actor: Actor) -> None:
    """Carry the run to its end; raises what is no version's own failure."""
    while rows := list(_next(run)):
        for row in rows:
            _take(step, actor, row)
            step.breathe()
    while gone := list(_deleted(run)):
        for row in gone:
            _remove(step, actor, row)
            step.breathe()
    for subject in run.subjects.filter(settled=False):
        with leases.fenced(step.lease):
            _settle(actor, subject)
    _places(step, run, actor)
    with leases.fenced(step.lease) as row:
        transitions.transition(row, ImportRun.State.DONE, finished_at=timezone.now())
        run.versions.exclude(text="").update(text="")
        tell(run)


def name_of(subject: ImportSubject) -> SubjectName:
    return SubjectName(subject.context, subject.name)


# -- versions -------------------------------------------------------------------------------------


def _next(run: ImportRun) -> QuerySet[ImportVersion]:
    rows = ImportVersion.objects.filter(run=run, outcome=Outcome.READY).order_by("position")
    return rows.select_related("subject__project")[:BATCH]


def _take(step: Step, actor: Actor, row: ImportVersion) -> None:
    """Register one version and write what came of it; all or nothing."""
    with leases.fenced(step.lease):
        subject = ImportSubject.objects.select_related("project").get(pk=row.subject_id)
        row.subject = subject
        try:
            with transaction.atomic():
                _make_room(actor, row)
                _open(actor, subject)
                _register(actor, row)
        except SlipwayError as error:
            row.outcome = Outcome.REFUSED
            row.reason = f"{error.message} {error.fix}".strip()[:2000]
        else:
            row.outcome, row.reason = Outcome.TAKEN, ""
        row.save(update_fields=["outcome", "reason", "removed"])
        if not _unfinished(subject):
            _settle(actor, subject)


def _unfinished(subject: ImportSubject) -> bool:
    """Whether a version of it is still to come or to be deleted."""
    rows = subject.versions
    gone = rows.filter(outcome=Outcome.TAKEN, deleted=True, removed=False)
    return rows.filter(outcome=Outcome.READY).exists() or gone.exists()


def _register(actor: Actor, row: ImportVersion) -> SubjectVersion:
    candidate = Candidate(
        text=row.text,
        format=FormatName(row.format),
        references=tuple(Reference(**reference) for reference in row.references),
        metadata=row.metadata or {},
        rule_set=row.rule_set or {},
        schema_id=row.schema_id,
        version=row.number,
    )
    name = name_of(row.subject)
    made = services.register(actor, name, candidate, project=row.subject.project.name)
    if made.number != row.number or made.schema.digest != row.digest:
        raise InvalidCandidate(
            "It would become another version or schema than was looked through.",
            fix="Look the import through again.",
        )
    return made


def _make_room(actor: Actor, row: ImportVersion) -> None:
    """Delete an earlier version with the same schema, which is deleted over there: one lives."""
    twins = ImportVersion.objects.filter(
        subject=row.subject_id,
        schema_id=row.schema_id,
        deleted=True,
        removed=False,
        outcome=Outcome.TAKEN,
    )
    for twin in twins.order_by("number"):
        services.delete_version(actor, name_of(row.subject), twin.number)
        ImportVersion.objects.filter(pk=twin.pk).update(removed=True)


def _open(actor: Actor, subject: ImportSubject) -> None:
    """Put the subject into mode IMPORT, and note what it goes back to."""
    if subject.opened:
        return
    there = selectors.find_subject(name_of(subject))
    subject.mode_before = there.mode if there is not None else ""
    services.set_mode(
        actor, name_of(subject), Mode.IMPORT, force=True, project=subject.project.name
    )
    subject.opened = True
    subject.save(update_fields=["opened", "mode_before"])


# -- deletions ------------------------------------------------------------------------------------


def _deleted(run: ImportRun) -> QuerySet[ImportVersion]:
    """What is deleted over there and came; users before what they refer to."""
    rows = ImportVersion.objects.filter(
        run=run, outcome=Outcome.TAKEN, deleted=True, removed=False, reason=""
    )
    return rows.select_related("subject").order_by("-position")[:BATCH]


def _remove(step: Step, actor: Actor, row: ImportVersion) -> None:
    with leases.fenced(step.lease):
        try:
            services.delete_version(actor, name_of(row.subject), row.number)
        except SlipwayError as error:
            row.reason = f"It is deleted over there, but not here: {error.message}"[:2000]
        else:
            row.removed = True
        row.save(update_fields=["reason", "removed"])


# -- subjects and places --------------------------------------------------------------------------


def _settle(actor: Actor, subject: ImportSubject) -> None:
    """Give a subject that something came into its mode and settings; others keep theirs."""
    if subject.opened:
        wanted = dict(subject.settings)
        mode = wanted.pop("mode", subject.mode_before)
        try:
            with transaction.atomic():
                if wanted:
                    services.set_settings(actor, name_of(subject), wanted)
        except SlipwayError as error:
            subject.problem = f"{subject.problem} Settings: {error.message}".strip()[:4000]
        _give_back(subject, mode)
    subject.settled = True
    subject.save(update_fields=["settled", "problem"])


def _give_back(subject: ImportSubject, mode: str) -> None:
    """End mode IMPORT, unless somebody did so already."""
    name = name_of(subject)
    there = selectors.find_subject(name)
    if there is None or there.mode != Mode.IMPORT:
        return
    if mode:
        services.set_mode(_SELF, name, mode, force=True)
    else:
        services.clear_mode(_SELF, name)


def close(run: ImportRun) -> None:
    """Give every subject that a run holds open its former mode; in the transaction that ends it."""
    for subject in run.subjects.filter(opened=True, settled=False):
        try:
            with transaction.atomic():
                _give_back(subject, subject.mode_before)
        except RegistryError as error:
            add_note(run, f"{subject} could not be given back its mode: {error.message}")
        subject.opened = False
        subject.save(update_fields=["opened"])


def _places(step: Step, run: ImportRun, actor: Actor) -> None:
    """Settings of the registry and of contexts, for whoever may configure them."""
    if not run.place_settings:
        return
    with leases.fenced(step.lease):
        if not can(actor, CONFIGURE_REGISTRY, None):
            add_note(
                run,
                "Settings of the registry and its contexts were not taken over; that needs"
                f" {CONFIGURE_REGISTRY}.",
            )
            return
        for context, values in run.place_settings.items():
            _place(run, actor, context, dict(values))


def _place(run: ImportRun, actor: Actor, context: str, values: dict[str, Any]) -> None:
    name, mode = SubjectName(context, ""), values.pop("mode", "")
    shown = "the registry" if context == naming.GLOBAL else f"context {context}"
    try:
        with transaction.atomic():
            if values:
                services.set_settings(actor, name, values)
            if mode:
                services.set_mode(actor, name, mode)
    except SlipwayError as error:
        add_note(run, f"Settings of {shown} were not taken over: {error.message}")
