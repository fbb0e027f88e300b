"""Web addresses that the app sends to: which ones are taken, and which never, in whatever spelling.

https only. http, and the loopback at all, are for trying things out where the app does not run in Azure.
Never: link-local addresses, behind one of which cloud platforms hand out their machines' identities, and what
else is no service's address. Private ranges are allowed: that is where an integration hub of one's own lives.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f.:]+")
_METADATA = frozenset({"168.63.129.16", "100.100.100.200", "fd00:ec2::254"})
"""What platforms answer their own machines at, besides the link-local address that they share."""
_EMBEDDED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))
"""IPv6 addresses that end in the IPv4 address they stand for: NAT64, SIIT, the old compatible form."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def web_address(value: str, *, allows_loopback: bool) -> str:
    """Return the address back. Raises ValueError with what is wrong, and never with the address itself."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not an https address") from None
    is_odd = not _HOST.fullmatch(host) or port == 0 or not value.isascii() or not value.isprintable()
    if is_odd or parts.scheme not in {"https", "http"} or set(value) & set(' "<>\\^`{|}'):
        raise ValueError("is not an https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user or a password, which an address must not")
    here = _is_loopback_name(host)
    address = numeric(host)
    if address is not None:
        here = is_loopback(address)
        if is_forbidden(address):
            raise ValueError("is an address that nothing is sent to: link-local, or of the platform itself")
    if here and not allows_loopback:
        raise ValueError("is an address of the machine itself, which is not taken in Azure")
    if parts.scheme == "http" and not here:
        raise ValueError("is not an https address (http is taken for the loopback alone, and not in Azure)")
    return value


def numeric(host: str) -> _Address | None:
    """Return the IP address that a host name is, in any of its spellings; None for a name.

    `2852039166`, `0xa9fea9fe` and `0251.0376.43518` are IPv4 addresses to C libraries and browsers.
    """
    bare = host.rstrip(".")
    if ":" in bare:
        try:
            return _inner(ipaddress.IPv6Address(bare.partition("%")[0]))
        except ValueError:
            return None
    if not re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", bare, re.IGNORECASE):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(bare))
    except OSError:
        return ipaddress.IPv4Address(0)  # a number that is no address: nothing to send to


def is_loopback(address: _Address) -> bool:
    """Return whether an address is the machine itself."""
    return address.is_loopback


def is_forbidden(address: _Address) -> bool:
    """Return whether nothing is ever sent to an address."""
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address in ipaddress.IPv4Network("0.0.0.0/8")
        or address == ipaddress.IPv4Address("255.255.255.255")
        or str(address) in _METADATA
    )


def _inner(address: ipaddress.IPv6Address) -> _Address:
    """Return the IPv4 address that an IPv6 address stands for, where it stands for one."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _EMBEDDED) and not (
        address.is_loopback or address.is_unspecified
    ):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_loopback_name(host: str) -> bool:
    bare = host.rstrip(".")
    return bare == "localhost" or bare.endswith(".localhost")
