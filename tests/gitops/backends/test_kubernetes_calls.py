from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
import urllib3
from urllib3.exceptions import ConnectTimeoutError, ProtocolError, SSLError

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
    review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answers = {"/version": (200, {"gitVersion": "v1.36.1"}), review: (201, {"status": {}})}
    first, *rest = scripted(answers).check()
    assert first.message == "Kubernetes v1.36.1 answers."
    assert not any(finding.ok for finding in rest)
    assert rest[0].fix.startswith("Bind a ClusterRole with get, list, create, patch, delete on")


@pytest.mark.loopback
def test_a_refused_read_is_denied(scripted: Any) -> None:
    target = scripted({"/api/v1": (200, CORE), "/api/v1/namespaces/a/pods/p": (403, {})})
    with pytest.raises(Denied, match="Cluster fake refuses: HTTP 403"):
        target.get(ObjectRef("v1", "Pod", "p", "a"))
