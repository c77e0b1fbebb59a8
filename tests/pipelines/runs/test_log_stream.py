"""The stream of a running job's log: what each look says, how it resumes, and who may read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from idp.changes.stream import Refused
from pipelines.runs import logview, stream
from pipelines.runs.models import Attempt, LogChunk
from rbac.actors import Actor
from rbac.services import create_token
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.factories import make_attempt, make_job, make_pipeline


def write(attempt: Attempt, data: bytes) -> None:
    LogChunk.objects.create(attempt=attempt, start=attempt.log_size, data=data)
    attempt.log_size += len(data)
    attempt.save(update_fields=["log_size"])


@pytest.fixture
def attempt(world: World) -> Attempt:
    job = make_job(make_pipeline(world.project, status="running"), "build", status="running")
    return make_attempt(job, status="running", finished_at=None)


def scope(world: World, person: str, query: str, **headers: str) -> dict[str, Any]:
    user = getattr(world.people, person)
    ends = timezone.now() + timedelta(hours=1)
    _, text = create_token(
        Actor(user), user=user, name="log", permissions=[], scope=None, expires_at=ends
    )
    every = {"authorization": f"Bearer {text}"} | headers
    return {
        "method": "GET",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in every.items()],
    }


def test_each_look_says_what_is_new(world: World, attempt: Attempt) -> None:
    reader = stream._admit(scope(world, "viewer", f"attempt={attempt.pk}"))
    assert stream.look(reader) == stream.Step([])
    write(attempt, b"one\ntw")
    found = stream.look(reader)
    assert [what for what, _ in found.ops] == ["line"]
    assert ('id="L1"' in found.ops[0][1], found.rest) == (True, "tw")
    assert stream.look(reader) == stream.Step([])
    write(attempt, b"o\n\x1b[31mred")
    assert 'id="L2"' in stream.look(reader).ops[0][1]
    resumed = stream._admit(
        scope(world, "viewer", f"attempt={attempt.pk}", **{"last-event-id": reader.position})
    )
    Attempt.objects.filter(pk=attempt.pk).update(status="success")
    last = stream.look(resumed)
    assert 'id="L3"' in last.ops[0][1]
    assert '<span class="ansi-red">red</span>' in last.ops[0][1]
    assert last.ended == "success"


def test_the_page_says_where_the_stream_goes_on(world: World, attempt: Attempt) -> None:
    write(attempt, b"section_start:1:a\r\x1b[0KA\none\nhalf")
    client = Client()
    client.force_login(world.people.viewer)
    page = client.get(f"/pipelines/jobs/{attempt.job_id}/").content.decode()
    found = logview.view(attempt)
    position = f"{found.offset}:{found.screen.mark}"
    assert f'data-position="{position}"' in page
    assert "half" not in page
    assert "data-log-open" in page
    reader = stream._admit(scope(world, "viewer", f"attempt={attempt.pk}&position={position}"))
    write(attempt, b" done\nsection_end:4:a\r\x1b[0K\n")
    assert [what for what, _ in stream.look(reader).ops] == ["line", "close"]


@pytest.mark.parametrize(
    ("person", "query", "status"),
    [
        ("stranger", "attempt={}", 404),
        ("viewer", "attempt=999999", 404),
        ("viewer", "attempt=x", 422),
        ("viewer", "attempt={}&position=1:nothing", 422),
    ],
)
def test_who_may_not_read_is_refused(
    world: World, attempt: Attempt, person: str, query: str, status: int
) -> None:
    with pytest.raises(Refused) as refused:
        stream._admit(scope(world, person, query.format(attempt.pk)))
    assert refused.value.status == status
    assert Client().get(f"/pipelines/jobs/{attempt.job_id}/").status_code == 302


def test_a_long_log_is_shown_in_parts_and_searched_as_one(
    world: World, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logview, "PART", 1000)
    for start in range(0, 300, 100):
        write(attempt, b"".join(b"line %d <x>\n" % n for n in range(start + 1, start + 101)))
    Attempt.objects.filter(pk=attempt.pk).update(status="success")
    client = Client()
    client.force_login(world.people.viewer)
    path = f"/pipelines/jobs/{attempt.job_id}/"
    page = client.get(path).content.decode()
    assert 'id="L300"' in page
    assert 'id="L12"' not in page
    assert 'rel="prev"' in page
    assert 'id="L12"' in client.get(f"{path}?line=12").content.decode()
    found = client.get(f"{path}?q=LINE+29+<").content.decode()
    assert "1 line<" in found
    assert '<a href="?line=29#L29"' in found
    assert "<mark>line 29 &lt;</mark>" in found
