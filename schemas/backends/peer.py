"""Another registry, asked over HTTP as Confluent's API has it: subjects, versions and settings.

Called by `schemas.transfer` in a worker. The address was given by a person and the answers come
from a stranger: the host is looked up once and its address judged and kept, redirects are not
followed, and each call is bounded in time and size.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx
from django.conf import settings

from idp.common import outgoing
from idp.common.errors import (
    Denied,
    Invalid,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)
from idp.common.networks import Address, allowed
from idp.common.outgoing import QUOTED
from idp.common.version import VERSION

SECONDS = 20.0  # of one call
MAX_BYTES = 16 * 1024 * 1024  # of one answer: a schema of a million characters, escaped
MAX_URL = 500
PAGE = 1_000
_FIX = "Name a registry that Slipway may reach; the operator allows networks in {}."
_FIX_ADDRESS = "Check the address: it is what clients have as schema.registry.url."
_SETTING = "SLIPWAY_SCHEMAS_IMPORT_NETWORKS"
_ACCEPT = "application/vnd.schemaregistry.v1+json, application/json"
_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True)
class Place:
    """Where a registry is: scheme, host, port and the path before its own."""

    scheme: str
    host: str
    port: int
    path: str


def address_of(url: str) -> Place:
    """The parts of a registry's URL; raises `Invalid` for one that cannot be asked."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Invalid("It is no URL.", fix="Write https://registry.example.org.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(url) > MAX_URL:
        raise Invalid("It is no web address.", fix="Write https://registry.example.org.")
    if parts.username or parts.password:
        raise Invalid(
            "The URL holds a user name or a password.", fix="Give them in their own fields."
        )
    if parts.query or parts.fragment or not url.isascii() or any(c <= " " for c in url):
        raise Invalid("The URL holds more than an address.", fix="Leave out ? and #.")
    host = parts.hostname
    if host.rstrip(".") == "localhost":
        _require(ipaddress.ip_address("127.0.0.1"), host)
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        literal = None
    if literal is not None:
        _require(literal, host)
    return Place(parts.scheme, host, port, parts.path.rstrip("/"))


def _require(address: Address, host: str) -> None:
    if not allowed(address, settings.SCHEMAS_IMPORT_NETWORKS):
        message = f"Slipway asks no registry at “{host[:100]}” ({address})."
        raise Invalid(message, fix=_FIX.format(_SETTING))


def _found(place: Place) -> str:
    """An address of the host, when every one that its name leads to is allowed."""
    try:
        entries = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TemporaryBackendError(f"The host “{place.host[:100]}” cannot be found.") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in entries]
    for address in addresses:
        _require(ipaddress.ip_address(address), place.host)
    return addresses[0]


class Peer:
    """A registry that is asked call by call over kept connections; close it at the end."""

    def __init__(self, url: str, *, user_name: str = "", secret: str = "") -> None:
        self.place = address_of(url)
        address = _found(self.place)
        shown = f"[{address}]" if ":" in address else address
        self._base = f"{self.place.scheme}://{shown}:{self.place.port}{self.place.path}"
        headers = {
            "Accept": _ACCEPT,
            "Accept-Encoding": "identity",
            "User-Agent": f"slipway/{VERSION}",
            "Host": urlsplit(url).netloc,
        }
        if secret and not user_name:
            headers["Authorization"] = f"Bearer {secret}"
        self._http = httpx.Client(
            headers=headers,
            auth=httpx.BasicAuth(user_name, secret) if user_name else None,
            timeout=httpx.Timeout(SECONDS / 2, connect=SECONDS / 4),
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    # -- what it holds --------------------------------------------------------------------------

    def subjects(self, prefix: str, *, deleted: bool, most: int) -> list[str]:
        """Qualified names, deleted ones too where asked for; reads no more than `most` + 1."""
        found: dict[str, None] = {}
        while len(found) <= most:
            names = self._list(
                "/subjects",
                subjectPrefix=prefix,
                deleted=_flag(deleted),
                offset=str(len(found)),
                limit=str(PAGE),
            )
            before = len(found)
            found.update(dict.fromkeys(_texts(names)))
            # Registries without paging answer everything, again and again.
            if len(found) == before or len(names) != PAGE:
                break
        return list(found)

    def versions(self, subject: str, *, deleted: bool) -> list[int]:
        """Numbers, oldest first; none where the subject has no such version."""
        try:
            answer = self._list(f"/subjects/{_part(subject)}/versions", deleted=_flag(deleted))
        except NotFound:
            return []
        if not all(isinstance(number, int) and number > 0 for number in answer):
            raise PermanentBackendError(f"It names versions of {subject[:100]} that are none.")
        return sorted(answer)

    def version(self, subject: str, number: int) -> dict[str, Any]:
        """One version as the registry writes it, deleted or not."""
        path = f"/subjects/{_part(subject)}/versions/{number}"
        return self._object(path, deleted="true")

    def settings(self, place: str) -> dict[str, Any]:
        """A place's own configuration and mode; empty where it has none. "": the registry's."""
        config = self._optional("/config", place)
        mode = self._optional("/mode", place).get("mode")
        return {**config, "mode": mode} if isinstance(mode, str) else config

    # -- calls ------------------------------------------------------------------------------------

    def _optional(self, path: str, place: str) -> dict[str, Any]:
        try:
            return self._object(f"{path}/{_part(place)}" if place else path)
        except NotFound:
            return {}

    def _list(self, path: str, **params: str) -> list[Any]:
        answer = self._get(path, params)
        if not isinstance(answer, list):
            raise PermanentBackendError(f"{self.place.host} does not answer {path} with a list.")
        return answer

    def _object(self, path: str, **params: str) -> dict[str, Any]:
        answer = self._get(path, params)
        if not isinstance(answer, dict):
            raise PermanentBackendError(f"{self.place.host} does not answer {path} with an object.")
        return answer

    def _get(self, path: str, params: dict[str, str]) -> Any:
        extensions = {"sni_hostname": self.place.host}
        try:
            with self._http.stream(
                "GET", self._base + path, params=params, extensions=extensions
            ) as answer:
                body = outgoing.read(answer, self.place.host, most=MAX_BYTES, seconds=SECONDS)
                self._judge(answer.status_code, path)
        except httpx.TimeoutException as error:
            raise TemporaryBackendError(f"{self.place.host} did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TemporaryBackendError(f"{self.place.host} cannot be asked: {error}.") from error
        return outgoing.decoded(body, self.place.host, path, fix=_FIX_ADDRESS)

    def _judge(self, status: int, path: str) -> None:
        host = self.place.host
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status < HTTPStatus.BAD_REQUEST:
            raise PermanentBackendError(
                f"{host} sends elsewhere; that is not followed.", fix="Give the address it names."
            )
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise Denied(
                f"{host} does not let Slipway in (HTTP {status}).",
                fix="Check the user name and the password, or the token.",
            )
        if status == HTTPStatus.NOT_FOUND:
            raise NotFound(f"{host} has no {path[:QUOTED]}.")
        if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TemporaryBackendError(f"{host} failed to answer (HTTP {status}).")
        raise PermanentBackendError(f"{host} refuses {path[:QUOTED]} (HTTP {status}).")


def _part(name: str) -> str:
    return quote(name, safe="")


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _texts(values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise PermanentBackendError("It names subjects that are no texts.")
    return values
