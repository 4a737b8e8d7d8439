"""What carries the calls of the gRPC server: where it listens, and what it can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from weft.domain.errors import Misconfigured
from weft.wire.tls import ServerCertificate

KEEPALIVE_S, KEEPALIVE_TIMEOUT_S = 60, 20
"""Without pings, streams of clients that vanished would keep their places."""
HANDSHAKE_TIMEOUT_S = 10
CONNECTION_IDLE_S = 300
"""Connections without calls for so long are ended; clients make another for their next call."""


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


Outcome: TypeAlias = tuple[str, str, float]
"""Of an answered call: its method, the name of its status, how many seconds it took."""


class Spreader(Protocol):
    """Has other processes answer those calls of a table that may be spread; they are in ``FrontWorker.work``."""

    def spread(self, fd: int, most_calls: int) -> None:
        """The process at the other end of the Unix socket ``fd``, which the wire takes over, answers up to
        ``most_calls`` at a time from now on; what it had when it ends is answered here. After ``start``."""

    def recall(self, timeout_s: float) -> bool:
        """No other process gets more calls; False where they need longer than ``timeout_s`` for those they have."""

    def outcomes(self) -> list[Outcome]:
        """Of the calls that other processes answered since this was last asked."""


class Wire(Protocol):
    """Carries calls between ``start`` and ``stop``. ``spreader``: None where one process answers them all."""

    @property
    def spreader(self) -> Spreader | None: ...

    def start(self) -> int:
        """The bound port. Raises Misconfigured when the address cannot be bound, or the certificate cannot be used."""

    def certify(self, certificate: ServerCertificate) -> None:
        """New connections get this certificate; only where there was one from the start. Raises Misconfigured."""

    def stop(self, grace_s: float) -> None:
        """Takes no more calls, and gives answers that are on their way ``grace_s`` seconds."""
