"""`slipway schemas export` and `import`: archives as files, and other registries by address."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from idp.common.console import Client, Code, fail, note, print_json, say

MAX_FILE = 64 * 1024 * 1024
PAUSE_SECONDS = 1.0
SHOWN = 20
ZIP = "application/zip"
Only = Annotated[str, typer.Option(help="Only subjects that begin so: orders-, or :.ctx:")]


def rules_of(texts: Sequence[str]) -> list[dict[str, str]]:
    """`payments-=payments` as REST takes it."""
    found = []
    for text in texts:
        prefix, sign, project = text.rpartition("=")
        if not sign or not prefix or not project:
            raise fail(
                f"--rule {text}: write PREFIX=PROJECT.", Code.USAGE, fix="payments-=payments"
            )
        found.append({"prefix": prefix, "project": project})
    return found


def _register_export(group: typer.Typer, client: Client) -> None:
    @group.command()
    def export(
        file: Annotated[str, typer.Argument(metavar="FILE", help="The zip file; it must be new.")],
        *,
        subject: Annotated[str, typer.Option(help="Exactly this subject.")] = "",
        context: Annotated[str, typer.Option(help="One context; . is the default one.")] = "",
        project: Annotated[str, typer.Option(help="One project.")] = "",
        deleted: Annotated[bool, typer.Option("--deleted", help="Deleted versions too.")] = False,
        alone: Annotated[
            bool, typer.Option("--alone", help="Without what the subjects refer to.")
        ] = False,
    ) -> None:
        """Write subjects as an archive: a file for each version, and a manifest."""
        params = {"name": subject, "context": context, "project": project}
        flags = {"with_deleted": deleted or None, "alone": alone or None}
        size = _write(file, client.download("schemas/export/", **params, **flags))
        if client.as_json:
            print_json({"file": file, "bytes": size})
        else:
            say(f"{file}: {size} bytes")


def _write(name: str, parts: Iterator[bytes]) -> int:
    """Write a new file and return its size; one that broke off is not left behind."""
    path, size = Path(name), 0
    try:
        with path.open("xb") as target:
            try:
                for part in parts:
                    size += target.write(part)
            except typer.Exit:
                path.unlink()
                raise
    except OSError as error:
        raise fail(f"{name}: {error.strerror}.", Code.USAGE) from None
    return size


def _register_import(group: typer.Typer, client: Client) -> None:
    @group.command("import")
    def import_(
        source: Annotated[
            str, typer.Argument(metavar="SOURCE", help="A registry's URL, or an archive's file.")
        ],
        *,
        project: Annotated[str, typer.Option(help="Gets what no rule sends elsewhere.")],
        rule: Annotated[
            list[str] | None, typer.Option(metavar="PREFIX=PROJECT", help="May be repeated.")
        ] = None,
        only: Only = "",
        into: Annotated[str, typer.Option(help="The context that the default one becomes.")] = "",
        deleted: Annotated[bool, typer.Option("--deleted", help="Deleted versions too.")] = False,
        settings: Annotated[bool, typer.Option(help="Compatibility and modes too.")] = True,
        user: Annotated[str, typer.Option(help="User name of the registry.")] = "",
        confirm: Annotated[
            bool, typer.Option("--confirm", help="Bring it in where nothing is refused.")
        ] = False,
    ) -> None:
        """See what would come, and bring it in with --confirm. Exit code 3 where some is refused.

        The registry's password or token is read from SLIPWAY_IMPORT_SECRET.
        """
        options: dict[str, Any] = {
            "project": project,
            "prefix": only,
            "into": into,
            "deleted": deleted,
            "with_settings": settings,
        }
        run = _begin(client, source, {**options, "rules": rules_of(rule or [])}, user)
        run = _waited(client, run)
        if confirm and run["state"] == "ready" and not run["counts"]["outcomes"].get("refused"):
            client.send("POST", f"schemas/imports/{run['id']}/", {"action": "confirm"})
            run = _waited(client, run)
        _tell(client, run)


def _begin(client: Client, source: str, options: dict[str, Any], user: str) -> dict[str, Any]:
    if source.startswith(("http://", "https://")):
        secret = os.environ.get("SLIPWAY_IMPORT_SECRET", "")
        body = {**options, "registry": source, "user_name": user, "secret": secret}
        return dict(client.send("POST", "schemas/imports/", body))
    rules = json.dumps(options.pop("rules"))
    params = {**options, "rules": rules, "name": Path(source).name}
    return dict(client.upload("schemas/imports/archive/", _bytes(source), ZIP, **params))


def _bytes(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise fail(f"{name}: {error.strerror}.", Code.USAGE) from None
    if len(data) > MAX_FILE:
        raise fail(f"{name} has more than {MAX_FILE} bytes.", Code.USAGE)
    return data


def _waited(client: Client, run: dict[str, Any]) -> dict[str, Any]:
    """The run once no worker is at it; Ctrl-C leaves it to go on by itself."""
    while True:
        found = dict(client.get(f"schemas/imports/{run['id']}/"))
        if found["state"] not in {"reading", "importing"}:
            return found
        time.sleep(PAUSE_SECONDS)


def _tell(client: Client, run: dict[str, Any]) -> None:
    refused = run["counts"]["outcomes"].get("refused", 0)
    if client.as_json:
        print_json(run)
    else:
        say(f"Import {run['id']} is {run['state']}: {run['counts']['sentence']}")
        say(", ".join(f"{count} {word}" for word, count in run["counts"]["outcomes"].items()))
        if refused:
            _tell_refused(client, run)
    if run["state"] == "failed":
        raise fail(run["reason"], fix=run["fix"])
    if refused:
        raise typer.Exit(int(Code.REFUSED))


def _tell_refused(client: Client, run: dict[str, Any]) -> None:
    path = f"schemas/imports/{run['id']}/versions/"
    for row in client.rows(path, SHOWN, outcome="refused"):
        note(f"  {row['source']} version {row['version']}: {row['reason']}")


def register(group: typer.Typer, client: Client) -> None:
    """Add the commands about archives and other registries to `slipway schemas`."""
    _register_export(group, client)
    _register_import(group, client)
