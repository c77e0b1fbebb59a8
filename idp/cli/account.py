"""`slipway login`, `logout` and `whoami`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from idp.cli import config
from idp.cli.lazily import LazyClient
from idp.common.console import Code, details, fail, note, print_json

ME = "me/"


def register(app: typer.Typer, client: LazyClient) -> None:
    @app.command()
    def login(
        url: Annotated[str, typer.Argument(help="Slipway's address, https://….")],
        token: Annotated[
            str, typer.Option(help="“-” reads it from standard input; asked for when missing.")
        ] = "",
        insecure: Annotated[
            bool, typer.Option("--insecure", help="Allow http to another machine.")
        ] = False,
    ) -> None:
        """Save address and token; make the token on your account's page."""
        address = config.checked_url(url, insecure=insecure)
        client.use(config.Config(address, _token(token)))
        me = client.get(ME)
        file = client.config.save()
        if client.as_json:
            print_json(me)
        note(f"Signed in to {address} as {_name(me)}; saved in {file}.")

    @app.command()
    def logout() -> None:
        """Forget the token. It stays valid until it is revoked: slipway token revoke."""
        config.path().unlink(missing_ok=True)
        note("Forgotten. To end the token itself, revoke it.")

    @app.command()
    def whoami() -> None:
        """Say who the saved token acts for."""
        me = client.get(ME)
        if client.as_json:
            print_json(me)
            return
        details(
            {**me, "url": client.config.url},
            {
                "username": "User",
                "email": "Email",
                "teams": "Teams",
                "roles": "Roles",
                "token": "Token",
                "url": "At",
            },
        )


def _token(given: str) -> str:
    if given == "-":
        given = sys.stdin.readline()
    elif not given:
        given = typer.prompt("Token", hide_input=True)
    text = given.strip()
    if not text.isascii() or not text.isprintable() or not text or " " in text:
        raise fail("That is no token.", Code.USAGE, fix="It looks like slp_….")
    return text


def _name(me: Any) -> str:
    return str(me.get("username", "?")) if isinstance(me, dict) else "?"
