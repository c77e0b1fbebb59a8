"""`slipway schemas check-config`: a pipeline asks whether its variables would do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from idp.common.console import Client, Code, fail, note, print_json, say
from schemas.dependants.cli import held, schema_text

MAX_LINES = 1000

Files = Annotated[list[str], typer.Option("--env-file", help="Lines NAME=value; - reads stdin.")]
Pairs = Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help="One variable.")]
Secrets = Annotated[list[str], typer.Option("--secret", metavar="NAME", help="It is a secret.")]


def register(group: typer.Typer, client: Client) -> None:
    """Add the command to `slipway schemas`."""

    @group.command("check-config")
    def check_config(
        schema: Annotated[str, typer.Argument(help="SUBJECT@VERSION, or a file of JSON Schema.")],
        *,
        env_file: Files = [],  # noqa: B006 - typer copies it
        pairs: Pairs = [],  # noqa: B006 - typer copies it
        secrets: Secrets = [],  # noqa: B006 - typer copies it
        workload: Annotated[str, typer.Option(help="Its name in the answer.")] = "workload",
    ) -> None:
        """Would it start with these variables? Ends with 3 where one is missing or wrong."""
        variables: dict[str, str] = {}
        for name in env_file:
            variables |= dict(_lines(name))
        variables |= dict(_pair(text, "--set") for text in pairs)
        body: dict[str, Any] = {"workload": workload, **_schema(schema)}
        body |= {"variables": variables, "secrets": secrets}
        answer = client.send("POST", "schemas/config-check/", body)
        if client.as_json:
            print_json(answer)
        else:
            _show(answer)
        if not answer["valid"]:
            raise typer.Exit(int(Code.REFUSED))


def _schema(text: str) -> dict[str, Any]:
    if Path(text).is_file():
        return {"schema": schema_text(text)}
    return held(text, "SCHEMA")


def _lines(name: str) -> Iterator[tuple[str, str]]:
    lines = schema_text(name).splitlines()
    if len(lines) > MAX_LINES:
        raise fail(f"{name} has more than {MAX_LINES} lines.", Code.USAGE)
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield _pair(line.strip().removeprefix("export "), f"{name}, line {number}")


def _pair(text: str, where: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise fail(f"{where}: write NAME=VALUE.", Code.USAGE)
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return name.strip(), value[1:-1] if quoted else value


def _show(answer: dict[str, Any]) -> None:
    for fault in answer["faults"]:
        say(f"- {fault['sentence']}")
        note(f"  {fault['fix']}")
    for sentence in answer["notes"]:
        note(sentence)
    if answer["valid"]:
        say(f"Every variable that {answer['schema']} asks for is there and of its type.")
