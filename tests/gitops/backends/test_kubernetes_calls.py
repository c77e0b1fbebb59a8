from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
import urllib3
from urllib3.exceptions import ConnectTimeoutError, ProtocolError, SSLError

from gitops import kinds
from gitops.backends import deadline
from gitops.backends.base import ObjectRef
from gitops.backends.kubernetes import KubernetesTarget, config
from gitops.backends.kubernetes.http import Api, refused, unreachable
from idp.common.errors import (
    BackendError,
    Conflict,
    Denied,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)


def kubeconfig(user: dict[str, Any] | None = None, **cluster: Any) -> str:
    return json.dumps(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1", **cluster}}],
            "users": [{"name": "u", "user": {"token": "t"} if user is None else user}],
        }
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it names no cluster"),
        ("a: [", "it is not YAML"),
        (kubeconfig({"exec": {"command": "sh"}}), r"signs in by a program \(exec\)"),
        (kubeconfig({"auth-provider": {}}), r"signs in by a program \(auth-provider\)"),
        (kubeconfig({"client-key": "/etc/passwd"}), "client-key names a file"),
        (kubeconfig({"tokenFile": "/etc/passwd"}), "tokenFile names a file"),
        (kubeconfig(**{"certificate-authority": "/etc/ca"}), "certificate-authority names a file"),
        (kubeconfig(server="http://127.0.0.1"), "is not an https address"),
        (kubeconfig().replace('"current-context": "c"', '"a": "b"'), "contexts has no “None”"),
    ],
)
def test_a_kubeconfig_that_would_run_or_read_something_is_refused(text: str, message: str) -> None:
    with pytest.raises(PermanentBackendError, match=message) as caught:
        config.read(text)
    assert caught.value.fix


def status(code: int, message: str = "because", **more: Any) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "message": message, **more}).encode()


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (401, Denied, "does not accept Slipway's credentials"),
        (403, Denied, "refuses: because"),
        (404, NotFound, "because"),
        (409, Conflict, "because"),
        (422, PermanentBackendError, "because"),
        (429, TemporaryBackendError, "is busy: because"),
        (503, TemporaryBackendError, "is busy"),
    ],
)
def test_answers_become_our_errors(code: int, kind: type[BackendError], message: str) -> None:
    error = refused("prod", code, {}, status(code))
    assert type(error) is kind
    assert message in error.message


def test_a_busy_server_says_when_to_come_again() -> None:
    error = refused("prod", 429, {"Retry-After": "7"}, b"no json")
    assert isinstance(error, TemporaryBackendError)
    assert error.retry_after == 7


def test_an_invalid_document_names_its_fields() -> None:
    causes = [{"field": "spec.replicas", "message": "must be positive"}]
    error = refused("prod", 422, {}, status(422, details={"causes": causes}))
    assert error.fix == "spec.replicas: must be positive"


@pytest.mark.parametrize(
    ("exc", "kind", "message"),
    [
        (SSLError("self-signed"), PermanentBackendError, "certificate is not trusted"),
        (ConnectTimeoutError(None, "x"), TemporaryBackendError, "did not answer in time"),
        (ProtocolError("reset"), TemporaryBackendError, "cannot be reached"),
    ],
)
def test_silence_becomes_our_errors(exc: Exception, kind: type[BackendError], message: str) -> None:
    error = unreachable("prod", exc)
    assert isinstance(error, kind)
    assert message in error.message


@pytest.mark.loopback
def test_a_cluster_that_is_not_there_fails_its_connection_test() -> None:
    (finding,) = KubernetesTarget("gone", kubeconfig()).check()
    assert not finding.ok
    assert "Cluster gone cannot be reached" in finding.message


def test_a_kubeconfig_that_cannot_be_used_fails_the_connection_test() -> None:
    (finding,) = KubernetesTarget("bad", "nonsense").check()
    assert "names no cluster" in finding.message


class Scripted(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, Any]]] = {}

    def do_GET(self) -> None:
        code, body = self.answers.get(self.path.partition("?")[0], (404, {}))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


class FakeClient:
    """The two things that `Api` takes from the official client."""

    def __init__(self, host: str) -> None:
        self.rest_client = self
        self.pool_manager = urllib3.PoolManager()
        self.configuration = self
        self.host = host
        self.username = ""

    def get_api_key_with_prefix(self, _: str) -> str:
        return "Bearer t"


