"""Declared versions: SQL is handed in, a worker reads it, and its version is numbered.

1. `ask` writes a `Declaration` and answers at once; the message only says "look at this one".
2. A worker calls `work`, which claims it by lease, the oldest open one of a database first.
3. The SQL is read outside any transaction, while a thread renews the lease.
4. Version and end are written in one transaction that the lease's token fences: who lost the lease
   writes nothing, and whoever takes over reads the SQL anew. Reading leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from idp.changes import events, leases
from idp.changes.leases import Lease, LeaseLost
from idp.common import jobs
from idp.common.errors import Clash, FieldError, Refusal, SlipwayError, TemporaryBackendError
from idp.common.transitions import transition
from rbac import actors, audit
from rbac.access import require
from rbac.actors import Actor
from rbac.services.writing import refuse
from schemas.backends import ddl, scratch
from schemas.databases import judging, measuring, selectors
from schemas.databases.models import MAX_FILE, Database, DatabaseVersion, Declaration
from schemas.databases.snapshots import MAX_MODEL
from schemas.formats.base import TooComplex
from schemas.permissions import DATABASE_DECLARE
from schemas.relational import stored

TASK = "schemas.declare"
EVERY_SECONDS = 5.0
SECONDS = 60.0  # of reading one declaration
LEASE_SECONDS = 30.0  # a thread renews it
WAIT_SECONDS = 1.0  # for another one that this process is reading
AT_ONCE = 2  # declarations that one process reads at the same moment
MAX_SQL = 1_500_000  # characters; below what a request may hold
MAX_OPEN = 20  # of one database
MAX_ATTEMPTS = 8  # with pauses that double, up to a minute
KEPT = 50  # ended declarations of one database
_OPEN = Q(state__in=Declaration.OPEN)
_reading = threading.BoundedSemaphore(AT_ONCE)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What reading gave: a version to number, or why not; `again` where it is worth trying."""

    version: DatabaseVersion | None = None
    failure: SlipwayError | None = None

    @property
    def again(self) -> bool:
        return isinstance(self.failure, TemporaryBackendError)


# -- handing in ---------------------------------------------------------------------------------


@transaction.atomic
def ask(
    actor: Actor,
    database: Database,
    sql: str,
    *,
    on_top: bool = False,
    base: int = 0,
    file: str = "",
    idempotency_key: str = "",
) -> Declaration:
    """Hand in SQL that makes the whole schema, or with `on_top` a migration.

    The migration runs after the SQL of version `base`; 0 means the newest when it is read. `file`
    is what findings call it. The same actor's same key answers with what it asked for before.
    Raises `Invalid` for an unknown base, `TooComplex`, `Refusal` where too many wait, and `Clash`
    for a key that was used for other SQL.
    """
    require(actor, DATABASE_DECLARE, database.keeper)
    if len(sql) > MAX_SQL:
        raise TooComplex(f"The SQL has {len(sql)} characters; {MAX_SQL} are the most.")
    if base and not database.versions.filter(number=base).exists():
        raise refuse("base", "exists", f"{database} has no version {base}.")
    Database.objects.select_for_update().get(pk=database.pk)  # so that all count the same
    if made := _made_before(actor, database, idempotency_key, sql):
        return made
    if database.declarations.filter(_OPEN).count() >= MAX_OPEN:
        raise Refusal(
            f"{MAX_OPEN} declarations of {database} are waiting already, which is the most.",
            fix="Wait until they are read.",
        )
    row = Declaration.objects.create(
        database=database,
        sql=sql,
        on_top=on_top,
        base=base,
        file=file[:MAX_FILE],
        created_by=actor.user,
        token=actor.token,
        created_label=actor.label[:200],
        idempotency_key=idempotency_key,
        sql_digest=_digest(sql),
    )
    _send(row)
    return row


def _made_before(actor: Actor, database: Database, key: str, sql: str) -> Declaration | None:
    if not key:
        return None
    rows = database.declarations.filter(created_by=actor.user, idempotency_key=key)
    made = rows.first()
    if made is not None and made.sql_digest != _digest(sql):
        raise Clash(
            f"The Idempotency-Key was used for declaration {made.pk}, of other SQL.",
            fix="Send another key for another request.",
        )
    return made


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode(errors="surrogatepass")).hexdigest()


def _send(row: Declaration) -> None:
    leases.mark_sent(Declaration.objects.filter(pk=row.pk))
    jobs.enqueue(TASK, pk=row.pk)


def sweep() -> list[int]:
    """Send again what no worker took, and what a worker left behind."""
    return leases.sweep(Declaration, TASK, "pk", where=_OPEN)


# -- working ------------------------------------------------------------------------------------


def work(pk: int) -> bool:
    """Carry one declaration to its end, if it is its turn and free; whether this call did."""
    older = Declaration.objects.filter(_OPEN, database=OuterRef("database"), pk__lt=OuterRef("pk"))
    lease = leases.claim(Declaration, pk, where=_OPEN & ~Q(Exists(older)), seconds=LEASE_SECONDS)
    if lease is None:
        return False
    try:
        with leases.fenced(lease) as row:
            _begin(row)
        with leases.Renewal(lease):
            outcome = _read(row)
        return _settle(lease, outcome)
    except LeaseLost:
        return False


def _begin(row: Declaration) -> None:
    if row.state == Declaration.State.QUEUED:
        transition(row, Declaration.State.READING, started_at=timezone.now())
        _tell(row)


