"""`slipway env …`: read, create, change, extend and delete environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from idp.changes.cli import follow, print_plan, wait_for
from idp.common.console import Client, Code, details, fail, note, pairs, print_json, say
from idp.common.tables import show_rows
from schemas.databases.cli import Reads, read
from schemas.dependants.cli import Held, held

COLUMNS = {
    "project": "Project",
    "name": "Name",
    "tier": "Tier",
    "state": "State",
    "health": "Health",
    "blueprint": "Blueprint",
    "expires_at": "Expires",
}
DETAILS = {
    **COLUMNS,
    "sync": "Sync",
    "cluster": "Cluster",
    "namespace": "Namespace",
    "account": "Account",
    "address": "Address",
    "owner": "Owner",
}
WORKLOADS = {
    "name": "Workload",
    "image": "Image",
    "replicas": "Replicas",
    "health": "Health",
    "message": "Message",
}
MAX_TAIL = 2000  # what REST answers at most
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Where = Annotated[str, typer.Argument(metavar="PROJECT/NAME", help="Like orders/staging.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Run the plan without asking.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Stop when the plan is there.")]
Deadline = Annotated[int, typer.Option(min=1, help="Give up watching after this many seconds.")]
Choice = Annotated[
    list[str], typer.Option("--choice", help="key=retain|purge for what would be lost.")
]
Workload = Annotated[str, typer.Option(help="Where there are several.")]


@dataclass(frozen=True)
class Run:
    """How a person wants a change carried out."""

    yes: bool = False
    plan_only: bool = False
    timeout: int = 1800
    choices: tuple[str, ...] = ()


def path_of(where: str) -> str:
    """`environments/orders/staging/` of `orders/staging`."""
    project, _, name = where.partition("/")
    if not (project and name) or not all(
        part.replace("-", "").isalnum() for part in (project, name)
    ):
        raise fail(f"“{where}” is not PROJECT/NAME.", Code.USAGE, fix="Write orders/staging.")
    return f"environments/{project}/{name}/"


def moment(text: str) -> str:
    """An end as ISO 8601: from “7d”, “12h” (from now on) or a date."""
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit():
        try:
            return (datetime.now(UTC) + timedelta(**{_UNITS[unit]: int(number)})).isoformat()
        except (OverflowError, ValueError):  # past the year 9999; or too many digits to read
            raise fail(f"“{text[:40]}” is too far ahead.", Code.USAGE, fix="Write 7d.") from None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fix = "Write 7d, 12h or 2026-12-01."
        raise fail(f"“{text[:40]}” is no end.", Code.USAGE, fix=fix) from None
    return found.replace(tzinfo=found.tzinfo or UTC).isoformat()


def _propose(
    client: Client, method: str, path: str, body: Mapping[str, Any] | None, run: Run
) -> None:
    change = client.send(method, path, body)
    follow(
        client,
        change,
        yes=run.yes,
        plan_only=run.plan_only,
        choices=run.choices,
        seconds=run.timeout,
    )


def _register_reading(group: typer.Typer, client: Client) -> None:
    @group.command("list")
    def list_(
        project: Annotated[str, typer.Option()] = "",
        tier: Annotated[str, typer.Option()] = "",
        health: Annotated[str, typer.Option()] = "",
        limit: Annotated[int, typer.Option(min=1, max=5000)] = 50,
    ) -> None:
        """List the environments that you may see."""
        rows = list(client.rows("environments/", limit, project=project, tier=tier, health=health))
        show_rows(client, rows, COLUMNS, empty="There are no environments that you may see.")

    @group.command()
    def show(where: Where) -> None:
        """Show one environment with workloads and outputs."""
        path = path_of(where)
        found = client.get(path)
        workloads = client.get(f"{path}workloads/")["results"]
        resources = client.get(f"{path}resources/")["results"]
        if client.as_json:
            print_json({**found, "workloads": workloads, "resources": resources})
            return
        details(found, DETAILS)
        show_rows(client, workloads, WORKLOADS, empty="It has no workloads.")
        for row in resources:
            for name, value in sorted(row["outputs"].items()):
                say(f"{row['name']} {name}={value}")

    @group.command()
    def logs(
        where: Where,
        workload: Workload = "",
        tail: Annotated[int, typer.Option(min=1, max=MAX_TAIL)] = 200,
    ) -> None:
        """Print the last lines of the workloads' logs."""
        found = client.get(f"{path_of(where)}logs/", workload=workload, tail=tail)
        if client.as_json:
            print_json(found)
            return
        for line in found["results"]:
            say(f"{line.get('at') or '-'} {line['pod']}/{line['container']} {line['text']}")


