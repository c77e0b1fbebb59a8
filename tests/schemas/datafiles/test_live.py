"""Files through a running server: larger than what a request may hold in memory, and too large."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from deploy.processes import Installation
from deploy.supervisor import Supervisor
from schemas.datafiles.checking import MAX_BYTES
from tests.schemas import live
from tests.schemas.datafiles.files import packed
from tests.schemas.factories import V1

pytestmark = [pytest.mark.slow, pytest.mark.loopback]
RECORD = {"id": 1, "amount": 2.5}


@pytest.fixture(scope="module")
def rest(supervisor: Callable[[str], Supervisor]) -> Iterator[httpx.Client]:
    home = supervisor("registry-files")
    registry = live.start(Installation(home, f"sqlite:///{home.directory}/registry.sqlite3", ""))
    headers = {"Authorization": f"Bearer {registry.token}"}
    base = f"{registry.installation.url}/api/v1/subjects/"
    with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
        made = client.post("", json={"subject": "orders-value", "schema": V1, "format": "AVRO"})
        assert made.status_code == 201, made.text
        yield client
    home.stop()


def url(rest: httpx.Client) -> str:
    (row,) = rest.get("", params={"name": "orders-value"}).json()["results"]
    return f"{row['id']}/versions/latest/check-file/"


def test_a_body_of_megabytes_is_read_as_it_comes(rest: httpx.Client) -> None:
    line = json.dumps(RECORD).encode() + b"\n"
    data = line * 90_000
    assert len(data) > 2 * 1024 * 1024
    found = rest.post(url(rest), content=data).json()
    assert (found["kind"], found["records"], found["valid"]) == ("ndjson", 90_000, True)


def test_a_form_of_megabytes(rest: httpx.Client) -> None:
    data = packed(json.loads(V1), [RECORD] * 90_000)
    found = rest.post(url(rest), files={"file": ("orders.avro", data)}).json()
    assert (found["kind"], found["records"], found["valid"]) == ("avro", 90_000, True)


def test_too_large_a_file_is_refused_with_the_bound(rest: httpx.Client) -> None:
    for sent in ({"content": b" " * (MAX_BYTES + 1)}, {"files": {"file": b"x" * (MAX_BYTES * 2)}}):
        answer = rest.post(url(rest), **sent)
        assert answer.status_code == 413, answer.text
        assert answer.json()["status"] == 413
