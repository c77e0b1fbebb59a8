"""PostgreSQL by psycopg: one reader of a database's model, and sessions with hard bounds.

The only module that imports psycopg. `read` serves live databases and scratch databases alike;
`schemas.backends.scratch` runs declared SQL in a session. A server is as hostile as its data may
be: every session has a deadline and a bound on what it may send, enforced on this side.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from idp.common.errors import (
    BackendError,
    Denied,
    Invalid,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)
from schemas.backends import catalog
from schemas.backends.assembling import assemble
from schemas.formats.base import TooComplex
from schemas.relational.model import Model

SECONDS = 30.0  # of one reading, with connecting
CONNECT_SECONDS = 5
MAX_RECEIVED = 128_000_000  # bytes that a server may send in one session
MAX_OBJECTS = 50_000  # rows of one kind
MAX_OBJECT = 1_000_000  # characters of one object's row
_OLDEST = 130000
_TICK = 0.1

# Held for the whole transaction: what deparsed text depends on, and what keeps a reading short.
_SETTINGS = {
    "search_path": "pg_catalog",
    "lock_timeout": "3s",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}

QUERIES = {
    "schemas": catalog.SCHEMAS,
    "extensions": catalog.EXTENSIONS,
    "relations": catalog.RELATIONS,
    "columns": catalog.COLUMNS,
    "constraints": catalog.CONSTRAINTS,
    "indexes": catalog.INDEXES,
    "triggers": catalog.TRIGGERS,
    "rules": catalog.RULES,
    "policies": catalog.POLICIES,
    "types": catalog.TYPES,
    "sequences": catalog.SEQUENCES,
    "routines": catalog.ROUTINES,
    "unread": catalog.UNREAD,
}


class StatementFailed(Exception):
    """PostgreSQL refused a statement; `position` is the character in it, from 1, or 0."""

    def __init__(self, message: str, state: str, position: int, hint: str) -> None:
        super().__init__(message)
        self.message, self.state, self.position, self.hint = message, state, position, hint


def read(url: str, *, seconds: float = SECONDS, address: str = "") -> Model:
    """The model of the database at a `postgresql://` URL, read in one read-only snapshot.

    With `address` the host's name is not looked up: it only names whose certificate is expected.
    Raises `Denied` for wrong credentials, `NotFound` for a database that is not there,
    `TemporaryBackendError` for one that hangs or is locked, `TooComplex` past a bound.
    """
    with session(url, seconds=seconds, address=address) as one:
        return read_in(one)


def read_in(one: Session) -> Model:
    """The model by a session of one's own; leaves it in no transaction."""
    version = one.connection.info.server_version
    if version < _OLDEST:
        raise PermanentBackendError(f"PostgreSQL {version // 10000} is too old: 13 is the oldest.")
    one.command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    left = max(1, int(one.seconds_left * 1000))
    settings = _SETTINGS | {"statement_timeout": f"{left}ms"}
    one.command(
        "SELECT "
        + ", ".join(f"pg_catalog.set_config('{k}', '{v}', true)" for k, v in settings.items())
    )
    rows = {name: list(one.rows(query)) for name, query in QUERIES.items()}
    one.command("ROLLBACK")
    return assemble(rows, version)


