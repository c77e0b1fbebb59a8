"""Declared SQL run in a scratch database of a PostgreSQL server, then read like any other.

Services call `load` with a team's DDL or migrations. The fence is PostgreSQL's: the SQL runs in a
session of a new role that has no rights but CONNECT and CREATE in a new database, so SET ROLE,
RESET ROLE and SET SESSION AUTHORIZATION lead nowhere. The server should serve nothing else: a
role sees the names of a server's databases and roles, and a busy one slows its neighbours.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

from idp.common.errors import BackendError, SlipwayError, TemporaryBackendError
from schemas.backends.postgres import Session, StatementFailed, read_in, session
from schemas.formats.base import InvalidSchema, TooComplex
from schemas.relational.model import Model, quoted
from schemas.relational.statements import Lines, Statement, statements

SECONDS = 60.0  # of a whole load
STATEMENT_SECONDS = 20  # of one statement
MAX_BYTES = 256_000_000  # that the scratch database may grow to
_CLEANING_SECONDS = 20.0  # what dropping may take after the deadline
_STALE_SECONDS = 3600  # older scratch databases were left by a process that died
_PREFIX = "slipway_scratch_"
_FOREVER = 10**9
# Rights and roles are no part of the model, and the roles of a team's databases are not here.
_OF_ROLES = {"grant", "revoke", "reassign"}
_UNDEFINED = "42704"  # a setting, role or type that the server does not know
_ROLE_FIX = "Have the operator create the role on the scratch server, as NOLOGIN."
_PSQL_HARMLESS = ("\\restrict", "\\unrestrict")  # what pg_dump puts round its output


@dataclass(frozen=True)
class Skipped:
    """A statement that was not run because it names roles, which no model holds."""

    line: int
    text: str


@dataclass(frozen=True)
class Loaded:
    model: Model
    statements: int
    skipped: tuple[Skipped, ...] = ()


def load(
    sql: str, server: str, *, seconds: float = SECONDS, extensions: Sequence[str] = ()
) -> Loaded:
    """The model that the SQL makes of an empty database of the server at the URL `server`.

    `extensions` are created first by the server's own account; the SQL itself may create trusted
    ones. Raises `InvalidSchema` with the line for what PostgreSQL refuses, `TooComplex` past a
    bound, and the errors of `postgres.read` for the server. Leaves nothing behind.
    """
    ends = time.monotonic() + seconds
    with _scratch(server, seconds, extensions) as (url, admin):
        left = max(1.0, ends - time.monotonic())
        # The reader's session is opened first: what the SQL sets for the role reaches no open one.
        with session(url, seconds=left) as reader, session(url, seconds=left) as one:
            with _Guard(admin, one.pid) as guard:
                ran, skipped = _run_all(one, sql, guard)
            return Loaded(read_in(reader), ran, tuple(skipped))


def _run_all(one: Session, sql: str, guard: _Guard) -> tuple[int, list[Skipped]]:
    one.command(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
    one.command("SET lock_timeout = '3s'")
    ran, skipped, lines = 0, [], Lines(sql)
    began = 0
    for statement in statements(sql):
        if not statement.tokens or harmless(statement):
            continue
        if not skips(statement) and _run(one, statement, lines, guard):
            ran += 1
        else:
            skipped.append(Skipped(statement.line, statement.text[:200]))
        began = (began or statement.line) if one.in_transaction else 0
    if began:
        raise InvalidSchema.at(f"line {began}", "sql", "The transaction is never committed.")
    return ran, skipped


def harmless(statement: Statement) -> bool:
    """Whether it only tells psql something."""
    return statement.tokens[0].kind == "meta" and statement.text.startswith(_PSQL_HARMLESS)


def skips(statement: Statement) -> bool:
    """Whether it is about roles and rights, which no model holds."""
    words = statement.words
    if not words:
        return False
    if words[0] in _OF_ROLES or words[:3] == ("alter", "default", "privileges"):
        return True
    return words[0] == "alter" and words[-3:-1] == ("owner", "to")


def _run(one: Session, statement: Statement, lines: Lines, guard: _Guard) -> bool:
    """Whether it was run: a SET of what only another release knows is skipped."""
    reason = refused(statement)
    if reason:
        raise _error(statement.line, statement.text, reason, "")
    try:
        one.run(statement.text)
    except StatementFailed as failure:
        if statement.words[0] == "set" and failure.state == _UNDEFINED:
            return False
        place = statement.start + max(0, failure.position - 1)
        line = lines.at(place)[0] if failure.position else statement.line
        absent_role = failure.state == _UNDEFINED and failure.message.startswith("role ")
        hint = _ROLE_FIX if absent_role else failure.hint
        raise _error(line, statement.text, failure.message, hint) from failure
    except BackendError as failure:
        if guard.too_large:
            raise TooComplex(
                f"Line {statement.line}: the SQL fills more than {MAX_BYTES} bytes."
            ) from failure
        if isinstance(failure, TemporaryBackendError):
            raise TooComplex(
                f"Line {statement.line}: the SQL takes too long. {failure.message}",
                fix="Hand in the schema without the data that fills it.",
            ) from failure
        raise
    return True


def refused(statement: Statement) -> str:
    """Why a statement is not sent at all: it would speak to a client that is not there."""
    if statement.tokens[0].kind == "meta":
        return f"“{statement.text[:40]}” is a command of psql, not SQL."
    words = statement.words
    if words[:2] == ("prepare", "transaction"):  # it would outlive its session
        return "A prepared transaction is no schema."
    after = words.index("from") + 1 if words[0] == "copy" and "from" in words else len(words)
    if words[after : after + 1] == ("stdin",):
        return "COPY … FROM STDIN loads data; only the schema is read."
    return ""


def _error(line: int, text: str, message: str, hint: str) -> InvalidSchema:
    start = " ".join(text[:200].split())[:80]
    return InvalidSchema.at(f"line {line}", "sql", f"{message} (in “{start}”)", hint)


@contextmanager
def _scratch(
    server: str, seconds: float, extensions: Sequence[str]
) -> Iterator[tuple[str, Session]]:
    """A new database and role; the URL of both together, and the server's own session."""
    name = f"{_PREFIX}{int(time.time()):x}_{secrets.token_hex(6)}"
    password = secrets.token_urlsafe(24)
    with session(server, seconds=seconds + _CLEANING_SECONDS) as admin:
        _sweep(admin)
        try:
            _create(admin, name, password)
            _prepare(_address(server, database=name), name, extensions)
            yield _address(server, database=name, user=name, password=password), admin
        finally:
            _drop(admin, name)


