"""Which addresses Slipway goes to for a live database: checked when one is registered and read.

A project's maintainers name the address, so it must not lead to this machine or its neighbours on
the link (a cloud's metadata), nor out of the networks that the operator allows.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

from django.conf import settings

from idp.common.errors import Invalid, TemporaryBackendError
from idp.common.networks import Address, allowed
from schemas.backends.postgres import connection_parameters

_FIX = "Name a database that Slipway may reach; the operator allows networks in {}."
_SETTING = "SLIPWAY_SCHEMAS_DATABASE_NETWORKS"


def check_url(url: str) -> None:
    """Raise `Invalid` for a URL that no database of a project can have; looks up no name."""
    host = str(connection_parameters(url)["host"])
    if host.rstrip(".").lower() == "localhost":
        _require(ipaddress.ip_address("127.0.0.1"), host)
    with suppress(ValueError):
        _require(ipaddress.ip_address(host), host)


def check_reach(url: str) -> str:
    """The address to connect to, now that it is read; raises `Invalid` for a forbidden one.

    The name is looked up once: a second answer could lead elsewhere than the one that was judged.
    """
    parameters = connection_parameters(url)
    host = str(parameters["host"])
    try:
        found = socket.getaddrinfo(host, parameters["port"], type=socket.SOCK_STREAM)
    except OSError as error:
        raise TemporaryBackendError(f"The host “{host[:100]}” cannot be found.") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        _require(address, host)
    return str(addresses[0])


def shown(url: str) -> str:
    """Where a URL leads and as whom, without its password."""
    one = connection_parameters(url)
    return f"{one['host']}:{one['port']}/{one['dbname']} as {one['user']}"


def _require(address: Address, host: str) -> None:
    if not allowed(address, settings.SCHEMAS_DATABASE_NETWORKS):
        message = f"Slipway reads no database at “{host[:100]}” ({address})."
        raise Invalid(message, fix=_FIX.format(_SETTING))
