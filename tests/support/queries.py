"""A ratchet on SQL: each route has a ceiling in `queries.json`; it may only be lowered.

`SLIPWAY_TEST_RATCHET=write` writes what was measured where it is less, and routes that are new.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

CEILINGS = Path(__file__).with_name("queries.json")


def ceilings() -> dict[str, int]:
    found: dict[str, int] = json.loads(CEILINGS.read_text())
    return found


def count(client: Client, path: str) -> int:
    """Queries of the second request: the first may fill caches."""
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code}"
    return len(captured)


def judge(name: str, queries: int) -> None:
    """Fail where a route needs more queries than it did; `name` is the route."""
    known = ceilings()
    if os.environ.get("SLIPWAY_TEST_RATCHET") == "write":
        known[name] = min(queries, known.get(name, queries))
        CEILINGS.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
        return
    ceiling = known.get(name)
    assert ceiling is not None, f"{name} has no ceiling: run with SLIPWAY_TEST_RATCHET=write"
    assert queries <= ceiling, f"{name} needs {queries} queries; {ceiling} are allowed"
