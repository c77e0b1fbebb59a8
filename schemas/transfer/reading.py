"""Reading another registry into an import's rows, subject by subject.

Called by the worker. Each subject is written in one transaction with all its versions, so that a
run that was killed goes on behind the last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import Length

from idp.changes import leases
from idp.common.errors import Denied, Invalid, PermanentBackendError
from schemas import naming
from schemas.backends.peer import Peer
from schemas.errors import RegistryError
from schemas.naming import SubjectName
from schemas.transfer import mapping, storing
from schemas.transfer.models import ImportRun, ImportSubject, ImportVersion
from schemas.transfer.running import Step
from schemas.transfer.storing import MAX_SUBJECTS, Arrival, Budget, Found, Projects

EVERYTHING = f":{naming.WILDCARD}:"
MAX_NOTES = 200


def peer_of(run: ImportRun) -> Peer:
    return Peer(run.source, user_name=run.user_name, secret=run.secret)


def read(step: Step, run: ImportRun) -> None:
    """Everything that the source holds and the run wants, as rows; then its places' settings."""
    with peer_of(run) as peer:
        names = peer.subjects(run.prefix or EVERYTHING, deleted=run.deleted, most=MAX_SUBJECTS)
        names = [name for name in names if mapping.wanted(name, run.prefix)]
        known = set(run.subjects.values_list("source", flat=True))
        budget, projects = _left(run), Projects(run)
        for name in names:
            if name not in known:
                known.add(name)
                arrival = _subject(run, peer, name, budget)
                with leases.fenced(step.lease):
                    _store(run, projects, arrival)
                    _got_on(run)
                step.breathe()
        places = _places(run, peer, names) if run.with_settings else {}
    with leases.fenced(step.lease):
        ImportRun.objects.filter(pk=run.pk).update(place_settings=places)


def _got_on(run: ImportRun) -> None:
    """Failures count in a row: what came ends the row."""
    if run.failures:
        run.failures = 0
        ImportRun.objects.filter(pk=run.pk).update(failures=0)


def _left(run: ImportRun) -> Budget:
    """What the rows of an earlier try leave of the bounds."""
    held = run.versions.aggregate(count=Count("pk"), size=Sum(Length("text")))
    budget = Budget()
    budget.spend(
        subjects=run.subjects.count(), versions=held["count"], characters=held["size"] or 0
    )
    return budget


def _subject(run: ImportRun, peer: Peer, name: str, budget: Budget) -> Arrival:
    living = set(peer.versions(name, deleted=False))
    numbers = peer.versions(name, deleted=True) if run.deleted else sorted(living)
    budget.spend(subjects=1, versions=len(numbers))
    versions, problems = [], []
    for number in numbers:
        try:
            one = _version(peer, name, number, deleted=number not in living)
        except Denied:
            raise
        except (RegistryError, Invalid, PermanentBackendError) as error:
            problems.append(f"Version {number}: {error.message}")
            continue
        budget.spend(characters=len(one.candidate.text))
        versions.append(one)
    settings: dict[str, Any] = {}
    if run.with_settings:
        settings, left = _settings(peer, name)
        problems += [f"Not taken over: {word}." for word in left]
    return Arrival(name, versions, settings, problems)


def _settings(peer: Peer, place: str) -> tuple[dict[str, Any], list[str]]:
    """A place's settings, and words about what of them is not taken; wrong ones count for none."""
    try:
        return storing.settings_of(peer.settings(place))
    except RegistryError as error:
        return {}, [f"settings ({error.message})"]


def _version(peer: Peer, name: str, number: int, *, deleted: bool) -> Found:
    body = peer.version(name, number)
    if body.get("subject") != name or body.get("version") != number:
        raise PermanentBackendError("The registry answers with another version.")
    return storing.version_of(body, deleted=deleted)


def _store(run: ImportRun, projects: Projects, arrival: Arrival) -> None:
    try:
        storing.store(run, projects, arrival)
    except RegistryError as error:
        add_note(run, f"{arrival.source[:255]} is left out: {error.message}")


def add_note(run: ImportRun, text: str) -> None:
    """Something about the whole run, for its report; the first ones are kept."""
    notes = ImportRun.objects.values_list("notes", flat=True).get(pk=run.pk)
    if len(notes) < MAX_NOTES and text not in notes:
        run.notes = [*notes, text]
        ImportRun.objects.filter(pk=run.pk).update(notes=run.notes)


def _places(run: ImportRun, peer: Peer, names: Iterable[str]) -> dict[str, Any]:
    """Settings of the registry and of the contexts that something was found in, by name here.

    Into another context, the registry's own become that context's.
    """
    if run.prefix:
        return {}
    above, _ = _settings(peer, "")
    found = {run.into or naming.GLOBAL: above} if above else {}
    contexts = {naming.split(name).context for name in names} - {naming.DEFAULT}
    for context in sorted(contexts):
        own, _ = _settings(peer, str(SubjectName(context, "")))
        own = {key: value for key, value in own.items() if above.get(key) != value}
        if own:
            found[mapping.context_for(context, run.into)] = own
    return found


def forget(run: ImportRun) -> None:
    """Remove what was read, so that it is read anew."""
    ImportVersion.objects.filter(run=run).delete()
    ImportSubject.objects.filter(run=run).delete()
