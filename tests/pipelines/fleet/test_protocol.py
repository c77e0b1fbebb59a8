"""What an agent may not do: each call by hand, as whoever holds a token could make it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from django.utils import timezone
from pytest_django import Settings

from idp.common.errors import PermanentBackendError, SlipwayError, TemporaryBackendError
from pipelines.agent import forms
from pipelines.agent.clients import Connection, Token
from pipelines.agent.forms import Order
from pipelines.agent.keeper import RemoteFiles
from pipelines.backends import blobs
from pipelines.executors.checkouts import Checkouts
from pipelines.fleet import claims, services
from pipelines.fleet.models import Agent
from pipelines.running import archives
from pipelines.running.afresh import FilesError
from pipelines.runs import commits, logs
from pipelines.runs.models import Artifact, Attempt, LogChunk
from pipelines.runs.services import ending
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.pipelines.fleet.conftest import Caller, World

pytestmark = pytest.mark.django_db
SECOND = "b: {stage: deploy, script: [echo]}"
JOB = "job: {script: [echo], artifacts: {paths: [out], reports: {dotenv: env, junit: x.xml}}}"


def claimed(world: World, caller: Caller, text: str = JOB) -> Order:
    world.start(text)
    (order,) = caller.claim().orders
    return order


def zipped(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return target.getvalue()


def put(caller: Caller, order: Order, path: str, data: bytes, **headers: str) -> Any:
    digest = {forms.DIGEST: hashlib.sha256(data).hexdigest(), **headers}
    return caller.call("PUT", f"attempts/{order.attempt}/{path}", data, order.lease, **digest)


def post(caller: Caller, order: Order, path: str, body: Any, lease: str = "") -> Any:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return caller.call("POST", f"attempts/{order.attempt}/{path}", data, lease or order.lease)


class TestToken:
    @pytest.mark.parametrize("text", ["", "slp_abc", "sla_000000000000_" + "x" * 43])
    def test_nobodys_token_is_refused(self, made: Any, text: str) -> None:
        answer = Caller(text).call("POST", "claim", b"{}")
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"

    def test_it_ends_by_itself(self, caller: Caller) -> None:
        Agent.objects.update(token_until=timezone.now() - timedelta(seconds=1))
        assert caller.call("POST", "claim", b"{}").status_code == 401

    def test_the_next_counts_from_its_use_and_then_a_copy_of_the_old_is_named(
        self, caller: Caller, made: tuple[Agent, str]
    ) -> None:
        fresh = Caller(json.loads(caller.call("POST", "rotate", b"{}").content)["token"])
        assert caller.claim().orders == ()  # not used yet: the old one is still alive
        assert fresh.claim().orders == ()
        assert caller.call("POST", "claim", b"{}").status_code == 401
        agent = Agent.objects.get()
        assert "there is a copy of it" in agent.warning
        assert AuditRecord.objects.filter(action="agent.token", outcome="denied").exists()

    def test_two_processes_at_once_are_noticed_and_the_second_is_refused(
        self, caller: Caller, made: tuple[Agent, str]
    ) -> None:
        caller.claim()
        thief = Caller(made[1], instance="elsewhere")
        assert thief.call("POST", "claim", b"{}").status_code == 409
        assert "two processes at once" in Agent.objects.get().warning
        caller.call("POST", "leave")
        assert thief.claim().orders == ()

    def test_a_rotated_one_is_dead_at_once(self, caller: Caller, world: World) -> None:
        caller.claim()
        services.rotate(Actor(world.people.maintainer), Agent.objects.get().pk)
        assert caller.call("POST", "claim", b"{}").status_code == 401

    def test_that_of_somebody_who_is_gone_is_dead(self, caller: Caller, world: World) -> None:
        world.people.maintainer.is_active = False
        world.people.maintainer.save()
        assert caller.call("POST", "claim", b"{}").status_code == 401


class TestClaim:
    def test_secrets_come_after_the_claim_and_only_with_it(
        self, world: World, caller: Caller
    ) -> None:
        order = claimed(world, caller, "job: {script: [echo], variables: {A: b}}")
        assert order.variables["A"] == "b"
        assert order.variables["CI_JOB_ID"] == str(order.attempt)
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.agent) == ("running", Agent.objects.get())
        assert world.job(attempt.job.pipeline, "job").reason == "It runs on builder."

    def test_only_of_its_project_by_tags_and_without_images(
        self, world: World, caller: Caller
    ) -> None:
        world.start("{a: {script: [echo], tags: [gpu]}, b: {script: [echo], image: x}}")
        other = world.other()
        other.start("job: {script: [echo]}")
        assert caller.claim(slots=9).orders == ()
        Agent.objects.update(tags=["gpu"], ignores_images=True)
        assert caller.claim(slots=9, tags=()).orders[0].name == "b"
        assert [one.name for one in caller.claim(slots=9, holding=(2,)).orders] == ["a"]

    def test_no_more_than_its_slots(self, world: World, caller: Caller) -> None:
        world.start("job: {script: [echo], parallel: 3}")
        first = caller.claim(slots=9).orders
        assert len(first) == 2
        held = tuple(one.attempt for one in first)
        assert caller.claim(slots=9, holding=held).orders == ()

    def test_what_was_not_heard_is_told_again(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller)
        assert caller.claim().orders == (order,)
        assert caller.claim(holding=(order.attempt,)).orders == ()

    def test_a_paused_one_gets_nothing(self, world: World, caller: Caller) -> None:
        pipeline = world.start("job: {script: [echo]}")
        services.update(Actor(world.people.maintainer), Agent.objects.get().pk, paused=True)
        answer = caller.claim(wait=5)
        assert (answer.orders, answer.retry_after > 0) == ((), True)
        assert "is paused" in world.job(pipeline, "job").reason

    def test_where_too_many_wait_it_is_told_to_come_again(
        self, caller: Caller, settings: Settings
    ) -> None:
        settings.CI_AGENT_WAITING = 0
        assert caller.claim(wait=20).retry_after == claims.ASK_AGAIN

    def test_nothing_once_its_owner_may_no_more(self, world: World, caller: Caller) -> None:
        world.start("job: {script: [echo]}")
        world.people.maintainer.bindings.all().delete()
        Agent.objects.update(owner=world.people.stranger)
        assert caller.claim().orders == ()

    def test_one_of_all_that_its_maker_manages(self, world: World, settings: Settings) -> None:
        settings.CI_RUNNER_PROJECTS = []
        _, text = services.create(Actor(world.people.maintainer), name="mine", project=None)
        other = world.other()
        other.start("job: {script: [echo other]}")
        world.start("job: {script: [echo]}")
        (order,) = Caller(text).claim(slots=9).orders
        assert Attempt.objects.get(pk=order.attempt).project == world.project

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"slots": "x"}', b'{"odd": 1}', b"[" * 70_000])
    def test_no_form(self, caller: Caller, body: bytes) -> None:
        assert caller.call("POST", "claim", body).status_code == 422


class TestAttempt:
    def test_another_agents_is_not_there(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller)
        maintainer = Actor(world.people.maintainer)
        _, text = services.create(maintainer, name="second", project=world.project)
        second = Caller(text)
        for method, path in (
            ("POST", "log"), ("GET", "source"), ("GET", "cache?key=x"), ("POST", "finish"),
            ("GET", "needs/1"), ("PUT", "artifacts/archive"), ("PUT", "cache?key=x"),
        ):  # fmt: skip
            answer = second.call(method, f"attempts/{order.attempt}/{path}", b"{}", order.lease)
            assert answer.status_code == 404, path
        assert second.call("POST", "attempts/999/log", b"x").status_code == 404

    def test_a_lease_that_is_lost_or_guessed_writes_nothing(
        self, world: World, caller: Caller
    ) -> None:
        order = claimed(world, caller)
        for lease in ("", "1.", "1.00000000", order.lease.partition(".")[0]):
            assert post(caller, order, "log", b"x", lease or "-").status_code == 409
        Attempt.objects.update(lease_token=99)
        assert post(caller, order, "log", b"x").status_code == 409
        assert put(caller, order, "artifacts/archive", zipped(a=b"1")).status_code == 409
        assert claims_of(caller, order) == "lost"
        assert not LogChunk.objects.exists()

    def test_one_that_is_over_takes_nothing_more(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller)
        said = forms.Finish("failed", "script_failure", "it broke", 3)
        assert post(caller, order, "finish", said).status_code == 204
        assert post(caller, order, "finish", said).status_code == 204  # heard twice
        assert post(caller, order, "finish", forms.Finish("success")).status_code == 410
        assert post(caller, order, "log", b"x").status_code == 410
        attempt = Attempt.objects.get()
        assert (attempt.status, attempt.exit_code, attempt.message) == ("failed", 3, "it broke")

    @pytest.mark.parametrize(
        "said",
        [
            forms.Finish("running"), forms.Finish("failed", "x" * 99),
            forms.Finish("failed", "A b"), forms.Finish("success", coverage=1e308),
            forms.Finish("success", exit_code=2**40),
        ],
    )  # fmt: skip
    def test_no_end_that_there_is(self, world: World, caller: Caller, said: forms.Finish) -> None:
        assert post(caller, claimed(world, caller), "finish", said).status_code == 422

    def test_a_beat_renews_and_tells_of_a_cancel(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller)
        assert claims_of(caller, order) == "run"
        Attempt.objects.update(cancel=True)
        assert claims_of(caller, order) == "cancel"
        Attempt.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        ending.end_lost()
        assert claims_of(caller, order) == "lost"


def claims_of(caller: Caller, order: Order) -> str:
    body = msgspec.json.encode(forms.Beat({order.attempt: order.lease}))
    found = msgspec.json.decode(caller.call("POST", "beat", body).content, type=forms.Beaten)
    return found.attempts[order.attempt]


class TestLog:
    def log(self, caller: Caller, order: Order, offset: int, data: bytes) -> int:
        answer = post(caller, order, f"log?offset={offset}", data)
        assert answer.status_code == 200, answer.content
        return int(json.loads(answer.content)["offset"])

    def test_what_is_sent_twice_or_overlaps_stands_once(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller)
        assert self.log(caller, order, 0, b"one\n") == 4
        assert self.log(caller, order, 0, b"one\n") == 4
        assert self.log(caller, order, 2, b"e\ntwo\n") == 8
        assert logs.read(order.attempt)[0] == b"one\ntwo\n"

    def test_a_gap_is_what_the_agent_did_not_keep(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller)
        self.log(caller, order, 0, b"one\n")
        assert self.log(caller, order, 1_000_000, b"end\n") == 1_000_004
        assert b"999996 bytes are left out here" in logs.read(order.attempt)[0]

    def test_head_and_tail_are_kept_over_calls(
        self, world: World, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, size in (("HEAD", 1_000), ("TAIL", 300), ("CHUNK", 100)):
            monkeypatch.setattr(logs, name, size)
        order, at = claimed(world, caller), 0
        for number in range(500):
            at = self.log(caller, order, at, f"line {number:04d}\n".encode())
        text = logs.read(order.attempt)[0]
        assert text.startswith(b"line 0000\n")
        assert text.endswith(b"line 0499\n")
        assert len(text) < 1_700

    def test_too_much_at_once_and_no_offset(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller)
        assert post(caller, order, "log", b"x" * (forms.MAX_LOG + 1)).status_code == 422
        for offset in ("-1", "x", str(2**60), "9" * 30):
            assert post(caller, order, f"log?offset={offset}", b"x").status_code == 422


class TestFiles:
    def test_artifacts_are_kept_by_their_digest_and_once(
        self, world: World, caller: Caller
    ) -> None:
        order = claimed(world, caller)
        data = zipped(out__app=b"hello")
        assert put(caller, order, "artifacts/archive", data).status_code == 200
        assert put(caller, order, "artifacts/archive", data).status_code == 200
        row = Artifact.objects.get()
        assert (row.digest, row.entries) == (hashlib.sha256(data).hexdigest(), 1)
        with blobs.open_blob(row.digest) as file:
            assert file.read() == data

    def test_variables_of_a_dotenv_report_are_handed_on(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller)
        assert put(caller, order, "artifacts/dotenv", zipped(env=b"WHO=me")).status_code == 200
        post(caller, order, "finish", forms.Finish("success"))
        assert json.loads(Attempt.objects.get().dotenv) == {"WHO": "me"}

    @pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b", "a\\b"])
    def test_one_that_leads_outside(self, world: World, caller: Caller, name: str) -> None:
        order = claimed(world, caller)
        answer = put(caller, order, "artifacts/archive", zipped(**{name: b"x"}))
        assert answer.status_code == 422
        assert "leads out of the folder" in answer.json()["detail"]
        assert not Artifact.objects.exists()

    def test_a_zip_bomb(
        self, world: World, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = claimed(world, caller, "job: {script: [echo], artifacts: {paths: [out]}}")
        monkeypatch.setattr(archives.judge, "__defaults__", (1024 * 1024,))
        bomb = zipped(**{f"a{n}": bytes(600_000) for n in range(3)})
        assert len(bomb) < 10_000
        answer = put(caller, order, "artifacts/archive", bomb)
        assert (answer.status_code, "grows past" in answer.json()["detail"]) == (422, True)

    def test_what_is_not_what_it_says(
        self, world: World, caller: Caller, settings: Settings
    ) -> None:
        order = claimed(world, caller)
        data = zipped(a=b"1")
        wrong = {forms.DIGEST: "0" * 64}
        assert put(caller, order, "artifacts/archive", data, **wrong).status_code == 422
        assert put(caller, order, "artifacts/archive", b"no zip").status_code == 422
        assert put(caller, order, "artifacts/sast", data).status_code == 422  # not asked for
        settings.CI_AGENT_UPLOAD = 10
        assert put(caller, order, "artifacts/archive", data).status_code == 422
        assert not Artifact.objects.exists()

    def test_caches_come_and_go_apart_by_project(
        self, world: World, caller: Caller, settings: Any
    ) -> None:
        order = claimed(world, caller)
        path = f"attempts/{order.attempt}/cache?key=other&key=deps"
        assert caller.call("GET", path, b"", order.lease).status_code == 204
        assert put(caller, order, "cache?key=deps", zipped(deps__one=b"1")).status_code == 204
        answer = caller.call("GET", path, b"", order.lease)
        assert answer[forms.CACHE_KEY] == "deps"
        with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
            assert archive.read("deps/one") == b"1"
        settings.CI_CACHE_SIZE = 3
        answer = put(caller, order, "cache?key=deps", zipped(deps__one=b"four"))
        assert (answer.status_code, "it has 4 bytes" in answer.json()["detail"]) == (422, True)
        assert put(caller, order, f"cache?key={'x' * 3000}", zipped(a=b"1")).status_code == 422
        assert put(caller, order, "cache?key=x", zipped(**{"../a": b"1"})).status_code == 422

    def test_artifacts_of_another_project_are_not_there(self, world: World, caller: Caller) -> None:
        other = world.other()
        pipeline = other.start("job: {script: [echo]}")
        foreign = Artifact.objects.create(
            attempt=pipeline.jobs.get().attempts.get(), kind="archive", digest="0" * 64, size=1,
            entries=1, name="x",
        )  # fmt: skip
        order = claimed(world, caller)
        said = set()
        for pk in (foreign.pk, 999):
            path = f"attempts/{order.attempt}/needs/{pk}"
            answer = caller.call("GET", path, b"", order.lease)
            assert answer.status_code == 422
            said.add(answer.json()["detail"])
        assert said == {"The artifacts are gone, or they are not for this job."}

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (PermanentBackendError("There is no such commit."), 422),
            (TemporaryBackendError("The disk is busy."), 503),
        ],
    )
    def test_a_commit_that_cannot_be_had_loses_no_attempt(
        self,
        world: World,
        caller: Caller,
        monkeypatch: pytest.MonkeyPatch,
        error: SlipwayError,
        status: int,
    ) -> None:
        def fails(*_: Any, **__: Any) -> None:
            raise error

        order = claimed(world, caller)
        monkeypatch.setattr(Checkouts, "put", fails)
        answer = caller.call("GET", f"attempts/{order.attempt}/source", b"", order.lease)
        assert (answer.status_code, answer.json()["detail"]) == (status, error.message)
        assert post(caller, order, "finish", forms.Finish("failed")).status_code == 204

    def test_content_that_is_gone(self, world: World, caller: Caller) -> None:
        order = claimed(world, caller, "a: {script: [echo], artifacts: {paths: [out]}}\n" + SECOND)
        put(caller, order, "artifacts/archive", zipped(out__app=b"hello"))
        post(caller, order, "finish", forms.Finish("success"))
        (order,) = caller.claim().orders
        (need,) = order.needs
        blobs.store().delete(Artifact.objects.get().digest, older_than=-1)
        path = f"attempts/{order.attempt}/needs/{need.artifact}"
        answer = caller.call("GET", path, b"", order.lease)
        assert (answer.status_code, "no longer there" in answer.json()["detail"]) == (422, True)

    def test_a_repository_that_is_gone(
        self, world: World, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = claimed(world, caller)
        monkeypatch.setattr(commits, "of_pipeline", lambda _: None)
        answer = caller.call("GET", f"attempts/{order.attempt}/source", b"", order.lease)
        assert answer.status_code == 422


@pytest.mark.parametrize("status", [409, 422])
def test_what_an_agent_is_refused_is_not_asked_for_again(
    made: tuple[Agent, str], world: World, caller: Caller, status: int, tmp_path: Path
) -> None:
    order = claimed(world, caller)
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(status, json={"detail": "No such commit."})

    connection = Connection("http://slipway.test", Token(made[1]))
    connection._http = httpx.Client(transport=httpx.MockTransport(answer))
    with pytest.raises(FilesError, match="No such commit") as refused:
        RemoteFiles(connection, order).sources(tmp_path)
    connection.close()
    assert (len(asked), refused.value.reason) == (1, "runner_system_failure")
