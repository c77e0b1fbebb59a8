"""`make bench-schemas`: the registry's figures in one run, on a PostgreSQL of their own."""

import logging
import os
import sys
import tempfile
from pathlib import Path

import django

from deploy.processes import Installation
from deploy.servers import start_postgres
from deploy.supervisor import Supervisor


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="slipway-bench-") as scratch,
        Supervisor(Path(scratch)) as supervisor,
    ):
        database, _ = start_postgres(supervisor)
        installation = Installation(
            supervisor, database, "", {"WEB_WORKERS": "1", "SLIPWAY_ALLOWED_HOSTS": "*"}
        )
        installation.prepare()
        os.environ.update(installation.env, DJANGO_SETTINGS_MODULE="idp.settings")
        django.setup()
        return measure(installation)


def measure(installation: Installation) -> int:
    """Print each figure as it is known; 1 where one misses its aim."""
    from bench.registry import engines, rows, store, wire  # noqa: PLC0415  # Django is set up now

    logging.disable(logging.CRITICAL)
    missed = 0
    person, token = rows.make()
    installation.start("web")
    for part in (engines.figures(), store.figures(person), wire.figures(installation.url, token)):
        for figure in part:
            print(figure, flush=True)
            missed += not figure.holds
    print(f"{missed} missed" if missed else "every aim holds")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