def _read(row: Declaration) -> Outcome:
    if row.attempts > MAX_ATTEMPTS:
        last = row.problem.get("detail", "")
        message = f"Reading it was begun {MAX_ATTEMPTS} times and never ended. {last}".strip()
        return Outcome(failure=TooComplex(message))
    try:
        require(_actor(row), DATABASE_DECLARE, row.database.keeper)
        return Outcome(_version(row))
    except SlipwayError as error:
        return Outcome(failure=error)
    except Exception as error:  # whatever it is, it ends this one and no other
        log.exception("declaration %s cannot be read", row.pk)
        return Outcome(failure=Refusal(f"It could not be read ({type(error).__name__})."))


def _actor(row: Declaration) -> Actor:
    """Who handed it in, as `decide` judges them now."""
    revoked = row.token is not None and row.token.revoked_at is not None
    if row.created_by is None or revoked:
        return actors.NOBODY
    return Actor(row.created_by, row.token)


def _version(row: Declaration) -> DatabaseVersion:
    """The version that the SQL makes, without a number yet."""
    before = _before(row)
    text = f"{before.sql.rstrip()}\n{row.sql}" if row.on_top and before is not None else row.sql
    if len(text) > MAX_SQL:
        raise TooComplex(f"With the version below it has more than {MAX_SQL} characters.")
    loaded = _load(text)
    made = stored.dump(loaded.model)
    if len(made) > MAX_MODEL:
        raise TooComplex(f"The schema has more than {MAX_MODEL} characters.")
    return DatabaseVersion(
        database=row.database,
        sql=text,
        model=made,
        digest=stored.digest(loaded.model),
        statements=loaded.statements,
        skipped=[asdict(one) for one in loaded.skipped],
        base=before.number if before is not None else 0,
        file=row.file,
        reader=loaded.model.read_by,
        unread=list(loaded.model.unread),
        findings=judging.findings(row, before, loaded.model),
        created_by=row.created_by,
        created_label=row.created_label,
    )


def _before(row: Declaration) -> DatabaseVersion | None:
    """The version that it follows."""
    if row.base:
        return selectors.version(row.database, row.base)
    return selectors.newest(row.database)


def _load(sql: str) -> scratch.Loaded:
    """By a scratch PostgreSQL; where there is none, as far as sqlglot reads it."""
    with _turn():
        if not settings.SCHEMAS_SCRATCH_URL:
            return ddl.load(sql)
        return scratch.load(
            sql,
            settings.SCHEMAS_SCRATCH_URL,
            seconds=SECONDS,
            extensions=settings.SCHEMAS_SCRATCH_EXTENSIONS,
        )


class _Waits(TemporaryBackendError):
    """Both places for reading are taken."""


@contextmanager
def _turn() -> Iterator[None]:
    if not _reading.acquire(timeout=WAIT_SECONDS):
        raise _Waits("Other declarations are being read.")
    try:
        yield
    finally:
        _reading.release()


# -- ending -------------------------------------------------------------------------------------


def _settle(lease: Lease, outcome: Outcome) -> bool:
    with leases.fenced(lease) as row:
        if outcome.again and row.attempts <= MAX_ATTEMPTS:
            _put_off(lease, row, outcome)
            return False
        values: dict[str, Any] = {"problem": _problem(outcome.failure)}
        if outcome.version is not None:
            values["version"], values["is_new"] = _number(_actor(row), outcome.version)
            values["sql"] = ""
        done = outcome.version is not None
        to = Declaration.State.DECLARED if done else Declaration.State.REFUSED
        transition(row, to, finished_at=timezone.now(), **values)
        leases.release(lease)
        _tell(row)
        _prune(row.database)
        following = row.database.declarations.filter(_OPEN).order_by("pk").first()
        if following is not None:
            _send(following)
    return True


def _put_off(lease: Lease, row: Declaration, outcome: Outcome) -> None:
    transition(row, Declaration.State.QUEUED, problem=_problem(outcome.failure))
    if isinstance(outcome.failure, _Waits):  # it was not begun
        Declaration.objects.filter(pk=row.pk).update(attempts=F("attempts") - 1)
    leases.release(lease, wait=min(60.0, 2.0**row.attempts))
    _tell(row)


def _problem(failure: SlipwayError | None) -> dict[str, Any]:
    """An error as pages and REST show it."""
    if failure is None:
        return {}
    return {
        "status": failure.status,
        "code": failure.code,
        "title": failure.title,
        "detail": failure.message,
        "fix": failure.fix,
        "errors": [asdict(one) for one in failure.errors],
    }


def errors_of(row: Declaration) -> list[FieldError]:
    """What was wrong, each with its line."""
    return [FieldError(**one) for one in row.problem.get("errors", [])]


def _number(actor: Actor, version: DatabaseVersion) -> tuple[DatabaseVersion, bool]:
    """Under the database's lock: the next number, unless the newest says the same."""
    database = Database.objects.select_for_update().get(pk=version.database_id)
    newest = selectors.newest(database)
    if newest is not None and newest.digest == version.digest and newest.sql == version.sql:
        return newest, False
    version.number = database.last_version + 1
    version.save(force_insert=True)
    Database.objects.filter(pk=database.pk).update(last_version=version.number)
    version.database = database
    audit.record(
        actor,
        DATABASE_DECLARE,
        target=database,
        scope=database.project.scope,
        after={"version": version.number, "digest": version.digest},
    )
    measuring.ask(database.instances.filter(expected=None))
    return version, True


def _prune(database: Database) -> None:
    ended = database.declarations.exclude(_OPEN).order_by("-pk")
    kept = list(ended.values_list("pk", flat=True)[:KEPT])
    ended.exclude(pk__in=kept).delete()


def _tell(row: Declaration) -> None:
    scope = row.database.project.scope_id
    events.hint(measuring.TOPIC, {"id": row.database_id}, scope=scope)