@pytest.fixture
def scripted() -> Iterator[Callable[[dict[str, tuple[int, Any]]], KubernetesTarget]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    Thread(target=server.serve_forever, daemon=True).start()

    def make(answers: dict[str, tuple[int, Any]]) -> KubernetesTarget:
        Scripted.answers = answers
        target = KubernetesTarget("fake", "")
        api = Api("fake", FakeClient(f"http://127.0.0.1:{server.server_port}"))
        discovery = type(target)._discovery.fget.__globals__["Discovery"](api)
        target._made = (api, discovery)
        return target

    yield make
    server.shutdown()
    server.server_close()


def served(review: dict[str, Any]) -> dict[str, tuple[int, Any]]:
    """A server of every kind that Slipway makes; `review` answers each question about rights."""
    answers: dict[str, tuple[int, Any]] = {"/version": (200, {"gitVersion": "v1.36.1"})}
    for api, kind in kinds.CLUSTER_KINDS:
        path = f"/apis/{api}" if "/" in api else f"/api/{api}"
        found = answers.setdefault(path, (200, {"resources": []}))[1]["resources"]
        found.append({"name": kind, "kind": kind, "namespaced": kind != "Namespace"})
    answers["/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = (201, review)
    return answers


CORE = {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True}]}


@pytest.mark.loopback
def test_a_watch_that_fell_behind_asks_for_a_new_list(scripted: Any) -> None:
    gone = b'{"type":"ERROR","object":{"code":410}}\n'
    target = scripted({"/api/v1": (200, CORE), "/api/v1/pods": (200, gone)})
    assert [event.type for event in target.watch("v1", "Pod", version="1")] == ["RELIST"]
    target = scripted({"/api/v1": (200, CORE), "/api/v1/pods": (410, {})})
    assert [event.type for event in target.watch("v1", "Pod", version="1")] == ["RELIST"]


@pytest.mark.loopback
def test_missing_rights_are_named_by_the_connection_test(scripted: Any) -> None:
    first, *rest = scripted(served({"status": {}})).check()
    assert first.message == "Kubernetes v1.36.1 answers."
    assert not any(finding.ok for finding in rest)
    assert rest[0].fix.startswith("Bind a ClusterRole with get, list, create, patch, delete on")
    asked = {finding.check.rpartition(" ")[2] for finding in rest}
    assert {kind for _, kind in kinds.CLUSTER_KINDS} | {"pods", "pods/log", "events"} == asked


@pytest.mark.loopback
def test_a_kind_that_the_cluster_does_not_serve_is_named(scripted: Any) -> None:
    answers = served({"status": {"allowed": True}})
    del answers["/apis/autoscaling/v2"]
    bad = [finding for finding in scripted(answers).check() if not finding.ok]
    assert [finding.check for finding in bad] == ["May manage HorizontalPodAutoscaler"]


@pytest.mark.loopback
@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[1]"])
def test_what_is_no_api_server_says_so(scripted: Any, body: bytes) -> None:
    (finding,) = scripted({"/version": (200, body)}).check()
    assert not finding.ok
    assert "is no Kubernetes API server" in finding.message
    assert "address" in finding.fix


@pytest.mark.loopback
def test_a_test_that_runs_out_of_time_keeps_what_it_found(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = scripted(served({"status": {"allowed": True}}))
    now = iter(range(1_000))
    monkeypatch.setattr(deadline.time, "monotonic", lambda: float(next(now)))
    with deadline.within(60):
        found = target.check()
    assert [finding.ok for finding in found[:2]] == [True, True]
    assert not found[-1].ok
    assert "answers too slowly" in found[-1].message


@pytest.mark.loopback
def test_a_log_that_runs_out_of_time_shows_what_was_read(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods = [{"metadata": {"name": n, "namespace": "a"}, "spec": {"containers": [{"name": "web"}]}}
            for n in ("p", "q")]  # fmt: skip
    answers = {"/api/v1": (200, CORE), "/api/v1/namespaces/a/pods": (200, {"items": pods})}
    log = (200, b"2026-01-01T00:00:00.000000000Z hello\n")
    target = scripted({**answers, "/api/v1/namespaces/a/pods/p/log": log})
    read = target._api.text

    def slow(path: str, query: Any) -> Any:
        text = read(path, query)
        monkeypatch.setattr(deadline.time, "monotonic", lambda: 1e9)
        return text

    monkeypatch.setattr(target._api, "text", slow)
    with deadline.within(60):
        lines = target.logs("a", labels={})
    assert [(line.pod, line.text[:5]) for line in lines] == [("p", "hello"), ("q", "It an")]


@pytest.mark.loopback
def test_a_silent_server_holds_a_deadline_and_no_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        api = Api("fake", FakeClient(address))  # type: ignore[arg-type]  # the parts that are read
        begun = time.monotonic()
        with deadline.within(0.5):
            with pytest.raises(TemporaryBackendError, match="did not answer in time"):
                api.call("GET", "/version")
            with pytest.raises(deadline.OutOfTime):
                api.call("GET", "/version")
        assert time.monotonic() - begun < 5


@pytest.mark.loopback
def test_a_refused_read_is_denied(scripted: Any) -> None:
    target = scripted({"/api/v1": (200, CORE), "/api/v1/namespaces/a/pods/p": (403, {})})
    with pytest.raises(Denied, match="Cluster fake refuses: HTTP 403"):
        target.get(ObjectRef("v1", "Pod", "p", "a"))
