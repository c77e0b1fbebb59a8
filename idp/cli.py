"""The `slipway` command: a client of the REST API to which each app adds its commands."""

import typer

app = typer.Typer(name="slipway", no_args_is_help=True, help="Slipway from a terminal.")


@app.callback()
def root() -> None:
    """Slipway from a terminal."""


def main() -> None:
    app()
