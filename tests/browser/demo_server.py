"""`manage.py run` as somebody starts it, and what outsiders see of its cluster and AWS."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from deploy.processes import ROOT
from deploy.supervisor import Supervisor, answers, free_port


@dataclass(frozen=True)
class Demo:
    """A running demo: its address, and looks past it that use none of its code."""

    address: str
    state: Path

    def rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.state / "slipway.sqlite3", timeout=20)) as database:
            return database.execute(query, values).fetchall()

    def aws(self, service: str) -> Any:
        ((endpoint,),) = self.rows("SELECT endpoint_url FROM gitops_cloudaccount")
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="eu-central-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    def buckets(self) -> set[str]:
        return {bucket["Name"] for bucket in self.aws("s3").list_buckets()["Buckets"]}

    def queues(self) -> set[str]:
        urls = self.aws("sqs").list_queues().get("QueueUrls", [])
        return {url.rsplit("/", 1)[1] for url in urls}

    def roles(self) -> set[str]:
        return {role["RoleName"] for role in self.aws("iam").list_roles()["Roles"]}

    def objects(self, namespace: str) -> list[tuple[str, str]]:
        """What the simulated cluster holds in a namespace, the namespace itself included."""
        return self.rows(
            "SELECT kind, name FROM gitops_memoryobject WHERE namespace = ?"
            " OR (kind = 'Namespace' AND name = ?) ORDER BY kind, name",
            namespace,
            namespace,
        )


@contextmanager
def started(folder: Path) -> Iterator[Demo]:
    """A fresh start on a free port, with a state folder of its own; ended and gone afterwards."""
    port, state = free_port(), folder / "state"
    kept = {key: "" for key in os.environ if key.startswith("SLIPWAY_")}
    with Supervisor(folder / "run") as supervisor:
        supervisor.start(
            "run",
            [sys.executable, "manage.py", "run", "--port", str(port)],
            cwd=ROOT,
            env={**kept, "SLIPWAY_STATE_DIR": str(state)},
            ready=lambda: answers(f"http://localhost:{port}/healthz"),
            seconds=90,
        )
        yield Demo(f"http://localhost:{port}", state)
