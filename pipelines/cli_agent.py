"""`slipway agent …`: attaches this machine to Slipway, and runs its jobs here."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from idp.common.console import Client, Code, fail, note, print_json, say
from idp.common.console import details as show

TOKEN, URL = "SLIPWAY_AGENT_TOKEN", "SLIPWAY_URL"
KEEP = "SLIPWAY_AGENT_KEEP_ENVIRONMENT"
TokenFile = Annotated[Path, typer.Option("--token-file", help="Where the token is kept.")]
Tags = Annotated[list[str], typer.Option("--tags", help="Words by which jobs ask for it.")]
Slots = Annotated[int, typer.Option("--slots", min=1, max=256, help="Jobs at once.")]
_DEFAULT = Path("slipway-agent.token")


def _words(given: list[str]) -> list[str]:
    return sorted({word for one in given for word in one.replace(",", " ").split()})


def write_token(path: Path, text: str) -> None:
    """A file that its owner alone reads."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text + "\n")


def _register_register(group: typer.Typer, client: Client) -> None:
    @group.command("register")
    def register_(
        name: Annotated[str, typer.Argument(help="Its name on Slipway's pages.")],
        *,
        project: Annotated[str, typer.Option(help="Else all whose pipelines you manage.")] = "",
        tags: Tags = [],  # noqa: B006 - typer copies it
        slots: Slots = 1,
        ignore_images: Annotated[
            bool, typer.Option("--ignore-images", help="Jobs with an image run in the shell.")
        ] = False,
        token_file: TokenFile = _DEFAULT,
    ) -> None:
        """Make an agent as the person that you are signed in as, and keep its token."""
        body: dict[str, Any] = {
            "name": name,
            "tags": _words(tags),
            "slots": slots,
            "ignores_images": ignore_images,
        }
        made = client.send("POST", "agents/", {**body, **({"project": project} if project else {})})
        write_token(token_file, made.pop("token"))
        if client.as_json:
            print_json(made)
            return
        show(made, {"name": "Name", "project": "Project", "tags": "Tags", "slots": "Slots"})
        note(f"Its token is in {token_file}. Start it: slipway agent run --token-file {token_file}")


def _account(name: str) -> tuple[int | None, int | None]:
    users = import_module("pipelines.running.users")
    try:
        found: tuple[int | None, int | None] = users.account(name)
    except users.UserError as error:
        raise fail(str(error), Code.USAGE) from None
    return found


def _register_run(group: typer.Typer, client: Client) -> None:
    @group.command()
    def run(
        *,
        url: Annotated[str, typer.Option(envvar=URL, help="Slipway's address.")] = "",
        token_file: TokenFile = _DEFAULT,
        slots: Slots = 1,
        tags: Tags = [],  # noqa: B006 - typer copies it
        once: Annotated[bool, typer.Option("--once", help="One job, then the end.")] = False,
        folder: Annotated[
            Path | None, typer.Option("--dir", help="Where jobs work; else a temporary folder.")
        ] = None,
        user: Annotated[str, typer.Option(help="Jobs run as this user; needs root.")] = "",
        network: Annotated[
            str, typer.Option(help="none: jobs have no network but 127.0.0.1.")
        ] = "",
        keep_environment: Annotated[
            bool,
            typer.Option(
                "--keep-environment", envvar=KEEP, help="Jobs begin with this process's variables."
            ),
        ] = False,
    ) -> None:
        """Run Slipway's jobs on this machine until SIGTERM or Ctrl-C; each ends in order then."""
        address = url or client.config.url  # type: ignore[attr-defined]  # both clients have one
        if not address:
            raise fail("Which Slipway?", Code.USAGE, fix=f"--url ADDRESS, or {URL}.")
        clients = import_module("pipelines.agent.clients")
        serving = import_module("pipelines.agent.serving")
        token = _token(clients, token_file)
        uid, gid = _account(user)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        logging.getLogger("httpx").setLevel(logging.WARNING)
        stop = threading.Event()
        _end_in_order(stop)
        options = serving.Options(
            slots=1 if once else slots, tags=tuple(_words(tags)) if tags else None, once=once,
            uid=uid, gid=gid, network=network, keep_environment=keep_environment,
        )  # fmt: skip
        connection = clients.Connection(address, token, slots=slots)
        folders = import_module("pipelines.agent.folders")
        try:
            with folders.own(folder, shared=uid is not None) as root:
                serving.Agent(connection, replace(options, root=root), stop).run()
        except clients.AgentRefused as error:
            raise fail(f"Slipway refuses this agent: {error}", Code.REFUSED) from None
        finally:
            connection.close()
        say("The agent has ended.")


def _token(clients: Any, path: Path) -> Any:
    if text := os.environ.pop(TOKEN, ""):
        return clients.Token(text)
    try:
        return clients.Token.read(path)
    except OSError as error:
        fix = "slipway agent register makes one; --token-file says where it is."
        raise fail(f"{path}: {error.strerror}.", Code.NOT_FOUND, fix=fix) from None


def _end_in_order(stop: threading.Event) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def register(app: typer.Typer, client: Client) -> None:
    group = typer.Typer(help="Agents: machines that run Slipway's jobs.", no_args_is_help=True)
    _register_register(group, client)
    _register_run(group, client)
    app.add_typer(group, name="agent")
