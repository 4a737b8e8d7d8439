"""Connections: how many there are, in total and from one address, and which of them wait for too long.

A connection *works* from a request's head until its client has read the answer, but for the little that a transport
buffers; otherwise it *waits*. One that waits is closed after ``patience_s``, and earlier when a new one needs its
place: the one that has waited longest, from the same address where that has all it may have. A new one is refused with
503 where all others work. One whose client reads less than 480 kB of an answer in a minute is cut off.

Used by the event loop's thread alone.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from weft.settings.server import RestSettings
from weft.wire.rest.connection import RestConnection
from weft.wire.rest.secured_connection import SecuredConnection

_LOOK_EVERY_S: Final = 1.0
_UNREAD_S: Final = 60.0
_READ_BYTES: Final = 480_000
"""How much of an answer a client reads in this time, at least."""
_FEWEST: Final = 16
_NETWORK: Final = 64
"""The bits of an IPv6 address that a host does not choose itself."""


class Connections:
    """``most_each``: from one address, or one network of IPv6. ``tls``: None where they are in plain text."""

    def __init__(
        self,
        *,
        most: int,
        most_each: int,
        most_head_bytes: int,
        patience_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._most, self._most_each = most, most_each
        self._most_head_bytes = most_head_bytes
        self._patience_s = patience_s
        self._tls = tls
        self._look_every_s = min(_LOOK_EVERY_S, patience_s)
        self._counts: dict[str, int] = {}
        self._waiting: dict[str, dict[RestConnection, None]] = {}
        """By address; the one that has waited longest comes first."""
        self._stalled: dict[RestConnection, tuple[float, int]] = {}
        """Since when, and how many bytes are left to be sent."""
        self._open: set[RestConnection] = set()
        self._looks = False

    def make(self, **of_server: Any) -> RestConnection | SecuredConnection:
        """A new one, for the server to connect."""
        made = RestConnection(self, self._most_head_bytes, **of_server)
        return made if self._tls is None else SecuredConnection(made, self, self._tls)

    def __len__(self) -> int:
        return len(self._open)

    def add(self, one: RestConnection) -> None:
        """Closes another one where there are too many, or refuses this one."""
        one.address = network(one.client[0] if one.client else "")
        mine = self._counts.get(one.address, 0)
        if mine >= self._most_each:
            victim = self._oldest(one.address)
        elif len(self._open) >= self._most:
            victim = self._oldest_of_most()
        else:
            victim = one
        self._counts[one.address] = mine + 1
        self._open.add(one)
        if victim is None:
            one.refuse(503, "too many connections are open; try again in a moment")
            return
        if victim is not one:
            self._waiting[victim.address].pop(victim, None)
            victim.end()
        self.waits(one)
        if not self._looks:
            self._looks = True
            one.loop.call_later(self._look_every_s, self._look, one.loop)

    def discard(self, one: RestConnection) -> None:
        if one not in self._open:
            return
        self._open.remove(one)
        self._stalled.pop(one, None)
        self.works(one)
        left = self._counts.get(one.address, 0) - 1
        if left > 0:
            self._counts[one.address] = left
        else:
            self._counts.pop(one.address, None)
            self._waiting.pop(one.address, None)

    def works(self, one: RestConnection) -> None:
        waiting = self._waiting.get(one.address)
        if waiting is not None:
            waiting.pop(one, None)

    def waits(self, one: RestConnection) -> None:
        one.waits_since = one.loop.time()
        waiting = self._waiting.get(one.address)
        if waiting is None:
            waiting = self._waiting[one.address] = {}
        waiting[one] = None

    def stalls(self, one: RestConnection) -> None:
        """Its client does not read as fast as it is answered."""
        self._stalled[one] = one.loop.time(), one.transport.get_write_buffer_size()

    def flows(self, one: RestConnection) -> None:
        self._stalled.pop(one, None)

    def _oldest(self, address: str) -> RestConnection | None:
        """The one that has waited longest."""
        return next(iter(self._waiting.get(address, ())), None)

    def _oldest_of_most(self) -> RestConnection | None:
        """Of the address that has the most connections, of those with one that waits."""
        having = [address for address, waiting in self._waiting.items() if waiting]
        return self._oldest(max(having, key=self._counts.__getitem__)) if having else None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends those whose time is over."""
        now = loop.time()
        for waiting in list(self._waiting.values()):
            late = []
            for one in waiting:
                if now - one.waits_since < self._patience_s:
                    break
                late.append(one)
            for one in late:
                waiting.pop(one)
                one.end()
        for one, (since, left) in list(self._stalled.items()):
            size = one.transport.get_write_buffer_size()
            if size <= left - _READ_BYTES:
                self._stalled[one] = now, size
            elif now - since >= _UNREAD_S:
                one.transport.abort()
        self._looks = bool(self._open)
        if self._looks:
            loop.call_later(self._look_every_s, self._look, loop)


def network(host: str) -> str:
    """What counts as one address."""
    if ":" not in host:
        return host
    found = ip_address(host.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> (128 - _NETWORK) << (128 - _NETWORK)))
    return str(getattr(found, "ipv4_mapped", found))


def connections(settings: RestSettings, tls: ssl.SSLContext | None = None) -> Connections:
    """Bounded as ``settings`` say, and by the files that the process may open: three quarters are for others."""
    most = min(settings.max_connections, max(_FEWEST, _open_files() // 4))
    each = settings.max_connections_per_address or (most + 1) // 2
    return Connections(
        most=most,
        most_each=min(most, each),
        most_head_bytes=settings.max_header_bytes,
        patience_s=settings.read_timeout_s,
        tls=tls,
    )


def _open_files() -> int:
    """How many the process may have."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return sys.maxsize
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if files == resource.RLIM_INFINITY else files
