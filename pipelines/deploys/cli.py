"""`slipway deploy` and `promote`: what a version is made of, and where it is brought.

In a running job the project, the environment and the commit are known from its variables.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from idp.changes.cli import finish, follow, wait_for
from idp.common.console import Client, Code, clean, fail, note, print_json, say
from idp.common.tables import show_rows

MAX_FILE = 1_000_000
COLUMNS = {
    "id": "Id",
    "environment": "Environment",
    "bundle": "Bundle",
    "commit": "Commit",
    "state": "State",
    "actor": "Who",
    "created_at": "When",
}
BUNDLES = {
    "project": "Project",
    "number": "Bundle",
    "sha": "Commit",
    "title": "What",
    "actor": "Who",
}

Where = Annotated[str, typer.Argument(metavar="[PROJECT/]ENVIRONMENT", help="Like orders/staging.")]
Wait = Annotated[bool, typer.Option(help="Follow the change to its end.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Run the plan without asking.")]
Deadline = Annotated[int, typer.Option(min=1, help="Give up watching after this many seconds.")]


@dataclass(frozen=True)
class Target:
    project: str
    environment: str


def _target(where: str) -> Target:
    """What was named; in a job the rest is the job's own."""
    project, sign, name = where.rpartition("/")
    project = project if sign else os.environ.get("CI_PROJECT_PATH", "")
    name = name or os.environ.get("CI_ENVIRONMENT_NAME", "")
    if not project or not name:
        fix = "Write orders/staging; a job with `environment:` may leave it out."
        raise fail("It is not said where to.", Code.USAGE, fix=fix)
    return Target(project, name)


def _in_job() -> bool:
    return os.environ.get("CI_JOB_TOKEN", "").startswith("slj_")


def _by_workload(values: list[str], option: str) -> dict[str, str]:
    found = {}
    for item in values:
        name, sign, value = item.partition("=")
        if not sign or not name or not value:
            raise fail(f"{option} {item[:80]}: write it as workload=value.", Code.USAGE)
        found[name] = value
    return found


def _variables(values: list[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item in values:
        path, sign, value = item.partition("=")
        workload, dot, name = path.partition(".")
        if not sign or not dot or not workload or not name:
            raise fail(f"--var {item[:80]}: write it as workload.NAME=value.", Code.USAGE)
        found.setdefault(workload, {})[name] = value
    return found


def _migrations(values: list[str]) -> dict[str, int]:
    found = {}
    for name, number in _by_workload(values, "--migration").items():
        if not number.isascii() or not number.isdecimal():
            raise fail(f"--migration {name}={number[:20]}: a version is a number.", Code.USAGE)
        found[name] = int(number)
    return found


def _schemas(path: str) -> Any:
    if not path:
        return None
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise fail(f"{path} is larger than {MAX_FILE} bytes.", Code.USAGE)
        return json.loads(data)
    except (OSError, ValueError) as error:
        raise fail(f"{path} cannot be read as JSON: {error}", Code.USAGE) from None


def _bring(
    client: Client, bundle: dict[str, Any], environment: str, *, yes: bool, wait: bool, seconds: int
) -> None:
    """Ask for the change; in a job, or with `yes`, it goes by itself when its gates pass."""
    alone = yes or _in_job()
    body = {"environment": environment, "confirm": not alone}
    change = client.send("POST", f"bundles/{bundle['id']}/promote/", body)
    if not wait:
        if client.as_json:
            print_json(change)
        else:
            say(f"Change {change['id']}: {clean(change['title'])}")
        return
    if not alone:
        follow(client, change, yes=False, plan_only=False, choices=(), seconds=seconds)
        return
    note(f"Change {change['id']}: {clean(change['title'])}")
    finish(client, wait_for(client, int(change["id"]), frozenset(), seconds))


def _register_deploy(app: typer.Typer, client: Client) -> None:
    @app.command()
    def deploy(
        where: Where = "",
        *,
        image: Annotated[
            list[str], typer.Option(help="workload=registry/name:tag@sha256:…; may be repeated.")
        ] = [],  # noqa: B006 - typer copies it
        var: Annotated[list[str], typer.Option(help="workload.NAME=value")] = [],  # noqa: B006 - as above
        schemas: Annotated[str, typer.Option(help="JSON file: produces, consumes, reads.")] = "",
        migration: Annotated[list[str], typer.Option(help="project/database=version")] = [],  # noqa: B006 - as above
        ref: Annotated[str, typer.Option(help="Branch or tag; main, or the job's own.")] = "",
        yes: Yes = False,
        wait: Wait = True,
        timeout: Deadline = 1800,
    ) -> None:
        """Make a bundle of a commit's images and bring it to an environment."""
        target = _target(where)
        body = {
            "project": target.project,
            "images": _by_workload(image, "--image"),
            "variables": _variables(var),
            "schemas": _schemas(schemas),
            "migrations": _migrations(migration),
            **({"ref": ref} if ref else {}),
        }
        bundle = client.send("POST", "bundles/", body)
        note(f"Bundle {bundle['number']} of {bundle['sha'][:8]}: {clean(bundle['title'])}")
        _bring(client, bundle, target.environment, yes=yes, wait=wait, seconds=timeout)

    @app.command()
    def promote(
        where: Where,
        *,
        bundle: Annotated[int, typer.Option(min=0, help="Its number in the project.")] = 0,
        source: Annotated[str, typer.Option("--from", help="What this environment has.")] = "",
        yes: Yes = False,
        wait: Wait = True,
        timeout: Deadline = 1800,
    ) -> None:
        """Bring a bundle that exists to an environment."""
        target = _target(where)
        found = _found(client, target.project, bundle, source)
        note(f"Bundle {found['number']} of {found['sha'][:8]}: {clean(found['title'])}")
        _bring(client, found, target.environment, yes=yes, wait=wait, seconds=timeout)


def _found(client: Client, project: str, number: int, source: str) -> dict[str, Any]:
    """The bundle of that number, what an environment has, or the newest."""
    if source:
        asked = {"project": project, "environment": source, "state": "succeeded"}
        rows = list(client.rows("deployments/", 1, **asked))
        if not rows:
            raise fail(f"{project}/{source} has no bundle yet.", Code.NOT_FOUND)
        number = int(rows[0]["bundle"])
    q = {"q": f"#{number}"} if number else {}
    found = list(client.rows("bundles/", 1, project=project, **q))
    if not found:
        what = f"bundle {number}" if number else "bundle"
        raise fail(f"{project} has no {what}.", Code.NOT_FOUND, fix="See them: slipway bundles.")
    return found[0]


def _register_lists(app: typer.Typer, client: Client) -> None:
    @app.command()
    def bundles(
        project: Annotated[str, typer.Option()] = "",
        limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    ) -> None:
        """List bundles, newest first."""
        rows = list(client.rows("bundles/", limit, project=project))
        show_rows(client, rows, BUNDLES, empty="There are no bundles that you may see.")

    @app.command()
    def deployments(
        project: Annotated[str, typer.Option()] = "",
        environment: Annotated[str, typer.Option()] = "",
        limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    ) -> None:
        """List what was brought where, newest first."""
        asked = {"project": project, "environment": environment}
        rows = list(client.rows("deployments/", limit, **asked))
        show_rows(client, rows, COLUMNS, empty="There are no deployments that you may see.")


def register(app: typer.Typer, client: Client) -> None:
    _register_deploy(app, client)
    _register_lists(app, client)