def _register_plan(group: typer.Typer, client: Client) -> None:
    @group.command()
    def plan(where: Where) -> None:
        """Show the plan of the environment's change that waits."""
        path_of(where)
        project, _, name = where.partition("/")
        rows = list(client.rows("changes/", 20, project=project, environment=name))
        waiting = [row for row in rows if row["state"] in {"planning", "ready", "waiting"}]
        if not waiting:
            raise fail(f"Nothing waits for {where}.", Code.NOT_FOUND)
        number = waiting[0]["id"]
        wait_for(client, number, frozenset({"ready", "waiting"}), 300)
        found = client.get(f"changes/{number}/plan/")
        if client.as_json:
            print_json(found)
            return
        note(f"Change {number}: {waiting[0]['title']}")
        print_plan(found)


def _register_create(group: typer.Typer, client: Client) -> None:
    @group.command()
    def create(
        where: Where,
        *,
        blueprint: Annotated[str, typer.Option(help="Like web-service@1.0.0.")],
        cluster: Annotated[str, typer.Option()] = "local",
        account: Annotated[str, typer.Option(help="The AWS account, where needed.")] = "",
        tier: Annotated[str, typer.Option()] = "development",
        parameter: Annotated[list[str], typer.Option("--set", "-s", help="name=value")] = [],  # noqa: B006 - typer copies it
        resource: Annotated[list[str], typer.Option(help="name=Bucket")] = [],  # noqa: B006 - as above
        component: Annotated[
            list[str], typer.Option(help="workload=component, like web=orders-api")
        ] = [],  # noqa: B006 - as above
        expires: Annotated[str, typer.Option(help="7d, 12h or 2026-12-01.")] = "",
        yes: Yes = False,
        plan: PlanOnly = False,
        timeout: Deadline = 1800,
    ) -> None:
        """Create an environment from a blueprint."""
        path_of(where)
        project, _, name = where.partition("/")
        resources = {
            key: {"kind": kind} if isinstance(kind, str) else kind
            for key, kind in pairs(resource, "--resource").items()
        }
        body: dict[str, Any] = {
            "project": project,
            "name": name,
            "tier": tier,
            "cluster": cluster,
            "blueprint": blueprint,
            "parameters": pairs(parameter, "--set"),
            "resources": resources,
        }
        if component:
            body["workloads"] = {
                name: {"component": text} for name, text in pairs(component, "--component").items()
            }
        if account:
            body["account"] = account
        if expires:
            body["expires_at"] = moment(expires)
        run = Run(yes=yes, plan_only=plan, timeout=timeout)
        _propose(client, "POST", "environments/", body, run)


def _register_changing(group: typer.Typer, client: Client) -> None:
    @group.command()
    def scale(
        where: Where,
        replicas: Annotated[int | None, typer.Argument(min=0)] = None,
        *,
        least: Annotated[
            int | None, typer.Option("--min", min=1, help="Where an autoscaler owns the number.")
        ] = None,
        most: Annotated[int | None, typer.Option("--max", min=1, help="As --min.")] = None,
        workload: Workload = "",
        yes: Yes = False,
        plan: PlanOnly = False,
        timeout: Deadline = 1800,
    ) -> None:
        """Change the number of replicas, or the bounds of an autoscaler."""
        numbers = {"replicas": replicas, "min_replicas": least, "max_replicas": most}
        given = {key: number for key, number in numbers.items() if number is not None}
        if not given:
            fix = "Write a number, or --min and --max where an autoscaler owns it."
            raise fail("How many replicas?", Code.USAGE, fix=fix)
        body = {**given, "workload": workload}
        run = Run(yes=yes, plan_only=plan, timeout=timeout)
        _propose(client, "POST", f"{path_of(where)}scale/", body, run)

    @group.command("set-image")
    def set_image(
        where: Where,
        image: Annotated[str, typer.Argument()],
        *,
        workload: Workload = "",
        yes: Yes = False,
        plan: PlanOnly = False,
        timeout: Deadline = 1800,
    ) -> None:
        """Bring out another image."""
        body = {"image": image, "workload": workload}
        run = Run(yes=yes, plan_only=plan, timeout=timeout)
        _propose(client, "POST", f"{path_of(where)}image/", body, run)

    @group.command("set-component")
    def set_component(
        where: Where,
        component: Annotated[str, typer.Argument(help="Of the project; '' for none.")],
        *,
        workload: Workload = "",
        yes: Yes = False,
        plan: PlanOnly = False,
        timeout: Deadline = 1800,
    ) -> None:
        """Say whose software a workload is."""
        body = {"component": component, "workload": workload}
        run = Run(yes=yes, plan_only=plan, timeout=timeout)
        _propose(client, "POST", f"{path_of(where)}component/", body, run)


