"""`slipway schemas check`, `impact`, `dependants` and `check-in`: contracts from a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from idp.common.console import Client, Code, fail, note, print_json, say
from idp.common.tables import show_rows
from schemas.dependants import reports
from schemas.dependants.reports import Case

MAX_BYTES = 4_000_000  # of a schema's text in UTF-8
FORMATS = {".avsc": "AVRO", ".proto": "PROTOBUF", ".yaml": "OPENAPI", ".yml": "OPENAPI"}
KINDS = "AVRO, JSON, PROTOBUF or OPENAPI; else by the file's ending."
PARTIES = {
    "role": "Role",
    "holder": "Who",
    "owner": "Team",
    "environment": "Environment",
    "version": "Version",
    "known": "Known by",
}

Held = Annotated[list[str], typer.Option(metavar="SUBJECT@VERSION", help="A number, or latest.")]
Junit = Annotated[str, typer.Option(help="Write JUnit's XML to this file.")]
Sarif = Annotated[str, typer.Option(help="Write SARIF 2.1.0 to this file.")]


def held(text: str, option: str) -> dict[str, Any]:
    """`orders-value@3` as REST takes it; the subject may hold an @ itself."""
    subject, _, version = text.rpartition("@")
    number = version.isascii() and version.isdigit() and len(version) <= 10  # noqa: PLR2004  # 32 bits
    if not subject or not (number or version == "latest"):
        raise fail(f"{option} {text}: write SUBJECT@VERSION.", Code.USAGE, fix="orders-value@3")
    return {"subject": subject, "version": int(version) if number else version}


def write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(f"{path}: {error.strerror}.", Code.USAGE) from None


def write_reports(cases: Sequence[Case], title: str, junit: str, sarif: str, file: str) -> None:
    """The reports that were asked for."""
    if junit:
        write(junit, reports.junit(title, cases))
    if sarif:
        write(sarif, reports.sarif(cases, file))


def schema_text(name: str) -> str:
    """A file's text; ends the command for one that cannot be read."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise fail(f"{name}: {error.strerror}.", Code.USAGE) from None
    if len(data) > MAX_BYTES:
        raise fail(f"{name} has more than {MAX_BYTES} bytes.", Code.USAGE)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fail(f"{name} is not UTF-8.", Code.USAGE) from None


def format_of(file: str, said: str) -> str:
    """The format that was named, or that a file's ending means."""
    return said.upper() or FORMATS.get(Path(file).suffix, "JSON")


def _ended(*, fine: bool) -> None:
    if not fine:
        raise typer.Exit(int(Code.REFUSED))


def _register_check(group: typer.Typer, client: Client) -> None:
    @group.command()
    def check(
        what: Annotated[str, typer.Argument(metavar="NAME[@REVISION]", help="A component.")],
        environment: Annotated[str, typer.Argument(help="Like orders/staging.")],
        *,
        produces: Held = [],  # noqa: B006 - typer copies it
        consumes: Held = [],  # noqa: B006 - typer copies it
        origin: Annotated[str, typer.Option("--from", help="The set that stands there now.")] = "",
        junit: Junit = "",
        sarif: Sarif = "",
    ) -> None:
        """May it go there? Ends with 3 where somebody would break."""
        body: dict[str, Any] = {"set": what, "environment": environment}
        body |= {"produces": [held(one, "--produces") for one in produces]}
        body |= {"consumes": [held(one, "--consumes") for one in consumes]}
        if origin:
            body["from"] = origin
        answer = client.send("POST", "schemas/may-deploy/", body)
        title = f"{what} to {environment}"
        write_reports(reports.cases_of_check(answer), title, junit, sarif, "")
        if client.as_json:
            print_json(answer)
        else:
            say(answer["sentence"])
            if answer["ways_out"]:
                note(answer["ways_out"])
        _ended(fine=answer["allowed"])


def _register_impact(group: typer.Typer, client: Client) -> None:
    @group.command()
    def impact(
        subject: Annotated[str, typer.Argument(help="As registry clients write it.")],
        file: Annotated[str, typer.Argument(help="The candidate; - reads standard input.")],
        *,
        schema_format: Annotated[str, typer.Option("--format", help=KINDS)] = "",
        references: Annotated[
            list[str], typer.Option("--reference", metavar="NAME=SUBJECT@VERSION")
        ] = [],  # noqa: B006 - typer copies it
        junit: Junit = "",
        sarif: Sarif = "",
    ) -> None:
        """Who would break by a candidate, before it is registered. Ends with 3 for anybody."""
        body: dict[str, Any] = {"subject": subject, "schema": schema_text(file)}
        body["format"] = format_of(file, schema_format)
        body["references"] = [reference(one) for one in references]
        answer = client.send("POST", "schemas/impact/", body)
        write_reports(reports.cases_of_impact(answer), f"Impact on {subject}", junit, sarif, file)
        if client.as_json:
            print_json(answer)
        else:
            say(answer["sentence"])
            for effect in answer["effects"]:
                if effect["sentence"]:
                    say(f"- {effect['sentence']}")
        _ended(fine=answer["compatible"])


def reference(text: str) -> dict[str, Any]:
    name, sign, rest = text.partition("=")
    if not sign:
        raise fail(f"--reference {text}: write NAME=SUBJECT@VERSION.", Code.USAGE)
    found = held(rest, "--reference")
    number = found["version"] if found["version"] != "latest" else -1
    return {"name": name, "subject": found["subject"], "version": number}


def _register_parties(group: typer.Typer, client: Client) -> None:
    @group.command()
    def dependants(subject: Annotated[str, typer.Argument(help="As clients write it.")]) -> None:
        """Who writes and who reads a subject, where and with which version."""
        found = client.get("schemas/dependants/", subject=subject)["dependants"]
        show_rows(client, found, PARTIES, empty=f"Nobody is known to use {subject}.")

    @group.command("check-in")
    def check_in(
        environment: Annotated[str, typer.Argument(help="Like orders/stage.")],
        holder: Annotated[str, typer.Argument(help="The component.")],
        *,
        produces: Held = [],  # noqa: B006 - typer copies it
        consumes: Held = [],  # noqa: B006 - typer copies it
        hours: Annotated[int, typer.Option(min=1, max=720, help="It counts for so long.")] = 24,
    ) -> None:
        """Say which versions a running program holds."""
        said = [("producer", one, "--produces") for one in produces]
        said += [("consumer", one, "--consumes") for one in consumes]
        if not said:
            raise fail("Say what it holds: --produces or --consumes.", Code.USAGE)
        words = [{"role": role, **held(one, option)} for role, one, option in said]
        if any(word["version"] == "latest" for word in words):
            raise fail("A running program holds one version: name its number.", Code.USAGE)
        common = {"environment": environment, "holder": holder, "ttl_hours": hours}
        answers = [client.send("POST", "schemas/check-ins/", {**common, **w}) for w in words]
        if client.as_json:
            print_json(answers)
            return
        for answer in answers:
            say(f"{answer['role']} of {answer['subject']} until {answer['expires_at']}")


def register(group: typer.Typer, client: Client) -> None:
    """Add the commands to `slipway schemas`."""
    _register_check(group, client)
    _register_impact(group, client)
    _register_parties(group, client)
