"""Writes about imports: begin one, confirm what would come, look again, give it up, forget it.

Importing sets modes and ids, so it needs what setting a subject's mode needs, `subject.configure`,
in every project that gets a subject, and `subject.register` besides. Both are asked for when a run
begins, when it is confirmed, and by the services that the worker calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import IO, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from idp.common import jobs, transitions
from idp.common.errors import Clash, FieldError, Invalid, NotVisible, SlipwayError
from rbac import audit
from rbac.access import get_visible, require
from rbac.actors import Actor
from rbac.models import Project, Tier
from rbac.scopes import tier_scope
from rbac.services.writing import refuse
from schemas import naming
from schemas.backends import peer
from schemas.errors import RegistryError
from schemas.permissions import CONFIGURE, DELETE, REGISTER
from schemas.transfer import archives, importing, mapping, reading, selectors, storing
from schemas.transfer.models import ImportRun, ImportVersion
from schemas.transfer.reading import add_note
from schemas.transfer.running import tell
from schemas.transfer.runs import TASK

State = ImportRun.State
MAX_OPEN = 5  # runs of one project that are not over
MAX_PREFIX, MAX_SECRET = 300, 4000
CHUNK = 256 * 1024  # bytes of a file that are hashed at a time


@transaction.atomic
def import_registry(
    actor: Actor,
    project: Project,
    *,
    registry: str,
    user_name: str = "",
    secret: str = "",
    idempotency_key: str = "",
    **options: Any,
) -> ImportRun:
    """Begin to read another registry; nothing comes before it is confirmed.

    `options` are those of `_begin`. The same actor's same key answers with what it began before.
    Raises `Invalid` with the field, and `Clash` past `MAX_OPEN` or for a key of another import.
    """
    require(actor, CONFIGURE, project.scope)
    digest = _digest(None, registry.rstrip("/"), options)
    if made := _made_before(actor, project, idempotency_key, digest):
        return made
    try:
        peer.address_of(registry)
    except Invalid as error:
        found = [FieldError("registry", "url", error.message, error.fix)]
        raise Invalid(error.message, fix=error.fix, errors=found) from error
    run = _begin(actor, project, ImportRun.Kind.REGISTRY, registry.rstrip("/"), **options)
    run.user_name, run.secret = user_name, secret
    run.idempotency_key, run.request_digest = idempotency_key, digest
    run.save()
    _send(actor, run)
    return run


def import_archive(
    actor: Actor,
    project: Project,
    *,
    file: IO[bytes],
    name: str,
    idempotency_key: str = "",
    **options: Any,
) -> ImportRun:
    """Take an archive in; a worker looks it through. Raises `Invalid` for one that is none."""
    require(actor, CONFIGURE, project.scope)
    source = name[:200] or "archive"
    digest = _digest(file, source, options)
    if made := _made_before(actor, project, idempotency_key, digest):
        return made
    found = archives.unpack(file)
    with transaction.atomic():
        run = _begin(actor, project, ImportRun.Kind.ARCHIVE, source, **options)
        run.stored_at = timezone.now()
        run.idempotency_key, run.request_digest = idempotency_key, digest
        run.save()
        _store(run, found)
        _send(actor, run)
    return run


def _digest(file: IO[bytes] | None, source: str, options: Mapping[str, Any]) -> str:
    """What a key stands for: the source, the options, and the file, which is wound back."""
    found = hashlib.sha256(f"{source} {sorted(options.items())!r}".encode(errors="replace"))
    while file is not None and (chunk := file.read(CHUNK)):
        found.update(chunk)
    if file is not None:
        file.seek(0)
    return found.hexdigest()


def _made_before(actor: Actor, project: Project, key: str, digest: str) -> ImportRun | None:
    if not key:
        return None
    rows = ImportRun.objects.filter(project=project, actor=actor.user, idempotency_key=key)
    made = rows.first()
    if made is not None and made.request_digest != digest:
        raise Clash(
            f"The Idempotency-Key was used for import {made.pk}, from {made.source}.",
            fix="Send another key for another request.",
        )
    return made


def _begin(
    actor: Actor,
    project: Project,
    kind: str,
    source: str,
    *,
    prefix: str = "",
    into: str = "",
    deleted: bool = False,
    with_settings: bool = True,
    rules: Sequence[Mapping[str, str]] = (),
) -> ImportRun:
    """The unsaved run; whoever begins it may import into every project that its rules name."""
    if ImportRun.objects.filter(selectors.OPEN, project=project).count() >= MAX_OPEN:
        raise Clash(
            f"Project {project.name} has {MAX_OPEN} imports that are not over.",
            fix="Confirm or cancel one of them first.",
        )
    for name in {rule["project"] for rule in _checked(rules)} - {project.name}:
        _require_project(actor, name)
    _require_in(actor, project, deleted=deleted)
    return ImportRun(
        project=project,
        kind=kind,
        source=source,
        prefix=_prefix(prefix),
        into=_context(into),
        deleted=deleted,
        with_settings=with_settings,
        rules=[dict(rule) for rule in rules],
        actor=actor.user,
        actor_label=actor.label[:200],
        token=actor.token,
    )


def _checked(rules: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    if len(rules) > mapping.MAX_RULES:
        raise refuse("rules", "most", f"At most {mapping.MAX_RULES} rules.")
    starts = [rule["prefix"] for rule in rules]
    if len(set(starts)) < len(starts):
        raise refuse("rules", "twice", "Two rules have the same beginning.")
    return rules


def _require_project(actor: Actor, name: str) -> None:
    rows = Project.objects.select_related("scope")
    try:
        project = get_visible(actor, "project.view", rows, name=name.replace("\0", ""))
    except NotVisible as error:
        message = f"There is no project “{name[:40]}” that you may see."
        raise refuse("rules", "exists", message) from error
    _require_in(actor, project)


def _require_in(actor: Actor, project: Project, *, deleted: bool = False) -> None:
    require(actor, CONFIGURE, project.scope)
    keeper = tier_scope(project, Tier.DEVELOPMENT)
    require(actor, REGISTER, keeper)
    if deleted:
        require(actor, DELETE, keeper)


def _prefix(text: str) -> str:
    if len(text) > MAX_PREFIX or "\0" in text:
        raise refuse("prefix", "longest", f"It has more than {MAX_PREFIX} characters.")
    return text


def _context(text: str) -> str:
    """A context's name, or "" for the contexts as they are."""
    try:
        return naming.context(text) if text.strip(":. ") else ""
    except RegistryError as error:
        message = f"“{text[:60]}” is no name of a context."
        raise refuse("into", "context", message, "Write letters, digits and ._-") from error