def _register_ending(group: typer.Typer, client: Client) -> None:
    @group.command()
    def extend(
        where: Where,
        until: Annotated[str, typer.Argument(help="7d, 12h or 2026-12-01.")],
        yes: Yes = False,
        plan: PlanOnly = False,
        timeout: Deadline = 1800,
    ) -> None:
        """Let it expire later."""
        run = Run(yes=yes, plan_only=plan, timeout=timeout)
        _propose(client, "POST", f"{path_of(where)}extend/", {"expires_at": moment(until)}, run)

    @group.command()
    def delete(
        where: Where,
        choice: Choice = [],  # noqa: B006 - typer copies it
        yes: Yes = False,
        plan: PlanOnly = False,
        timeout: Deadline = 1800,
    ) -> None:
        """Delete it; the plan says what would be lost."""
        run = Run(yes=yes, plan_only=plan, timeout=timeout, choices=tuple(choice))
        _propose(client, "DELETE", path_of(where), None, run)


def _register_schemas(group: typer.Typer, client: Client) -> None:
    @group.command("set-schemas")
    def set_schemas(
        where: Where,
        *,
        produces: Held = [],  # noqa: B006 - typer copies it
        consumes: Held = [],  # noqa: B006 - typer copies it
        reads: Reads = [],  # noqa: B006 - typer copies it
        image: Annotated[str, typer.Option(help="The code that uses them, in one change.")] = "",
        workload: Workload = "",
        yes: Yes = False,
        plan: PlanOnly = False,
        timeout: Deadline = 1800,
    ) -> None:
        """Say which schema versions it writes and reads; others are removed."""
        own = {"workload": workload} if workload else {}
        body: dict[str, Any] = {
            "produces": [{**held(one, "--produces"), **own} for one in produces],
            "consumes": [{**held(one, "--consumes"), **own} for one in consumes],
            "reads": [{**read(one), **own} for one in reads],
            "workload": workload,
        }
        if image:
            body["image"] = image
        run = Run(yes=yes, plan_only=plan, timeout=timeout)
        _propose(client, "POST", f"{path_of(where)}schemas/", body, run)


def _register_config(group: typer.Typer, client: Client) -> None:
    @group.command("set-config-schema")
    def set_config_schema(
        where: Where,
        schema: Annotated[str, typer.Argument(metavar="SUBJECT@VERSION")] = "",
        *,
        image: Annotated[str, typer.Option(help="The code that asks for it, in one change.")] = "",
        workload: Workload = "",
        yes: Yes = False,
        plan: PlanOnly = False,
        timeout: Deadline = 1800,
    ) -> None:
        """Say which schema a workload's variables must fit; without one it is removed."""
        body: dict[str, Any] = {"workload": workload, **(held(schema, "SCHEMA") if schema else {})}
        if body.get("version") == "latest":
            raise fail("Name the version's number: code was built with one.", Code.USAGE)
        if image:
            body["image"] = image
        run = Run(yes=yes, plan_only=plan, timeout=timeout)
        _propose(client, "POST", f"{path_of(where)}config-schema/", body, run)


def _register_verb(group: typer.Typer, client: Client, verb: str, text: str) -> None:
    @group.command(verb, help=text)
    def act(
        where: Where, yes: Yes = False, plan: PlanOnly = False, timeout: Deadline = 1800
    ) -> None:
        run = Run(yes=yes, plan_only=plan, timeout=timeout)
        _propose(client, "POST", f"{path_of(where)}{verb}/", {}, run)


def register(app: typer.Typer, client: Client) -> None:
    group = typer.Typer(help="Environments: from create to delete.", no_args_is_help=True)
    _register_reading(group, client)
    _register_plan(group, client)
    _register_create(group, client)
    _register_changing(group, client)
    _register_ending(group, client)
    _register_schemas(group, client)
    _register_config(group, client)
    _register_verb(group, client, "restart", "Start every workload anew, one by one.")
    _register_verb(group, client, "sync", "Bring what git says to cluster and account.")
    _register_verb(group, client, "stop", "Scale everything to nothing; data stays.")
    _register_verb(group, client, "start", "Start what was stopped.")
    app.add_typer(group, name="env")
