"""`slipway ci retry`, `logs` and `schedules`: what is asked, and what reaches the terminal."""

from __future__ import annotations

from collections import deque
from typing import Any

import httpx

from pipelines import cli_server
from tests.support.console import Result, Script, run

JOB = {"name": "unit", "status": "success", "reason": "", "attempts": 1, "allowed": False}


def log(data: str, end: int, *, complete: bool = False) -> httpx.Response:
    headers = {"Slipway-Log-Offset": str(end), "Slipway-Log-Complete": str(complete).lower()}
    return httpx.Response(200, content=data.encode(), headers=headers)


def ci(script: Script, *words: str) -> Result:
    return run(script, "ci", *words)


def test_retry_is_of_a_pipeline_or_a_job() -> None:
    script = Script({
        "POST pipelines/3/retry/": {"number": 2, "status": "running"},
        "POST jobs/7/retry/": {**JOB, "status": "pending"},
    })  # fmt: skip
    assert "Pipeline #2 runs again: running." in ci(script, "retry", "3").stdout
    assert "Job unit runs again: pending." in ci(script, "retry", "7", "--job").stdout


def test_again_is_a_new_pipeline_of_its_commit_or_the_newest() -> None:
    script = Script({"POST pipelines/3/again/": {"id": 9, "number": 4, "status": "created"}})
    assert "Pipeline #4 begins (9): created." in ci(script, "again", "3").stdout
    assert ci(script, "again", "3", "--newest").exit_code == 0
    assert [script.body(at)["configuration"] for at in (0, 1)] == ["same", "newest"]


def test_a_job_that_nobody_can_run_says_so_at_once() -> None:
    stuck = {**JOB, "status": "pending", "reason": "No runner has the tags gpu.",
             "manual_confirmation": ""}  # fmt: skip
    script = Script({
        "POST jobs/7/retry/": stuck, "GET jobs/7/": stuck, "POST jobs/7/play/": stuck,
    })  # fmt: skip
    for words in (("retry", "7", "--job"), ("play", "7")):
        assert "pending. No runner has the tags gpu." in ci(script, *words).stdout


def test_play_asks_the_jobs_own_question_first() -> None:
    asked = {**JOB, "status": "manual", "manual_confirmation": "Ship \x1b[2Jit?"}
    script = Script({"GET jobs/7/": asked, "POST jobs/7/play/": {**JOB, "status": "pending"}})
    said_no = run(script, "ci", "play", "7", typed="n\n")
    assert said_no.exit_code == 1
    assert "unit: Ship \ufffd[2Jit?" in said_no.output
    assert run(script, "ci", "play", "7").exit_code == 1  # nobody is there to ask
    assert script.said("POST") == []
    assert "Job unit is started: pending." in run(script, "ci", "play", "7", typed="y\n").output
    assert run(script, "ci", "play", "7", "--yes").exit_code == 0
    assert script.said("POST") == ["jobs/7/play/"] * 2


def test_play_asks_nothing_where_the_job_does_not() -> None:
    plain = {**JOB, "status": "manual", "manual_confirmation": ""}
    script = Script({"GET jobs/7/": plain, "POST jobs/7/play/": {**JOB, "status": "pending"}})
    assert ci(script, "play", "7").exit_code == 0


def test_a_log_is_printed_from_where_the_last_part_ended() -> None:
    parts = deque([log("one\n", 4), log("two\n", 900), log("", 900, complete=True)])
    script = Script({"GET jobs/7/log/": parts, "GET jobs/7/": JOB})
    done = ci(script, "logs", "7")
    assert (done.exit_code, done.stdout) == (0, "one\ntwo\n")
    offsets = [call.url.params["offset"] for call in script.calls]
    assert offsets == ["0", "4", "900"]


def test_following_ends_with_the_job(monkeypatch: Any) -> None:
    monkeypatch.setattr(cli_server, "POLL_SECONDS", 0)
    parts = deque([log("", 0), log("no\n", 3), log("", 3, complete=True)])
    jobs = deque([
        {**JOB, "status": "pending", "reason": "It waits for a runner."},
        {**JOB, "status": "failed", "reason": "the script ended with exit code 1"},
    ])  # fmt: skip
    done = ci(Script({"GET jobs/7/log/": parts, "GET jobs/7/": jobs}), "logs", "7", "-f")
    assert done.exit_code == 1
    assert done.stdout == "no\n"
    assert "It waits for a runner." in done.stderr
    assert "exit code 1" in done.stderr


def test_a_log_steers_no_terminal() -> None:
    hostile = "\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m\x1b[0Ksection_start:1:a\r\x1b[0Kx\x9b2J\n"
    assert cli_server.shown(hostile, colours=True) == "]0;title\x1b[31mred\x1b[0mx2J\n"
    assert cli_server.shown(hostile, colours=False) == "]0;titleredx2J\n"


def test_schedules_are_listed() -> None:
    row = {
        "id": 3, "project": "orders", "description": "Nightly", "cron": "0 3 * * *",
        "timezone": "UTC", "ref": "main", "next_run_at": None, "owner": "dana.dev",
        "problem": "Its branch is gone.",
    }  # fmt: skip
    script = Script({"GET pipeline-schedules/": {"results": [row], "next": None}})
    done = ci(script, "schedules", "--project", "orders")
    assert "Nightly" in done.stdout
    assert script.calls[0].url.params["project"] == "orders"
    empty = Script({"GET pipeline-schedules/": {"results": [], "next": None}})
    said = ci(empty, "schedules")
    assert "no schedules that you may see" in said.stdout + said.stderr
