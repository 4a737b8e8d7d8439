"""What carries the calls of the gRPC server: where it listens, its limits, and what it can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from weft.domain.errors import Misconfigured
from weft.wire.grpc.methods import MOST_STREAMS

_WAITING_PER_WORKER = 16
KEEPALIVE_S, KEEPALIVE_TIMEOUT_S = 60, 20
"""Without pings, streams of clients that vanished would keep their slots."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    """0: a free one."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def refused(self) -> Misconfigured:
        return Misconfigured(
            f"gRPC cannot listen on {self}: the port is in use or the address is not of this machine; "
            "stop the other process or choose another port"
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """``workers``: threads for unary calls; streams have threads of their own. ``message_bytes``: of a request."""

    message_bytes: int
    workers: int

    @property
    def threads(self) -> int:
        return self.workers + MOST_STREAMS

    @property
    def calls(self) -> int:
        """Calls at a time: those being answered, and those that wait for a thread."""
        return self.threads + self.workers * _WAITING_PER_WORKER


class Wire(Protocol):
    """Carries calls between ``start`` and ``stop``."""

    def start(self) -> int:
        """The bound port. Raises Misconfigured when the address cannot be bound."""

    def stop(self, grace_s: float) -> None:
        """Takes no more calls, and gives answers that are on their way ``grace_s`` seconds."""
