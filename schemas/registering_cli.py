"""`slipway schemas register`: a version from a file, by the product's own REST."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from idp.common.console import Client, print_json, say
from schemas.dependants.cli import KINDS, format_of, reference, schema_text


def register(group: typer.Typer, client: Client) -> None:
    """Add the command to `slipway schemas`."""

    @group.command("register")
    def register_version(
        subject: Annotated[str, typer.Argument(help="Its name; a new one begins with it.")],
        file: Annotated[str, typer.Argument(help="The schema; - reads standard input.")],
        *,
        schema_format: Annotated[str, typer.Option("--format", help=KINDS)] = "",
        references: Annotated[
            list[str], typer.Option("--reference", metavar="NAME=SUBJECT@VERSION")
        ] = [],  # noqa: B006 - typer copies it
        project: Annotated[str, typer.Option(help="Of a new subject, where in doubt.")] = "",
    ) -> None:
        """Register a schema, or an OpenAPI description; told again, it is the same version."""
        body: dict[str, Any] = {"subject": subject, "schema": schema_text(file)}
        body |= {"format": format_of(file, schema_format), "project": project}
        body["references"] = [reference(one) for one in references]
        answer = client.send("POST", "subjects/", body)
        if client.as_json:
            print_json(answer)
        else:
            say(f"{subject} version {answer['version']}, id {answer['schema_id']}")
