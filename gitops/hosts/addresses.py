"""Which git hosts Slipway goes to: those that the operator lists, where they may be asked."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from idp.common.errors import FieldError, Invalid, TemporaryBackendError
from idp.common.networks import Address, allowed

MAX_URL = 300
_PATH = re.compile(r"(/[\w.~-]+)*/?")
_REPOSITORY = re.compile(r"(?!\.)[\w.-]{1,100}(?:/(?!\.)[\w.-]{1,100}){1,5}", re.ASCII)


@dataclass(frozen=True)
class Where:
    """A host's address in parts; `path` without its last slash."""

    scheme: str
    host: str
    port: int
    path: str
    netloc: str

    @property
    def usual_port(self) -> bool:
        return self.port == (443 if self.scheme == "https" else 80)


def _wrong(field: str, rule: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(field, rule, message, fix)])


def where(url: str) -> Where:
    """The parts of a host's base URL; raises `Invalid` for one that Slipway does not go to."""
    fix = "Write it as people open it: https://git.example.com."
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _wrong("base_url", "format", "It is no web address.", fix) from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or len(url) > MAX_URL:
        raise _wrong("base_url", "format", "It is no web address.", fix)
    if parts.username or parts.password or "@" in parts.netloc:
        raise _wrong(
            "base_url",
            "credentials",
            "The address holds a user name or a password.",
            "Leave them out; the token has its own field.",
        )
    plain = url.isascii() and not parts.query and not parts.fragment
    if not plain or not _PATH.fullmatch(parts.path):
        raise _wrong("base_url", "format", "The address holds more than a host and a path.", fix)
    found = Where(parts.scheme, parts.hostname, port, parts.path.rstrip("/"), parts.netloc)
    _require_listed(found)
    return found


def _require_listed(found: Where) -> None:
    names = {found.host, f"{found.host}:{found.port}"}
    if not names & {name.lower() for name in settings.GIT_HOSTS}:
        raise _wrong(
            "base_url",
            "listed",
            f"“{found.host[:100]}” is no git host that the operator allows.",
            f"Take one of: {', '.join(settings.GIT_HOSTS) or 'none is listed'}; the operator lists"
            " others in SLIPWAY_GIT_HOSTS.",
        )


def repository_name(name: str) -> str:
    """The same name; raises `Invalid` for what is not `owner/name`."""
    if not _REPOSITORY.fullmatch(name) or name.endswith(".git"):
        raise _wrong(
            "path",
            "format",
            f"“{name[:60]}” is no repository.",
            "Write owner/name as the address has it, without .git.",
        )
    return name


def address_of(found: Where) -> str:
    """An address of the host, when each one that its name leads to may be asked."""
    try:
        entries = socket.getaddrinfo(found.host, found.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TemporaryBackendError(f"The host “{found.host[:100]}” cannot be found.") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in entries]
    for address in addresses:
        _require_allowed(ipaddress.ip_address(address), found)
    return addresses[0]


def _require_allowed(address: Address, found: Where) -> None:
    if not allowed(address, settings.GIT_NETWORKS):
        raise _wrong(
            "base_url",
            "network",
            f"“{found.host[:100]}” leads to {address}, where Slipway does not go.",
            "The operator allows networks in SLIPWAY_GIT_NETWORKS.",
        )
