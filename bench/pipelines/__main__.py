"""`make bench-ci`: the figures of pipelines in one run: laptop, engine, server, browser."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path

import django

from bench.pipelines import laptop
from bench.pipelines.peer import installed
from deploy.processes import Installation
from deploy.servers import start_postgres
from deploy.supervisor import Supervisor


def main() -> int:
    missed = 0
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as scratch:
        for figure in laptop.figures(Path(scratch) / "cases", installed()):
            print(figure, flush=True)
            missed += not figure.holds
        with Supervisor(Path(scratch)) as supervisor:
            missed += _on_a_server(supervisor)
    print(f"{missed} missed" if missed else "every aim holds")
    return 1 if missed else 0


def _on_a_server(supervisor: Supervisor) -> int:
    database, _ = start_postgres(supervisor)
    trusted = {"SLIPWAY_CI_RUNNER_PROJECTS": "*", "SLIPWAY_CI_RUNNER_SLOTS": "8"}
    installation = Installation(supervisor, database, "", trusted)
    installation.prepare()
    os.environ.update(installation.env, DJANGO_SETTINGS_MODULE="idp.settings")
    django.setup()
    from bench.pipelines import server, watching  # noqa: PLC0415  # Django is set up now

    logging.disable(logging.CRITICAL)
    actor, project = server.make()
    installation.start("runner")
    missed = 0
    for figure in server.figures(actor, project):
        print(figure, flush=True)
        missed += not figure.holds
    installation.start("web")
    installation.start("streams")
    for figure in watching.figures(installation, actor, project):
        print(figure, flush=True)
        missed += not figure.holds
    return missed


if __name__ == "__main__":
    sys.exit(main())
