"""`slipway token …` and `slipway audit …`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Annotated, TextIO

import typer

from idp.common.console import Client, Code, fail, note, print_json, say
from idp.common.tables import show_rows

TOKENS = {"prefix": "Prefix", "name": "Name", "expires_at": "Ends", "last_used_at": "Last used"}
FORMATS = ("jsonl", "csv")


def _register_tokens(group: typer.Typer, client: Client) -> None:
    @group.command("list")
    def list_(limit: Annotated[int, typer.Option(min=1, max=1000)] = 100) -> None:
        """List your tokens; their secrets are not kept."""
        rows = list(client.rows("tokens/", limit))
        show_rows(client, rows, TOKENS, empty="You have no tokens.")

    @group.command()
    def create(
        name: Annotated[str, typer.Argument(help="What it is for.")],
        days: Annotated[int, typer.Option(min=1, max=366, help="Valid for.")] = 30,
        permission: Annotated[list[str], typer.Option(help="Only these; all of yours else.")] = [],  # noqa: B006 - typer copies it
        scope: Annotated[str, typer.Option(help="Only there: orders or orders/staging.")] = "",
    ) -> None:
        """Make a token. It is printed once, on standard output."""
        ends = datetime.now(UTC) + timedelta(days=days)
        body = {
            "name": name,
            "permissions": permission,
            "scope": scope or None,
            "expires_at": ends.isoformat(),
        }
        made = client.send("POST", "tokens/", body)
        if client.as_json:
            print_json(made)
            return
        note(f"“{name}” ends {made['expires_at']}. This is the only time that it is shown:")
        say(made["text"])

    @group.command()
    def revoke(prefix: Annotated[str, typer.Argument(help="The 12 letters after slp_.")]) -> None:
        """End a token at once."""
        found = [row for row in client.rows("tokens/", 1000) if row["prefix"] == prefix]
        if not found:
            raise fail(
                f"You have no token “{prefix}”.", Code.NOT_FOUND, fix="See slipway token list."
            )
        client.send("DELETE", f"tokens/{found[0]['id']}/")
        note(f"Revoked {prefix}.")


def _register_audit(group: typer.Typer, client: Client) -> None:
    @group.command()
    def verify() -> None:
        """Check the chain of audit records; exit code 1 where it is broken."""
        found = client.send("POST", "audit/verify/")
        if client.as_json:
            print_json(found)
        else:
            state = "The chain is whole" if found["ok"] else f"Broken: {found['problem']}"
            say(f"{state}: {found['checked']} records, {found['unsealed']} not sealed yet.")
        if not found["ok"]:
            raise typer.Exit(int(Code.FAILED))

    @group.command()
    def export(
        to: Annotated[str, typer.Option("--output", "-o", help="A file; “-” is here.")] = "-",
        form: Annotated[str, typer.Option("--format", help=", ".join(FORMATS))] = "jsonl",
        action: Annotated[str, typer.Option(help="Like environment.scale.")] = "",
        since: Annotated[str, typer.Option(help="ISO 8601.")] = "",
        until: Annotated[str, typer.Option(help="ISO 8601.")] = "",
    ) -> None:
        """Write audit records, each with its hash."""
        if form not in FORMATS:
            raise fail(f"“{form}” is no format.", Code.USAGE, fix=f"Use {' or '.join(FORMATS)}.")
        filters = {"action": action, "from": since, "to": until}
        lines = client.lines(f"audit/export.{form}", **filters)
        first = next(lines, None)  # a refusal ends the command before a file is made
        with _opened(to) as handle:
            for line in () if first is None else chain([first], lines):
                handle.write(f"{line}\n")


@contextmanager
def _opened(to: str) -> Iterator[TextIO]:
    if to == "-":
        yield sys.stdout
        return
    try:
        handle = Path(to).open("x")  # noqa: SIM115 - closed below; only opening may fail here
    except OSError as error:
        raise fail(f"“{to}” cannot be written: {error.strerror}.", Code.USAGE) from None
    with handle:
        yield handle


def register(app: typer.Typer, client: Client) -> None:
    tokens = typer.Typer(help="Tokens for programs.", no_args_is_help=True)
    _register_tokens(tokens, client)
    app.add_typer(tokens, name="token")
    audit = typer.Typer(help="Who did what, as evidence.", no_args_is_help=True)
    _register_audit(audit, client)
    app.add_typer(audit, name="audit")
