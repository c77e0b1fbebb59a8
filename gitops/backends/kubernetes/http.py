"""A thin keep-alive path to the API server: one call, one deadline, errors in our own words.

The official client's models cost several times the call itself; documents are dicts on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes.client import ApiClient
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as Urllib3Timeout

from gitops.backends.deadline import left
from idp.common.errors import (
    BackendError,
    Conflict,
    Denied,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)

CONNECT, READ = 3.0, 20.0  # seconds
APPLY = "application/apply-patch+yaml"
_OK, _REDIRECT = 200, 300


class Api:
    """The API server of one cluster."""

    def __init__(self, cluster: str, client: ApiClient) -> None:
        self.cluster = cluster
        self._client = client
        self._pool: urllib3.PoolManager = client.rest_client.pool_manager
        self._host = str(client.configuration.host).rstrip("/")

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        read: float = READ,
    ) -> Any:
        """The answer's document; raises `BackendError` kinds."""
        response = self.open(
            method, path, query=query, body=body, content_type=content_type, read=read, stream=False
        )
        try:
            found = json.loads(response.data or b"{}")
        except ValueError as exc:
            raise self._no_api_server() from exc
        if not isinstance(found, dict):
            raise self._no_api_server()
        return found

    def _no_api_server(self) -> PermanentBackendError:
        return PermanentBackendError(
            f"Cluster {self.cluster}: what answers at {self._host} is no Kubernetes API server.",
            fix="Correct the server's address in the kubeconfig.",
        )

    def text(self, path: str, query: Mapping[str, Any]) -> str:
        response = self.open("GET", path, query=query, stream=False)
        return bytes(response.data).decode("utf-8", "replace")

    def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        read: float = READ,
        stream: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """The response itself, for streams; the caller closes it."""
        url = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": content_type}
        headers |= self._credentials()
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=urllib3.Timeout(
                    total=left(CONNECT + read), connect=left(CONNECT), read=left(read)
                ),
                retries=False,
                redirect=False,
                preload_content=not stream,
            )
        except HTTPError as exc:
            raise unreachable(self.cluster, exc) from exc
        if not _OK <= response.status < _REDIRECT:
            raise refused(self.cluster, response.status, response.headers, response.data)
        return response

    def _credentials(self) -> dict[str, str]:
        configuration = self._client.configuration
        found = {}
        token = configuration.get_api_key_with_prefix("authorization")
        if token:
            found["Authorization"] = str(token)
        elif configuration.username:
            found["Authorization"] = str(configuration.get_basic_auth_token())
        return found


def unreachable(cluster: str, exc: Exception) -> BackendError:
    """A call that got no answer."""
    cause = exc.reason if isinstance(exc, MaxRetryError) else exc
    if isinstance(cause, SSLError):
        return PermanentBackendError(
            f"Cluster {cluster}: the server's certificate is not trusted: {cause}",
            fix="Put the cluster's CA into certificate-authority-data of the kubeconfig.",
        )
    # urllib3 counts a refused connection among the time-outs.
    if isinstance(cause, Urllib3Timeout) and not isinstance(cause, NewConnectionError):
        return TemporaryBackendError(f"Cluster {cluster} did not answer in time.", retry_after=2)
    return TemporaryBackendError(
        f"Cluster {cluster} cannot be reached: {str(cause)[:200]}",
        fix="Check that the API server runs and that Slipway may connect to it.",
        retry_after=5,
    )


def refused(
    cluster: str, status: int, headers: Mapping[str, str], data: bytes | None
) -> BackendError:
    """An answer that is not a success: a `Status` document of the API server, mostly."""
    answer = _status(data)
    said = str(answer.get("message") or f"HTTP {status}")[:1000]
    if status == 401:  # noqa: PLR2004 - HTTP's own numbers, here and below
        return Denied(
            f"Cluster {cluster} does not accept Slipway's credentials.",
            fix="Renew the token or certificate in the cluster's kubeconfig.",
        )
    if status == 403:  # noqa: PLR2004 - as above
        quota = "exceeded quota" in said or "must specify" in said
        fix = "Ask for a larger quota, or use less." if quota else "Bind a role that may do it."
        return Denied(f"Cluster {cluster} refuses: {said}", fix=fix)
    named = {404: NotFound, 410: NotFound, 409: Conflict}
    if status in named and answer.get("reason") != "NamespaceTerminating":
        return named[status](f"Cluster {cluster}: {said}")
    if status == 429 or status >= 500:  # noqa: PLR2004 - as above
        wait = _seconds(headers.get("Retry-After", "")) or 2.0
        return TemporaryBackendError(f"Cluster {cluster} is busy: {said}", retry_after=wait)
    causes = answer.get("details", {}).get("causes") or []
    fields = "; ".join(f"{c.get('field')}: {c.get('message')}" for c in causes)
    return PermanentBackendError(f"Cluster {cluster} refuses: {said}", fix=fields)


def _status(data: bytes | None) -> dict[str, Any]:
    try:
        answer = json.loads(data or b"{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(text: str) -> float:
    return min(float(text), 300.0) if text.isdecimal() else 0.0
