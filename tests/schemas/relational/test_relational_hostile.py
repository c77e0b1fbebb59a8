"""What a team's SQL, URL or server may try; each ends in bounded time with an error that helps."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from idp.common.errors import Denied, Invalid, NotFound, SlipwayError, TemporaryBackendError
from schemas.backends import postgres, scratch
from schemas.formats.base import InvalidSchema, TooComplex
from schemas.relational import statements

Load = Callable[[str], scratch.Loaded]
Run = Callable[..., None]


@pytest.fixture
def load(scratch_server: str) -> Iterator[Load]:
    """A load that must leave neither database nor role behind."""
    before = left_behind(scratch_server)
    yield lambda sql: scratch.load(sql, scratch_server)
    assert left_behind(scratch_server) == before


def left_behind(url: str) -> set[str]:
    query = (
        "SELECT datname FROM pg_database WHERE datname LIKE 'slipway%' "
        "UNION SELECT rolname FROM pg_roles WHERE rolname LIKE 'slipway%'"
    )
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute(query)}


@pytest.mark.parametrize(
    ("sql", "line", "message"),
    [
        ("\n\nCOPY (SELECT 1) TO PROGRAM 'id'", 3, "pg_execute_server_program"),
        ("CREATE TABLE t (a text);\nCOPY t FROM PROGRAM 'id'", 2, "pg_execute_server_program"),
        ("CREATE TABLE t (a text);\n\nCOPY t FROM '/etc/passwd'", 3, "pg_read_server_files"),
        ("COPY (SELECT 1) TO '/tmp/x'", 1, "pg_write_server_files"),
        ("CREATE TABLE t (a text);\nCOPY t FROM stdin;\nit's", 2, "only the schema is read"),
        ("SELECT pg_read_file('/etc/passwd')", 1, "permission denied"),
        ("SELECT pg_ls_dir('/')", 1, "permission denied"),
        ("SELECT lo_import('/etc/passwd')", 1, "permission denied"),
        ("CREATE EXTENSION dblink", 1, "permission denied to create extension"),
        ("CREATE EXTENSION postgres_fdw", 1, "permission denied to create extension"),
        ("SELECT 1;\nSELECT dblink('host=10.0.0.1', 'x')", 2, "does not exist"),
        ("CREATE LANGUAGE plpython3u", 1, "not|denied"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'system'", 1, "permission denied"),
        ("SET ROLE postgres", 1, "permission denied to set role"),
        ("SET SESSION AUTHORIZATION postgres", 1, "permission denied"),
        ("RESET ROLE; RESET SESSION AUTHORIZATION;\nCREATE ROLE x", 2, "permission denied"),
        ("ALTER ROLE CURRENT_USER SUPERUSER", 1, "must be superuser"),
        ("CREATE DATABASE x", 1, "permission denied"),
        ("ALTER SYSTEM SET fsync = off", 1, "permission denied"),
        ("DROP DATABASE postgres", 1, "must be owner"),
        ("UPDATE pg_class SET relname = 'x'", 1, "permission denied"),
        ("CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()", 1, "denied"),
        ("CREATE TABLE a ();\n\\copy a from '/etc/passwd'", 2, "a command of psql, not SQL"),
        ("\\! id", 1, "a command of psql, not SQL"),
        ("SELECT 1;\n\nSELECT nope", 3, 'column "nope" does not exist'),
        ("SELECT 1;\n/* ; */ SELECT\n\n  2,\n  nope;", 5, 'column "nope" does not exist'),
        ("SELECT 'a;\nb' ; SELECT $x$ ; $$ $x$ ;\n SELCT 1", 3, "syntax error"),
        ("SELECT 1;\nSELECT 'open", 2, "is not closed"),
        ("SELECT 1;\n\nSELECT $a$ $b$", 3, "is not closed"),
        ("/* /* */", 1, "is not closed"),
        ("\nBEGIN;\nCREATE TABLE t ()", 2, "never committed"),
        ("BEGIN;\nPREPARE TRANSACTION 'x'", 2, "no schema"),
        ("SELECT 1\0", 0, "cannot store"),
        ("SELECT '\ud800'", 0, "cannot store"),
    ],
)
def test_what_postgres_refuses_names_the_line(
    sql: str, line: int, message: str, load: Load
) -> None:
    with pytest.raises(InvalidSchema, match=message) as caught:
        load(sql)
    assert caught.value.errors[0].field == (f"line {line}" if line else "/")


TABLE = "CREATE TABLE public.t (a date DEFAULT '2020-01-02'::date);"
SHADOW = "CREATE FUNCTION public.left(text, int) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;"


@pytest.mark.parametrize(
    "sql",
    [
        f"ALTER ROLE CURRENT_USER PASSWORD 'other'; {TABLE}",
        f"ALTER ROLE CURRENT_USER SET quote_all_identifiers = on; {TABLE}",
        f"SET quote_all_identifiers = on; {TABLE}",
        f"SET search_path = pg_temp; SET datestyle = 'SQL, DMY'; {TABLE}",
        f"SET no_such_setting = 1; GRANT ALL ON SCHEMA public TO nobody; {TABLE}",
        f"{TABLE} ALTER TABLE t OWNER TO nobody;",
        f"\\restrict abc\n{TABLE}\n\\unrestrict abc\n",
        f"{SHADOW} {TABLE}",
        f"BEGIN; {TABLE} COMMIT; SELECT 1 AS begin",
    ],
)
def test_what_a_session_sets_changes_no_reading(sql: str, load: Load) -> None:
    model = load(sql).model
    assert [(table.name, table.columns[0].default) for table in model.tables] == [
        ("t", "'2020-01-02'::date")
    ]


def test_statements_about_roles_are_skipped_by_name(load: Load) -> None:
    loaded = load("CREATE TABLE t ();\nGRANT ALL ON t TO app;\nALTER TABLE t OWNER TO app")
    assert [(one.line, one.text) for one in loaded.skipped] == [
        (2, "GRANT ALL ON t TO app"),
        (3, "ALTER TABLE t OWNER TO app"),
    ]
    assert loaded.statements == 1


def test_a_policy_for_an_unknown_role_says_who_can_help(load: Load) -> None:
    sql = "CREATE TABLE t ();\nCREATE POLICY p ON t TO nobody_here"
    with pytest.raises(InvalidSchema, match=r"line 2: role .nobody_here. does not exist") as caught:
        load(sql)
    assert "create the role on the scratch server" in caught.value.errors[0].fix


def test_the_server_account_need_not_be_superuser(load: Load, scratch_server: str) -> None:
    with psycopg.connect(scratch_server, autocommit=True) as connection:
        connection.execute("CREATE ROLE scratch_keeper LOGIN CREATEDB CREATEROLE")
    try:
        server = re.sub(r"//[^@]*@", "//scratch_keeper@", scratch_server)
        loaded = scratch.load(f"CREATE EXTENSION citext; {TABLE}", server)
        assert [one.name for one in loaded.model.tables] == ["t"]
        with pytest.raises(TooComplex, match="takes too long"):
            scratch.load("SET statement_timeout = 0; SELECT pg_sleep(60)", server, seconds=2)
    finally:
        with psycopg.connect(scratch_server, autocommit=True) as connection:
            connection.execute("DROP ROLE scratch_keeper")


def test_sql_that_lifts_its_timeout_and_sleeps_is_cut(scratch_server: str) -> None:
    began = time.monotonic()
    before = left_behind(scratch_server)
    with pytest.raises(TooComplex, match=r"Line 2: the SQL takes too long"):
        scratch.load(
            "SET statement_timeout = 0;\nDO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$",
            scratch_server,
            seconds=2,
        )
    assert time.monotonic() - began < 6
    assert left_behind(scratch_server) == before


def test_a_statement_has_its_own_time(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "STATEMENT_SECONDS", 1)
    with pytest.raises(InvalidSchema, match="statement timeout"):
        load("SELECT pg_sleep(60)")


def test_sql_that_fills_the_disk_is_ended(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MAX_BYTES", 30_000_000)
    with pytest.raises(TooComplex, match="fills more than 30000000 bytes"):
        load(
            "CREATE TABLE t (a text);\n"
            "DO $$ BEGIN LOOP INSERT INTO t SELECT repeat(md5(n::text), 20) "
            "FROM generate_series(1, 10000) n; END LOOP; END $$"
        )


def test_sql_that_answers_without_end_is_cut(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "MAX_RECEIVED", 5_000_000)
    with pytest.raises(TooComplex, match="sent more than 5000000 bytes"):
        load("SELECT repeat('x', 1000000) FROM generate_series(1, 10000)")


def test_sql_that_fills_the_temporary_files_is_ended(load: Load) -> None:
    with pytest.raises(InvalidSchema, match="temp_file_limit"):
        load("SELECT count(*) FROM generate_series(1, 100000000)")


def test_sql_that_ends_its_readers_hurts_itself_only(load: Load) -> None:
    with pytest.raises(SlipwayError):
        load("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user")


def test_long_texts_are_refused_unread(
    scratch_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TooComplex, match="4000001 characters"):
        scratch.load("-" * 4_000_001, scratch_server)
    monkeypatch.setattr(statements, "MAX_STATEMENTS", 20)
    with pytest.raises(TooComplex, match="more than 20 statements"):
        scratch.load(";-- x\nSET a.b = 1" * 22, scratch_server)


def test_deep_nesting_is_refused_by_line(load: Load) -> None:
    with pytest.raises(InvalidSchema, match=r"stack depth|memory exhausted|too"):
        load("SELECT 1;\nSELECT " + "(" * 100_000 + "1" + ")" * 100_000)


def test_a_model_past_a_bound_is_refused(
    run: Run, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("CREATE TABLE a (); CREATE TABLE b (); CREATE TABLE c ()")
    monkeypatch.setattr(postgres, "MAX_OBJECTS", 2)
    with pytest.raises(TooComplex, match="more than 2 objects of one kind"):
        postgres.read(postgres_server)
    run("DROP TABLE a; DROP TABLE b; COMMENT ON TABLE c IS '" + "x" * 3000 + "'")
    monkeypatch.setattr(postgres, "MAX_OBJECT", 2000)
    with pytest.raises(TooComplex, match="more than 2000 characters"):
        postgres.read(postgres_server)


def test_stale_scratch_databases_are_swept(load: Load, scratch_server: str) -> None:
    with psycopg.connect(scratch_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE slipway_scratch_1_abc")
        connection.execute("CREATE ROLE slipway_scratch_2_abc")
        connection.execute("CREATE ROLE slipway_scratch_ours")
    load("SELECT 1")
    assert left_behind(scratch_server) == {"slipway_scratch_ours"}
    with psycopg.connect(scratch_server, autocommit=True) as connection:
        connection.execute("DROP ROLE slipway_scratch_ours")


def test_extensions_are_created_by_the_server(scratch_server: str) -> None:
    sql = "CREATE EXTENSION IF NOT EXISTS dblink; CREATE TABLE t ()"
    loaded = scratch.load(sql, scratch_server, extensions=["dblink"])
    assert [one.name for one in loaded.model.extensions] == ["dblink"]
    with pytest.raises(InvalidSchema, match="permission denied for function dblink_connect_u"):
        scratch.load("SELECT dblink_connect_u('x')", scratch_server, extensions=["dblink"])


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://h/db", "no single PostgreSQL host"),
        ("postgresql:///db", "no single PostgreSQL host"),
        ("postgresql://a,b/db", "no single PostgreSQL host"),
        ("postgresql://%2Fvar%2Frun/db", "must name a host"),
        ("postgresql://h/db?service=x", "may not set service"),
        ("postgresql://h/db?sslkey=/etc/key&options=-c", "may not set options, sslkey"),
        ("postgresql://h:99999/db", "cannot be read"),
        ("postgresql://h/db?x", "cannot be read"),
        ("postgresql://h/db%00", "must name a host"),
    ],
)
def test_urls_that_reach_for_more_are_refused(url: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        postgres.read(url)


@pytest.mark.servers
def test_nobody_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    with pytest.raises(TemporaryBackendError, match="did not answer"):
        postgres.read(f"postgresql://u:secret@127.0.0.1:{port}/db")


@pytest.mark.servers
def test_a_server_that_never_greets_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        began = time.monotonic()
        with pytest.raises(TemporaryBackendError, match="did not answer") as caught:
            postgres.read(
                f"postgresql://u:secret@127.0.0.1:{server.getsockname()[1]}/db", seconds=2
            )
        assert time.monotonic() - began < 5
        assert "secret" not in str(caught.value)


def test_a_wrong_account_is_denied(scratch_server: str) -> None:
    with pytest.raises(Denied, match='role "nobody_here" does not exist'):
        postgres.read(re.sub(r"//[^@]*@", "//nobody_here@", scratch_server))


def test_an_absent_database_is_not_found(scratch_server: str) -> None:
    with pytest.raises(NotFound, match='database "nope" does not exist'):
        postgres.read(scratch_server.rsplit("/", 1)[0] + "/nope")


def test_a_locked_table_is_tried_again_later(run: Run, postgres_server: str) -> None:
    run("CREATE TABLE t (a int)", "CREATE VIEW v AS SELECT a FROM t")
    with psycopg.connect(postgres_server) as other:
        other.execute("LOCK TABLE v, t IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TemporaryBackendError, match="lock timeout"):
            postgres.read(postgres_server)


@contextmanager
def stalling(url: str, after: int) -> Iterator[str]:
    """A way to the server that passes `after` bytes back and then nothing more."""
    parts = urlsplit(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client, socket.create_connection((parts.hostname, parts.port)) as target:
                forward = threading.Thread(target=pump, args=(client, target, 10**9), daemon=True)
                forward.start()
                pump(target, client, after)
                forward.join(20)

        threading.Thread(target=serve, daemon=True).start()
        yield url.replace(f":{parts.port}", f":{server.getsockname()[1]}")


def pump(source: socket.socket, target: socket.socket, left: int) -> None:
    while left > 0:
        data = source.recv(min(left, 65536))
        if not data:
            return
        target.sendall(data)
        left -= len(data)


def test_a_server_that_stops_amid_an_answer_is_cut(postgres_server: str) -> None:
    began = time.monotonic()
    with (
        stalling(postgres_server, 900) as url,
        pytest.raises(TemporaryBackendError, match="did not answer within 2 s"),
    ):
        postgres.read(url, seconds=2)
    assert time.monotonic() - began < 4


def test_a_read_only_role_suffices(run: Run, postgres_server: str, complex_sql: str) -> None:
    run(complex_sql, "DROP ROLE IF EXISTS only_reads", "CREATE ROLE only_reads LOGIN")
    try:
        by_owner = postgres.read(postgres_server)
        assert postgres.read(re.sub(r"//[^@]*@", "//only_reads@", postgres_server)) == by_owner
    finally:
        run("DROP ROLE only_reads")
