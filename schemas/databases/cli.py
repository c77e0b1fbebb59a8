"""`slipway schemas lint`, `declare` and `reads`: migrations and schemas from a pipeline."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from idp.common.console import Client, Code, fail, note, print_json, say
from schemas.databases.sarif import report

_FILE = typer.Argument(metavar="FILE…", help="SQL; - reads standard input.")
MAX_BYTES = 6_000_000
MAX_NAME = 200  # characters of a file's name
WAIT_SECONDS = 300.0
POLL_SECONDS = 0.5

Reads = Annotated[
    list[str], typer.Option(metavar="DATABASE:TABLE,…", help="orders/main:orders.note,tags")
]


def read(text: str) -> dict[str, Any]:
    """`orders/main:orders.note,tags` as REST takes it."""
    database, _, tables = text.partition(":")
    names = [name.strip() for name in tables.split(",") if name.strip()]
    if "/" not in database or not names:
        message = f"--reads {text}: write DATABASE:TABLE,…"
        raise fail(message, Code.USAGE, fix="orders/main:orders.note,tags")
    return {"database": database, "tables": names}


def text_of(name: str) -> str:
    """A file's text; ends the command for one that cannot be read."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise fail(f"{name} has more than {MAX_BYTES} bytes.", Code.USAGE)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise fail(f"{name}: {error.strerror}.", Code.USAGE) from None
    except UnicodeDecodeError:
        raise fail(f"{name} is not UTF-8.", Code.USAGE) from None


