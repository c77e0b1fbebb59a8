"""Which addresses Slipway goes to when somebody else names the host.

Called before every connection to a live database, another registry or a git host, so that it leads
neither to this machine nor to its neighbours on the link (a cloud's metadata), nor out of what the
operator allows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from django.conf import settings

from idp.common.conf import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Metadata of clouds that lies outside the link's own addresses.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)


def allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks; without any, it is not this machine's."""
    address = _inner(address)
    if networks:
        return any(address.version == one.version and address in one for one in networks)
    if address.is_loopback:
        return bool(settings.EMBEDDED)  # a developer's own machine
    shut = address.is_link_local or address.is_multicast or address.is_unspecified
    return not (shut or address in _METADATA)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one only wraps (RFC 4291, 6052, 3056), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address
