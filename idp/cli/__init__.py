"""The `slipway` command: a client of the REST interface to which each app adds its commands."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

import typer

from idp.cli import account
from idp.cli.config import Config
from idp.cli.lazily import LazyClient

APPS = (
    "rbac",
    "idp.changes",
    "portal",
    "gitops",
    "schemas",
    "environments",
    "pipelines",
    "pipelines.deploys",
    "pipelines.evidence",
)
# Groups whose commands have to start at once: only their own app is loaded.
ALONE = {"ci": "pipelines", "agent": "pipelines"}


def build(client: LazyClient, apps: Sequence[str] = APPS) -> typer.Typer:
    """The command line over one client, with the commands of some apps, or all."""
    app = typer.Typer(
        name="slipway",
        help="Slipway from a terminal: environments, changes, tokens, audit.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        as_json: Annotated[
            bool, typer.Option("--json", help="JSON instead of tables; may stand anywhere.")
        ] = False,
        url: Annotated[str, typer.Option(help="Slipway's address, instead of the saved one.")] = "",
        timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds a call.")] = 30,
    ) -> None:
        client.configure(as_json=as_json, url=url, timeout=timeout)

    @app.command()
    def version() -> None:
        """Print the client's version."""
        typer.echo(import_module("idp.common.version").VERSION)

    account.register(app, client)
    for name in apps:
        if find_spec(f"{name}.cli"):
            import_module(f"{name}.cli").register(app, client)
    return app


def arguments(given: list[str]) -> list[str]:
    """The arguments with `--json` brought to the front, where the root command reads it."""
    own, after = given, []
    if "--" in given:
        at = given.index("--")
        own, after = given[:at], given[at:]
    rest = [word for word in own if word != "--json"]
    return [*(["--json"] if len(rest) < len(own) else []), *rest, *after]


def main() -> None:
    """Entry point of the `slipway` script."""
    gc.disable()  # what is loaded stays: looking through it again and again only costs
    given = arguments(sys.argv[1:])
    alone = ALONE.get(given[0]) if given else None
    with LazyClient(Config.load()) as client:
        app = build(client, (alone,) if alone else APPS)
        gc.freeze()
        gc.enable()
        app(args=given, prog_name="slipway")