def _create(admin: Session, name: str, password: str) -> None:
    secret = admin.encrypted(name, password)
    admin.command(
        f"CREATE ROLE {name} LOGIN PASSWORD '{secret}' NOSUPERUSER NOCREATEDB NOCREATEROLE "
        "NOREPLICATION NOBYPASSRLS NOINHERIT CONNECTION LIMIT 2"
    )
    with suppress(BackendError):  # only a superuser may; without it the time bounds such files
        admin.command(f"ALTER ROLE {name} SET temp_file_limit = '{MAX_BYTES // 1000}kB'")
    admin.command(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    admin.command(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    admin.command(f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {name} TO {name}")


def _prepare(url: str, role: str, extensions: Sequence[str]) -> None:
    with session(url, seconds=_CLEANING_SECONDS) as one:
        for extension in extensions:
            one.command(f"CREATE EXTENSION {quoted(extension)}")
        one.command(f"GRANT {role} TO CURRENT_USER")  # what giving the schema away asks for
        one.command(f"ALTER SCHEMA public OWNER TO {role}")


def _drop(admin: Session, name: str) -> None:
    """Both are tried, so that a database that stays does not keep the role's password alive."""
    with suppress(SlipwayError):
        admin.command(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
    with suppress(SlipwayError):
        admin.command(f"DROP ROLE IF EXISTS {quoted(name)}")


def _sweep(admin: Session) -> None:
    """Drops what processes that died left behind; names carry their second."""
    found = admin.rows(
        f"SELECT datname AS name FROM pg_database WHERE starts_with(datname, '{_PREFIX}') "  # noqa: S608  # a constant
        f"UNION SELECT rolname FROM pg_roles WHERE starts_with(rolname, '{_PREFIX}')"
    )
    for row in found:
        made = row["name"].removeprefix(_PREFIX).partition("_")[0]
        if _second(made) < time.time() - _STALE_SECONDS:
            _drop(admin, row["name"])


def _second(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return _FOREVER * _FOREVER  # not ours, whatever its prefix says


def _address(server: str, *, database: str, user: str = "", password: str = "") -> str:
    parts = urlsplit(server)
    netloc = parts.netloc
    if user:
        host = netloc.rpartition("@")[2]
        netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))


class _Guard(threading.Thread):
    """Ends the backend that fills its database past `MAX_BYTES`, by the server's own session.

    It has that session to itself while the SQL runs. The SQL can lift any timeout of its own
    session, so the time is bounded by the session's watch on this side; when that cuts the
    connection, the database is dropped by force.
    """

    def __init__(self, admin: Session, pid: int) -> None:
        super().__init__(name="schemas-scratch-guard", daemon=True)
        self._admin, self._pid = admin, pid
        self._done = threading.Event()
        self.too_large = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        query = (
            f"SELECT pg_database_size(a.datid) AS bytes FROM pg_stat_activity a "  # noqa: S608  # a number
            f"WHERE a.pid = {self._pid} AND a.datid IS NOT NULL"
        )
        while not self._done.wait(0.25):
            with suppress(SlipwayError):
                for row in self._admin.rows(query):
                    if row["bytes"] > MAX_BYTES:
                        self.too_large = True
                        self._admin.command(f"SELECT pg_terminate_backend({self._pid})")