def lint_files(client: Client, files: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """What REST says of each file, by its name."""
    return {
        name: client.send("POST", "migrations/lint/", {"sql": text_of(name), **options})
        for name in files
    }


def _print(found: dict[str, Any]) -> None:
    for name, answer in found.items():
        for one in answer["findings"]:
            level = "acknowledged" if one["acknowledged"] else one["level"]
            place = f"{name}:{one['line']}:{one['column']}"
            say(f"{place}: {level}: {one['sentence']} [{one['rule']}]")
            if one["acknowledged"]:
                say(f"    reason: {one['acknowledged']}")
            elif one["fix"]:
                say(f"    {one['fix']}")
            if one["readers"]:
                say(f"    {one['readers']}")


def _register_lint(group: typer.Typer, client: Client) -> None:
    @group.command()
    def lint(
        files: Annotated[list[str], _FILE],
        *,
        server: Annotated[
            int, typer.Option(min=9, max=99, help="PostgreSQL's major release of the target.")
        ] = 15,
        in_transaction: Annotated[
            bool, typer.Option(help="The migration tool opens a transaction itself.")
        ] = False,
        database: Annotated[
            int, typer.Option(min=0, help="Judge types by this database's declared schema.")
        ] = 0,
        sarif: Annotated[str, typer.Option(help="Write SARIF 2.1.0 to this file.")] = "",
    ) -> None:
        """Judge migrations: locks, rewrites, lost data. Exit code 3 where one is refused."""
        options: dict[str, Any] = {"server": server * 10000, "in_transaction": in_transaction}
        if database:
            options["database"] = database
        found = lint_files(client, files, options)
        if sarif:
            _write(sarif, report(found))
        if client.as_json:
            print_json([{"file": name, **answer} for name, answer in found.items()])
        else:
            _print(found)
        refused = [name for name, answer in found.items() if not answer["passes"]]
        if refused:
            note(f"Refused: {', '.join(refused)}.")
            note("  Mend them, or write on the line above: -- slipway: allow RULE reason")
            raise typer.Exit(int(Code.REFUSED))


def _register_declare(group: typer.Typer, client: Client) -> None:
    @group.command()
    def declare(
        database: Annotated[str, typer.Argument(metavar="PROJECT/NAME", help="orders/main")],
        file: Annotated[str, typer.Argument(metavar="FILE", help="SQL; - is standard input.")],
        *,
        on_top: Annotated[
            bool, typer.Option("--on-top", help="It is a migration of the newest version.")
        ] = False,
        base: Annotated[
            int, typer.Option("--after", min=0, help="It is a migration of this version.")
        ] = 0,
    ) -> None:
        """Declare a database's schema from SQL, and wait until it is read."""
        number = _number(client, database)
        name = "" if file == "-" else file[-MAX_NAME:]
        body = {"sql": text_of(file), "on_top": on_top or bool(base), "base": base, "file": name}
        answer = client.send("POST", f"databases/{number}/versions/", body)
        answer = _ended(client, number, answer)
        if client.as_json:
            print_json(answer)
        if answer["state"] != "declared":
            raise _refused(file, answer)
        if not client.as_json:
            _show(client, database, number, answer)


def _ended(client: Client, number: int, answer: dict[str, Any]) -> dict[str, Any]:
    """The declaration once a worker has read it; ends the command where none does."""
    until = time.monotonic() + WAIT_SECONDS
    while answer["finished_at"] is None:
        if time.monotonic() > until:
            raise fail(f"It is still {answer['state']} after {WAIT_SECONDS:g} s.", Code.FAILED)
        time.sleep(POLL_SECONDS)
        answer = client.get(f"databases/{number}/declarations/{answer['id']}/")
    return answer


def _refused(file: str, answer: dict[str, Any]) -> typer.Exit:
    problem = answer["problem"]
    for one in problem["errors"]:
        note(f"{file}: {one['field']}: {one['message']} {one['fix']}".rstrip())
    return fail(problem["detail"], Code.REFUSED, fix=problem["fix"])


def _show(client: Client, database: str, number: int, answer: dict[str, Any]) -> None:
    made = client.get(f"databases/{number}/versions/{answer['version']}/")
    old = "" if answer["is_new"] else " (which says that already)"
    say(f"{database} version {made['version']}: {made['statements']} statements{old}")
    for one in made["skipped"]:
        note(f"  line {one['line']} was not run: {one['text'][:80]}")
    for one in made["findings"]:
        if one["refuses"]:
            at = f"line {one['line']}: " if one["line"] else ""
            note(f"  closes the gate: {at}{one['sentence']}")
            note(f"    {one['fix']}")


def _register_reads(group: typer.Typer, client: Client) -> None:
    @group.command()
    def reads(
        database: Annotated[str, typer.Argument(metavar="PROJECT/NAME", help="orders/main")],
        tables: Annotated[list[str], typer.Argument(metavar="TABLE…", help="orders.note")],
        *,
        environment: Annotated[str, typer.Option(help="Where it runs: billing/stage.")],
        holder: Annotated[str, typer.Option(help="The component that reads.")],
        hours: Annotated[int, typer.Option(min=1, max=720, help="It counts for so long.")] = 24,
    ) -> None:
        """Say which tables or columns of a database a running program reads."""
        body = {"environment": environment, "holder": holder, "tables": tables, "ttl_hours": hours}
        answer = client.send("POST", f"databases/{_number(client, database)}/readers/", body)
        if client.as_json:
            print_json(answer)
        else:
            say(f"{holder} reads {', '.join(answer['tables'])} until {answer['expires_at']}")


def _number(client: Client, database: str) -> int:
    """The number of `orders/main`; ends the command where nobody sees such a database."""
    project, _, name = database.partition("/")
    rows = client.rows("databases/", 200, project=project, q=name)
    number = next((row["id"] for row in rows if row["name"] == name), None)
    if number is None:
        raise fail(f"There is no database {database} that you may see.", Code.NOT_FOUND)
    return int(number)


def _write(name: str, text: str) -> None:
    try:
        Path(name).write_text(text)
    except OSError as error:
        raise fail(f"{name}: {error.strerror}.", Code.USAGE) from None


def register(group: typer.Typer, client: Client) -> None:
    """Add the commands about databases to `slipway schemas`."""
    _register_lint(group, client)
    _register_declare(group, client)
    _register_reads(group, client)
