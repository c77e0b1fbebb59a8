"""Which addresses Slipway goes to when somebody else names the host.

Called before every connection to a live database or another registry, so that it leads neither to
this machine nor to its neighbours on the link (a cloud's metadata), nor out of what the operator
allows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from django.conf import settings

from idp.common.conf import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks; without any, it is not this machine's."""
    address = getattr(address, "ipv4_mapped", None) or address
    if networks:
        return any(address.version == one.version and address in one for one in networks)
    if address.is_loopback:
        return bool(settings.EMBEDDED)  # a developer's own machine
    return not (address.is_link_local or address.is_multicast or address.is_unspecified)
