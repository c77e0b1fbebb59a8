"""`slipway schemas …`: each part of the registry adds its commands."""

from __future__ import annotations

import typer

from idp.common.console import Client
from schemas import registering_cli as registering
from schemas.databases import cli as databases
from schemas.dependants import cli as dependants
from schemas.transfer import cli as transfer
from schemas.variables import cli as variables


def register(app: typer.Typer, client: Client) -> None:
    words = "Schemas: contracts, migrations, declared databases."
    group = typer.Typer(help=words, no_args_is_help=True)
    databases.register(group, client)
    dependants.register(group, client)
    variables.register(group, client)
    registering.register(group, client)
    transfer.register(group, client)
    app.add_typer(group, name="schemas")
