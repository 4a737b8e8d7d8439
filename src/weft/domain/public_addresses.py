"""Public addresses: those of hosts that anyone may call, and not this machine, its network or its cloud's own services.

An IPv6 address that stands for one of IPv4 (mapped, NAT64, 6to4) is as public as that one. Of the others only those
that are given out to hosts are public: not those of a link, a site or a machine, nor tunnels (Teredo).
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from weft.domain.errors import Invalid

_HOSTS: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_SPECIAL: Final = (IPv6Network("2001::/23"), IPv6Network("3fff::/20"))
"""Among them Teredo, which holds addresses of IPv4 in another form; and the newer of those for documentation."""
_SPECIAL_V4: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Of protocols, and of relays; Python's own tables had them in part."""


def is_public(address: str) -> bool:
    """Whether it is the number of a host that anyone may call; False for what is no address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return _is_public_v4(found)
    inner = _inner(found)
    if inner is not None:
        return _is_public_v4(inner)
    return found.is_global and found in _HOSTS and not any(found in one for one in _SPECIAL)


def public_addresses(host: str, port: int) -> list[str]:
    """The addresses of ``host``, each once, in the system's order. Raises Invalid where one is not public, and where
    there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        found = []
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not addresses or not all(map(is_public, addresses)):
        raise not_public(host)
    return addresses


def not_public(host: str) -> Invalid:
    return Invalid(
        f"{host[:200]} is refused: this server calls only public hosts at addresses that collections and requests name "
        "(MODULES_VALIDATE_BASE_URL); its operator can allow others with WEFT_PROVIDER_HOSTS"
    )


def _is_public_v4(address: IPv4Address) -> bool:
    special = address.is_multicast or address.is_reserved or any(address in one for one in _SPECIAL_V4)
    return address.is_global and not special


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The address of IPv4 that it stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF) if address in _SIX_TO_FOUR else None
