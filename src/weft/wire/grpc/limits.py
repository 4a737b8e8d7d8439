"""How much the gRPC server takes at a time, over any wire, and how long it waits for its clients."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from weft.settings.server import GrpcSettings

_WAITING_PER_WORKER = 16
_MESSAGES_UNDER_WAY = 8
_FEWEST_CONNECTIONS = 64
_BESIDE_WORKERS = 16
"""Threads that answer calls while others wait for a model or a provider."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``message_bytes``: of a request. ``workers``: threads for unary calls; streams have threads of their own.

    A caller is a user, or where calls are anonymous an address.
    """

    message_bytes: int
    workers: int
    streams: int = 64
    """Batch streams that are open at a time."""
    caller_streams: int = 16
    """Those of one caller."""
    stream_idle_s: float = 900.0
    """A batch stream over which nothing comes for so long is asked to end, and ended where it does not."""
    message_timeout_s: float = 100.0
    """For the first message of a call to arrive, whole."""
    arriving: int = 256
    """Calls whose message is arriving; beyond it the oldest is cut off."""
    arriving_slowly: int = 64
    """Those of them that take more than two seconds, over grpcio, which does not say how many bytes it has of them."""
    connections: int = 4_096
    connection_calls: int = 100
    """Calls of one connection; clients know the limit, and have further calls wait."""
    header_bytes: int = 16_384
    """The metadata of a call."""
    watches: int = 64
    address_watches: int = 16
    """``Health/Watch`` calls, in all and of one address; beyond it the oldest ends."""

    @classmethod
    def of(cls, settings: GrpcSettings) -> Limits:
        return cls(
            message_bytes=settings.max_message_bytes,
            workers=settings.workers,
            streams=settings.max_streams,
            caller_streams=settings.max_caller_streams,
            stream_idle_s=settings.stream_idle_s,
            message_timeout_s=settings.message_timeout_s,
            connections=settings.max_connections,
        )

    @property
    def open_connections(self) -> int:
        """Fewer than ``connections`` where the process may open few files, which stores and REST need as well."""
        return min(self.connections, max(_FEWEST_CONNECTIONS, _open_files() // 4))

    @property
    def bytes_under_way(self) -> int:
        """Of all messages that are being received or answered, as they are when decompressed."""
        return _MESSAGES_UNDER_WAY * self.message_bytes

    @property
    def threads(self) -> int:
        """Unary calls that are answered at a time."""
        return self.workers + _BESIDE_WORKERS

    @property
    def calls(self) -> int:
        """Unary calls at a time: those being answered, and those that wait for a thread."""
        return self.threads + self.workers * _WAITING_PER_WORKER


def _open_files() -> int:
    """How many the process may have."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return sys.maxsize
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if files == resource.RLIM_INFINITY else files