def _store(run: ImportRun, found: archives.Unpacked) -> None:
    """The archive's subjects as rows; what cannot be understood is noted."""
    projects = storing.Projects(run)
    for source, entries in found.versions.items():
        if not mapping.wanted(source, run.prefix):
            continue
        versions, problems = [], []
        for body in entries:
            try:
                versions.append(storing.version_of(body))
            except SlipwayError as error:
                problems.append(f"Version {str(body.get('version'))[:12]}: {error.message}")
        if not run.deleted:
            versions = [one for one in versions if not one.deleted]
        settings = _settings(run, found.subjects.get(source), problems)
        try:
            _once(source, versions)
            arrival = storing.Arrival(source, versions, settings, problems)
            storing.store(run, projects, arrival)
        except SlipwayError as error:
            add_note(run, f"{source[:255]} is left out: {error.message}")
    _store_places(run, found)


def _once(source: str, versions: Sequence[storing.Found]) -> None:
    if len({one.number for one in versions}) < len(versions):
        raise Invalid(f"A version of {source[:255]} stands there twice.")


def _settings(run: ImportRun, body: Any, problems: list[str]) -> dict[str, Any]:
    if not run.with_settings or not isinstance(body, dict):
        return {}
    try:
        settings, left = storing.settings_of(body)
    except SlipwayError as error:
        problems.append(f"Settings: {error.message}")
        return {}
    problems += [f"Not taken over: {word}." for word in left]
    return settings


