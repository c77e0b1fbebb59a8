"""`slipway ci play`, `retry`, `logs` and `schedules`: what runs on the server, by REST."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

import typer

from idp.common.console import Client, Code, fail, note, print_json, say
from idp.common.tables import show_rows

ENDED = frozenset({"success", "failed", "canceled", "skipped"})
WAITS = frozenset({"created", "manual", "scheduled", "waiting_for_resource"})
POLL_SECONDS = 1.0
SCHEDULES = {
    "id": "Id",
    "project": "Project",
    "description": "Schedule",
    "cron": "Cron",
    "timezone": "Time zone",
    "ref": "Ref",
    "next_run_at": "Next run",
    "owner": "Owner",
    "problem": "Problem",
}
MOST = 1_000_000  # reads of one log, a megabyte each at most
_SECTION = re.compile(r"\x1b\[0Ksection_(?:start|end):[^\r\n]*\r(?:\x1b\[0K)?")
# Colours may stay; every other way to steer a terminal goes.
_CONTROL = re.compile(
    r"(\x1b\[[0-9;]{0,40}m)"
    r"|\x1b\[[0-9;?]{0,40}[ -/]{0,4}[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)

Yes = Annotated[bool, typer.Option("--yes", help="Answer a job's manual_confirmation.")]
Number = Annotated[int, typer.Argument(min=1, help="As in its address.")]


def confirm(name: str, question: str, *, yes: bool) -> None:
    """Ask a job's `manual_confirmation`; a no, or nobody to ask, ends the command."""
    if question and not yes:
        note(f"{name}: {question}")
        if not typer.confirm("Start it?", err=True):
            raise fail(f"{name} is not started.", fix="--yes answers without asking.")


def shown(text: str, *, colours: bool) -> str:
    """Lines of a log as a terminal may have them: no section marks, nothing that steers it."""
    plain = _SECTION.sub("", text)
    return _CONTROL.sub(lambda found: (found[1] or "") if colours else "", plain)


def _standing(found: dict[str, Any]) -> str:
    """A pipeline's or job's status, and why it stays at that where it waits."""
    why = found.get("reason", "") if found["status"] in WAITS | {"pending"} else ""
    return f"{found['status']}. {why}".strip()


def _register_play(group: typer.Typer, client: Client) -> None:
    @group.command()
    def play(
        number: Annotated[int, typer.Argument(min=1, help="The job's, as in its address.")],
        yes: Yes = False,
    ) -> None:
        """Start a job that waits for a hand, once its own question is answered."""
        asked: dict[str, Any] = client.get(f"jobs/{number}/")
        confirm(asked["name"], asked["manual_confirmation"], yes=yes)
        found: dict[str, Any] = client.send("POST", f"jobs/{number}/play/")
        if client.as_json:
            print_json(found)
            return
        say(f"Job {found['name']} is started: {_standing(found)}")


def _register_retry(group: typer.Typer, client: Client) -> None:
    @group.command()
    def retry(
        number: Number,
        job: Annotated[bool, typer.Option("--job", help="The number is a job's.")] = False,
    ) -> None:
        """Run a pipeline's failed jobs again, or one job."""
        kind = "jobs" if job else "pipelines"
        found: dict[str, Any] = client.send("POST", f"{kind}/{number}/retry/")
        if client.as_json:
            print_json(found)
            return
        name = f"Job {found['name']}" if job else f"Pipeline #{found['number']}"
        say(f"{name} runs again: {_standing(found)}")


def _register_again(group: typer.Typer, client: Client) -> None:
    @group.command()
    def again(
        number: Number,
        newest: Annotated[
            bool, typer.Option("--newest", help="The newest commit, with its file.")
        ] = False,
    ) -> None:
        """Run a whole pipeline once more as a new one: its commit's file, or the newest."""
        given = {"configuration": "newest" if newest else "same"}
        found: dict[str, Any] = client.send("POST", f"pipelines/{number}/again/", given)
        if client.as_json:
            print_json(found)
            return
        say(f"Pipeline #{found['number']} begins ({found['id']}): {_standing(found)}")


def _register_logs(group: typer.Typer, client: Client) -> None:
    @group.command()
    def logs(
        number: Annotated[int, typer.Argument(min=1, help="The job's, as in its address.")],
        follow: Annotated[bool, typer.Option("--follow", "-f", help="Until it ends.")] = False,
        attempt: Annotated[int, typer.Option(min=0, help="Else the newest.")] = 0,
        plain: Annotated[bool, typer.Option("--plain", help="Without colours.")] = False,
    ) -> None:
        """Print a job's log; with --follow the exit code tells how it ended."""
        offset = 0
        for _ in range(MOST):
            data, headers = client.raw(
                f"jobs/{number}/log/", offset=offset, attempt=attempt or None
            )
            text = shown(data.decode(errors="replace"), colours=not plain)
            typer.echo(text, nl=False, color=True)
            moved = int(headers["slipway-log-offset"]) > offset
            offset = max(offset, int(headers["slipway-log-offset"]))
            if headers["slipway-log-complete"] == "true":
                break
            if moved:
                continue
            if not follow:
                return
            _told_why(client.get(f"jobs/{number}/"))
            time.sleep(POLL_SECONDS)
        if follow:
            _finish(client.get(f"jobs/{number}/"))

    told: list[str] = []

    def _told_why(found: dict[str, Any]) -> None:
        """Say once why nothing comes."""
        if found["status"] in WAITS | {"pending"} and found["reason"] not in told:
            told.append(found["reason"])
            note(f"{found['name']} is {found['status']}. {found['reason']}".strip())
        if found["status"] in ENDED and not found["attempts"]:
            raise fail(f"{found['name']} is {found['status']} and never ran.", Code.FAILED)


def _finish(found: dict[str, Any]) -> None:
    note(f"{found['name']} {found['status']}. {found['reason']}".strip())
    if found["status"] not in {"success", "running", "pending"} and not found["allowed"]:
        raise typer.Exit(int(Code.FAILED))


def _register_schedules(group: typer.Typer, client: Client) -> None:
    @group.command()
    def schedules(
        project: Annotated[str, typer.Option()] = "",
        limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    ) -> None:
        """List schedules of pipelines, newest first."""
        rows = list(client.rows("pipeline-schedules/", limit, project=project))
        show_rows(client, rows, SCHEDULES, empty="There are no schedules that you may see.")


def register(group: typer.Typer, client: Client) -> None:
    _register_play(group, client)
    _register_retry(group, client)
    _register_again(group, client)
    _register_logs(group, client)
    _register_schedules(group, client)
