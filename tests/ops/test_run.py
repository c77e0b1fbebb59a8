"""`manage.py run`: one process, one address, data that stays, and everything gone at Ctrl-C."""

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import httpx
import pytest

from deploy.processes import ROOT
from deploy.supervisor import Program, Supervisor, answers, free_port, wait_until
from idp import demo

pytestmark = [pytest.mark.slow, pytest.mark.loopback]


@contextmanager
def started(folder: Path, name: str) -> Iterator[tuple[str, Program]]:
    port = free_port()
    kept = {key: "" for key in os.environ if key.startswith("SLIPWAY_")}
    env = {**kept, "SLIPWAY_STATE_DIR": str(folder / "state")}
    with Supervisor(folder / name) as supervisor:
        program = supervisor.start(
            "run",
            [sys.executable, "manage.py", "run", "--port", str(port)],
            cwd=ROOT,
            env=env,
            ready=lambda: answers(f"http://localhost:{port}/healthz"),
            seconds=90,
        )
        yield f"http://localhost:{port}", program


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with started(tmp_path, "first") as (address, program):
        port = address.rsplit(":", 1)[1]
        page = httpx.get(address, follow_redirects=True, timeout=20).text
        assert demo.PASSWORD in page
        assert all(person.username in page for person in demo.PEOPLE)
        assert program.tail(10_000).count("Slipway is at") == 1
        with Supervisor(tmp_path / "second") as other:
            refused = other.start(
                "run", [sys.executable, "manage.py", "run", "--port", port], cwd=ROOT, env={}
            )
            assert refused.process.wait(60) == 1
            assert f"Port {port} of this machine is taken." in refused.tail()
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(15) == 0


def _rows(folder: Path, query: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(folder / "state" / "slipway.sqlite3", timeout=20) as database:
        rows = database.execute(query).fetchall()
    database.close()
    return rows


def _buckets(folder: Path) -> list[str]:
    """The buckets of the simulated AWS whose address the account has now."""
    ((endpoint,),) = _rows(folder, "SELECT endpoint_url FROM gitops_cloudaccount")
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_a_second_start_keeps_data_and_makes_aws_anew(tmp_path: Path) -> None:
    changes = "SELECT title, state FROM changes_change ORDER BY id"
    with started(tmp_path, "first") as (_, program):
        wait_until(
            lambda: any(state == "succeeded" for _, state in _rows(tmp_path, changes)),
            seconds=90,
            what="the demo environment",
            every=0.5,
        )
        before = _buckets(tmp_path)
        assert len(before) == 1
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(15) == 0
    with started(tmp_path, "second") as (_, program):
        assert "made the simulated AWS anew from git: 1 of 1 environments." in program.tail(10_000)
        assert _buckets(tmp_path) == before
        people = _rows(tmp_path, "SELECT count(*) FROM rbac_user")
        assert people == [(len(demo.PEOPLE),)]