def _store_places(run: ImportRun, found: archives.Unpacked) -> None:
    if not run.with_settings or run.prefix:
        return
    problems: list[str] = []
    places = {run.into or naming.GLOBAL: _settings(run, found.registry, problems)}
    for context, body in found.contexts.items():
        try:
            name = mapping.context_for(naming.context(context), run.into)
        except RegistryError:
            continue
        places[name] = {**places.get(name, {}), **_settings(run, body, problems)}
    run.place_settings = {name: values for name, values in places.items() if values}
    run.save(update_fields=["place_settings"])


# -- the life of a run ----------------------------------------------------------------------------


def _send(actor: Actor, run: ImportRun) -> None:
    after = {"source": run.source, "state": run.state, "prefix": run.prefix, "into": run.into}
    audit.record(actor, CONFIGURE, target=run, scope=run.project.scope, after=after)
    jobs.enqueue(TASK, run_id=run.pk)
    tell(run)


def _move(by: Actor, run: ImportRun, state: str, **fields: Any) -> ImportRun:
    require(by, CONFIGURE, run.project.scope)
    before = run.state
    if state not in ImportRun.TRANSITIONS.get(before, frozenset()):
        raise Clash(f"An import that is {run.get_state_display().lower()} cannot become {state}.")
    transitions.transition(run, state, reason="", fix="", failures=0, **fields)
    audit.record(
        by,
        CONFIGURE,
        target=run,
        scope=run.project.scope,
        before={"state": before},
        after={"state": state, "source": run.source},
    )
    jobs.enqueue(TASK, run_id=run.pk)
    tell(run)
    return run


@transaction.atomic
def confirm(actor: Actor, run: ImportRun) -> ImportRun:
    """Bring in what was looked through, or go on where it stopped; as whoever confirms it."""
    for project in Project.objects.filter(pk__in=run.subjects.values("project")):
        _require_in(actor, project, deleted=run.deleted)
    who = {"actor": actor.user, "actor_label": actor.label[:200], "token": actor.token}
    started = run.started_at or timezone.now()
    if run.state == State.FAILED and run.started_at is None:
        raise Clash("It was never looked through.", fix="Look it through again.")
    return _move(actor, run, State.IMPORTING, started_at=started, finished_at=None, **who)


@transaction.atomic
def look_again(actor: Actor, run: ImportRun) -> ImportRun:
    """Read the source anew, and judge what it holds now; what came already is there then."""
    stored = run.stored_at
    if run.kind == ImportRun.Kind.REGISTRY:
        reading.forget(run)
        stored = None
    else:
        run.versions.update(removed=False)
        run.subjects.update(opened=False, settled=False)
    return _move(actor, run, State.READING, stored_at=stored, finished_at=None, notes=[])


@transaction.atomic
def cancel(actor: Actor, run: ImportRun) -> ImportRun:
    """Give a run up; what it brought in stays, and subjects that it holds open are given back."""
    _move(actor, run, State.CANCELLED, finished_at=timezone.now())
    # A worker that is in the middle loses its lease, and writes nothing more.
    ImportRun.objects.filter(pk=run.pk).update(lease_token=F("lease_token") + 1, lease_until=None)
    importing.close(run)
    ImportVersion.objects.filter(run=run).exclude(text="").update(text="")
    return run


@transaction.atomic
def forget(actor: Actor, run: ImportRun) -> None:
    """Delete a run that is over, with its report; what it brought in stays."""
    require(actor, CONFIGURE, run.project.scope)
    if run.state in {State.READING, State.IMPORTING}:
        raise Clash("The import is under way.", fix="Cancel it first.")
    before = {"source": run.source, "state": run.state}
    audit.record(actor, CONFIGURE, target=run, scope=run.project.scope, before=before)
    run.delete()
