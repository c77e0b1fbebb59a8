"""`slipway change …`: list, show, watch, confirm, approve, reject, cancel."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from idp.common.console import Client, Code, clean, details, fail, note, print_json, say
from idp.common.tables import show_rows

ENDED = frozenset({"succeeded", "failed", "refused", "cancelled", "expired"})
POLL_SECONDS = 1.0
HARMLESS = "harmless"
_MARKS = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
_CODES = {"succeeded": Code.OK, "refused": Code.REFUSED}

Number = Annotated[int, typer.Argument(min=1, help="The change's number.")]
Deadline = Annotated[int, typer.Option(min=1, help="Give up watching after this many seconds.")]
Choices = Annotated[
    list[str], typer.Option("--choice", help="key=retain|purge for what would be lost.")
]


def change_of(client: Client, number: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"changes/{number}/")
    return found


def print_plan(plan: Mapping[str, Any], *, every: bool = False) -> None:
    """The plan as a person reads it: actions by risk, fields before and after, losses, gates.

    Fields of harmless actions are counted, so that they do not hide the others; `every` lists them.
    """
    counted = 0
    actions = [a for a in (plan.get("plan") or {}).get("actions", []) if a["verb"] in _MARKS]
    for risk in dict.fromkeys(a["risk"] for a in actions):
        say(f"{risk}:")
        for action in (a for a in actions if a["risk"] == risk):
            fields = action.get("fields") or []
            short = risk == HARMLESS and not every
            counted += len(fields) if short else 0
            _print_action(action, [] if short else fields)
    if counted:
        number = f"{counted} field{'s' if counted > 1 else ''}"
        say(f"{number} of harmless actions: slipway change show {plan['change']} --all")
    if not actions:
        say("Nothing to do.")
    for gate in plan.get("gates") or []:
        if gate["outcome"] != "pass":
            lift = f" ({gate['lift']})" if gate.get("lift") else ""
            say(f"{gate['outcome']}: {gate['sentence']}{lift}")
            _say_clauses(gate.get("clauses") or [])


def _say_clauses(clauses: Sequence[Mapping[str, Any]]) -> None:
    """The parts of what a gate asks that do not hold, with the facts that decided."""
    for clause in clauses:
        if clause["outcome"] == "pass":
            continue
        note = f", {clause['note']}" if clause["note"] else ""
        say(f"  {clause['outcome']}: {clause['text']} ({clause['rule']}{note})")
        for fact in clause["facts"]:
            told = fact["unknown"] and f"not known: {fact['unknown']}"
            say(f"    {fact['name']} is {told or clean(fact['value'])}")
        if clause["fix"]:
            say(f"    {clause['fix']}")


def _print_action(action: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> None:
    where = f"{action['namespace']}/" if action.get("namespace") else ""
    mark = _MARKS[action["verb"]]
    say(f"  {mark} {action['verb']} {action['kind']} {where}{action['name']}")
    for field in fields:
        after = clean(field["after"]) if field["known"] else "known after apply"
        say(f"      {field['path']}: {clean(field['before'])} → {after}")
    if action.get("loss"):
        loss = action["loss"]
        key = f"{action['target']}/{action['kind']}/{action.get('namespace', '')}/{action['name']}"
        ways = ", ".join(loss["choices"])
        say(f"      loses {loss['sentence']}; --choice {key}=… ({ways})")


def wait_for(client: Client, number: int, states: frozenset[str], seconds: int) -> dict[str, Any]:
    """The change once it is in one of the states or has ended; prints what happens meanwhile."""
    deadline = time.monotonic() + seconds
    seen = 0
    while True:
        page = client.get(f"changes/{number}/events/", since=seen)
        for event in page["results"]:
            seen = event["number"]
            _print_event(event)
        change = change_of(client, number)
        if change["state"] in states | ENDED and not page.get("next"):
            return change
        if time.monotonic() > deadline:
            raise fail(
                f"Change {number} is still {change['state']} after {seconds} s; it goes on.",
                Code.FAILED,
                fix=f"Look again: slipway change watch {number}.",
            )
        time.sleep(POLL_SECONDS)


def _print_event(event: Mapping[str, Any]) -> None:
    data = event.get("data") or {}
    text = next(
        (data[key] for key in ("text", "message", "title", "reason", "state") if data.get(key)), ""
    )
    if event["kind"] == "step":
        text = f"{data.get('state', '')} {data.get('title') or data.get('key', '')}".strip()
    note(f"{event['at'][:19]}Z {event['kind']} {clean(text)}".rstrip())


def finish(client: Client, change: Mapping[str, Any]) -> None:
    """Say how it ended, and end the command with the code that fits."""
    if client.as_json:
        print_json(change)
    else:
        reason = f": {change['reason']}" if change.get("reason") else "."
        say(f"Change {change['id']} {change['state']}{reason}")
    code = _CODES.get(str(change["state"]), Code.FAILED)
    if change["state"] in ENDED and code:
        raise typer.Exit(int(code))


def follow(
    client: Client,
    change: Mapping[str, Any],
    *,
    yes: bool,
    plan_only: bool,
    choices: Sequence[str],
    seconds: int,
) -> None:
    """From a change just proposed to its end: wait for the plan, show it, confirm, watch.

    Without `yes` a person is asked; with `plan_only` it stays at the plan, to be confirmed later.
    """
    number = int(change["id"])
    note(f"Change {number}: {clean(change['title'])}")
    planned = wait_for(client, number, frozenset({"ready", "waiting"}), seconds)
    if planned["state"] == "ready":
        plan = client.get(f"changes/{number}/plan/")
        if not client.as_json:
            print_plan(plan)
        if plan_only:
            if client.as_json:
                print_json(plan)
            else:
                say(f"To run it: slipway change confirm {number}")
            return
        if not yes and not typer.confirm("Run it?", err=True):
            say(f"Left as it is. To drop it: slipway change cancel {number}")
            return
        _confirm(client, number, plan["plan_hash"], choices)
    finish(client, wait_for(client, number, frozenset(), seconds))


def _confirm(client: Client, number: int, plan_hash: str, choices: Sequence[str]) -> None:
    body = {"plan_hash": plan_hash, "choices": _choices(choices)}
    client.send("POST", f"changes/{number}/confirm/", body)


def _choices(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in given:
        key, sign, choice = item.rpartition("=")
        if not sign or not key:
            raise fail(f"--choice {item}: write it as key=retain.", Code.USAGE)
        found[key] = choice
    return found


def _answer(client: Client, change: Mapping[str, Any]) -> None:
    if client.as_json:
        print_json(change)
    else:
        reason = f": {change['reason']}" if change.get("reason") else "."
        say(f"Change {change['id']} is {change['state']}{reason}")


def _register_reading(group: typer.Typer, client: Client) -> None:
    @group.command("list")
    def list_(
        state: Annotated[str, typer.Option(help="planning, ready, waiting, succeeded …")] = "",
        project: Annotated[str, typer.Option()] = "",
        environment: Annotated[str, typer.Option(help="Its name.")] = "",
        limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    ) -> None:
        """List changes, newest first."""
        given = {"state": state, "project": project, "environment": environment}
        rows = list(client.rows("changes/", limit, **given))
        columns = {"id": "Id", "state": "State", "scope": "Where", "title": "What", "actor": "Who"}
        show_rows(client, rows, columns, empty="There are no changes that you may see.")

    @group.command()
    def show(
        number: Number,
        every: Annotated[bool, typer.Option("--all", help="Harmless fields too.")] = False,
    ) -> None:
        """Show one change with its plan."""
        change = change_of(client, number)
        if client.as_json:
            print_json(change)
            return
        names = {
            "title": "What",
            "state": "State",
            "reason": "Reason",
            "scope": "Where",
            "actor": "Who",
            "origin": "From",
            "created_at": "Asked",
            "finished_at": "Ended",
        }
        details(change, names)
        if change.get("plan_hash"):
            print_plan(client.get(f"changes/{number}/plan/"), every=every)

    @group.command()
    def watch(number: Number, timeout: Deadline = 1800) -> None:
        """Follow a change until it ends; the exit code tells how."""
        finish(client, wait_for(client, number, frozenset(), timeout))


def _register_deciding(group: typer.Typer, client: Client) -> None:
    @group.command()
    def confirm(
        number: Number,
        choice: Choices = [],  # noqa: B006 - typer copies it
        watch: Annotated[bool, typer.Option(help="Follow it to its end.")] = True,
        timeout: Deadline = 1800,
    ) -> None:
        """Run a planned change."""
        plan = client.get(f"changes/{number}/plan/")
        _confirm(client, number, plan["plan_hash"], choice)
        if watch:
            finish(client, wait_for(client, number, frozenset(), timeout))
        else:
            _answer(client, change_of(client, number))

    @group.command()
    def approve(number: Number, comment: Annotated[str, typer.Option()] = "") -> None:
        """Say yes to the plan as it stands now."""
        plan = client.get(f"changes/{number}/plan/")
        if not client.as_json:
            print_plan(plan)
        body = {"plan_hash": plan["plan_hash"], "comment": comment}
        change = client.send("POST", f"changes/{number}/approve/", body)
        if client.as_json:
            print_json(change)
        else:  # its gates are judged anew in a moment, so that its state is not told here
            say(f"You approved change {number}. slipway change watch {number} follows it.")

    @group.command()
    def reject(number: Number, comment: Annotated[str, typer.Option(help="The reason.")]) -> None:
        """Say no; the change ends."""
        plan = client.get(f"changes/{number}/plan/")
        body = {"plan_hash": plan["plan_hash"], "comment": comment}
        _answer(client, client.send("POST", f"changes/{number}/reject/", body))

    @group.command()
    def cancel(number: Number) -> None:
        """Stop a change: at once, or after the step that runs."""
        _answer(client, client.send("POST", f"changes/{number}/cancel/"))


def register(app: typer.Typer, client: Client) -> None:
    group = typer.Typer(help="What was asked for, and what became of it.", no_args_is_help=True)
    _register_reading(group, client)
    _register_deciding(group, client)
    app.add_typer(group, name="change")