class Session:
    """One connection; every method raises the errors of `read`."""

    def __init__(self, connection: psycopg.Connection[Any], watch: _Watch) -> None:
        self.connection = connection
        self._watch = watch

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._watch.ends - time.monotonic())

    @property
    def pid(self) -> int:
        return self.connection.info.backend_pid

    @property
    def in_transaction(self) -> bool:
        return self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def command(self, text: str) -> None:
        with self._translated():
            self.connection.execute(text.encode())

    def rows(self, query: str) -> Iterator[dict[str, Any]]:
        """The rows as objects, each made JSON by the server so that its length is bounded."""
        bounded = (
            f"SELECT left(row_to_json(q)::text, {MAX_OBJECT + 1}) FROM ({query}) q "  # noqa: S608  # the queries are this package's own
            f"LIMIT {MAX_OBJECTS + 1}"
        )
        with self._translated():
            found = self.connection.execute(bounded.encode()).fetchall()
        if len(found) > MAX_OBJECTS:
            raise TooComplex(f"The database has more than {MAX_OBJECTS} objects of one kind.")
        for (text,) in found:
            if len(text) > MAX_OBJECT:
                raise TooComplex(f"One object has more than {MAX_OBJECT} characters.")
            yield json.loads(text)

    def run(self, statement: str) -> None:
        """One statement of a person's; raises `StatementFailed` for what PostgreSQL refuses."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement.encode())
        except psycopg.Error as error:
            if self._watch.cut or self.connection.closed:
                raise refusal(error, self._watch.cut) from error
            diagnosis = error.diag
            raise StatementFailed(
                diagnosis.message_primary or str(error).partition("\n")[0],
                error.sqlstate or "",
                int(diagnosis.statement_position or 0),
                diagnosis.message_hint or diagnosis.message_detail or "",
            ) from error

    def encrypted(self, role: str, password: str) -> str:
        """The password as the server keeps it, so that no log sees the plain one."""
        made = self.connection.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        )
        return made.decode()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise refusal(error, self._watch.cut) from error


@contextmanager
def session(url: str, *, seconds: float = SECONDS, address: str = "") -> Iterator[Session]:
    """A session that is cut after `seconds` or `MAX_RECEIVED` bytes, whatever the server does."""
    ends = time.monotonic() + seconds
    parameters = connection_parameters(url)
    if address:
        parameters["hostaddr"] = address
    parameters["connect_timeout"] = max(2, min(CONNECT_SECONDS, int(seconds)))
    try:
        connection = psycopg.connect(autocommit=True, prepare_threshold=None, **parameters)
    except psycopg.Error as error:
        raise refusal(error) from error
    watch = _Watch(connection, ends, seconds)
    watch.start()
    try:
        yield Session(connection, watch)
    finally:
        watch.stop()
        connection.close()


def connection_parameters(url: str) -> dict[str, Any]:
    """What libpq may use of a URL: host, port, database, user, password and sslmode.

    Other parameters would let a URL name files of this machine; they are refused as `Invalid`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise Invalid("The database's URL cannot be read.", fix=_URL_FIX) from error
    host = parts.hostname or ""
    if parts.scheme not in {"postgres", "postgresql"} or not host or "," in parts.netloc:
        raise Invalid("The database's URL names no single PostgreSQL host.", fix=_URL_FIX)
    if "%" in host or host.startswith("/") or "\0" in unquote(url):
        raise Invalid("The database's URL must name a host, not a path.", fix=_URL_FIX)
    if options.keys() - {"sslmode"}:
        wrong = ", ".join(sorted(options.keys() - {"sslmode"}))
        raise Invalid(f"The database's URL may not set {wrong[:100]}.", fix=_URL_FIX)
    return {
        "host": host,
        "port": port,
        "dbname": unquote(parts.path.lstrip("/")) or "postgres",
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password or ""),
        "sslmode": options.get("sslmode", "prefer"),
        "passfile": _NO_FILE,  # the passwords and keys of this process are not the tenant's
        "sslcert": _NO_FILE,
        "sslkey": _NO_FILE,
        **({"sslrootcert": "system"} if options.get("sslmode") == "verify-full" else {}),
        "gssencmode": "disable",
        "application_name": "slipway",
    }


_NO_FILE = f"{os.devnull}/none"
_URL_FIX = "Write postgresql://user:password@host:5432/database?sslmode=require."


class _Watch(threading.Thread):
    """Cuts the connection at its deadline: the server's own timeouts do not help when it hangs."""

    def __init__(self, connection: psycopg.Connection[Any], ends: float, seconds: float) -> None:
        super().__init__(name="schemas-postgres-watch", daemon=True)
        self.ends, self.cut = ends, ""
        self._seconds = seconds
        # A descriptor of its own: the connection may close, and its number be taken, meanwhile.
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(min(_TICK, max(0.0, self.ends - time.monotonic()))):
            if time.monotonic() >= self.ends:
                self._cut(f"The database did not answer within {self._seconds:g} s.")
            elif _received(self._socket) > MAX_RECEIVED:
                self._cut(f"The database sent more than {MAX_RECEIVED} bytes.")
            if self.cut:
                return

    def _cut(self, why: str) -> None:
        self.cut = why
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self._done.set()
        self.join()
        self._socket.close()


def _received(connection: socket.socket) -> int:
    """The bytes received so far, where the system counts them (`struct tcp_info` of Linux)."""
    if not hasattr(socket, "TCP_INFO"):
        return 0
    with suppress(OSError, struct.error):
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
        return int(struct.unpack_from("=Q", info, 128)[0])
    return 0


_DENIED = ("28", "42501")
_ABSENT = ("3D000",)
# XX000: a deparser missed an object that another session was just dropping.
_TEMPORARY = ("08", "53", "55", "57", "40", "25P", "XX000")
# libpq gives no code for a refused connection, only the server's sentence.
_DENIED_WORDS = (
    "authentication failed",
    "pg_hba.conf",
    "no password supplied",
    "permission denied",
    'role "',
)


def refusal(error: psycopg.Error, cut: str = "") -> BackendError:
    """A backend error of the house for one of psycopg's; the message holds no password."""
    if cut:
        return TemporaryBackendError(cut, fix="Try again; look at the database's load and locks.")
    state, text = error.sqlstate or "", " ".join(str(error).split())[:500]
    if state.startswith(_DENIED) or (not state and any(one in text for one in _DENIED_WORDS)):
        return Denied(f"The database refuses the account: {text}")
    if state.startswith(_ABSENT) or (not state and 'database "' in text and "exist" in text):
        return NotFound(f"The database is not there: {text}")
    if state.startswith(_TEMPORARY) or (not state and isinstance(error, psycopg.OperationalError)):
        return TemporaryBackendError(f"The database did not answer: {text}")
    return PermanentBackendError(f"The database refused: {text}")
