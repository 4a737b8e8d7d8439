"""The gRPC server: the methods of the service, a wire that carries their calls, and an end in good order."""

from __future__ import annotations

import logging
import time

from weft.access.authenticator import Authenticator
from weft.service.guard import Door
from weft.wire.grpc.methods import Methods
from weft.wire.grpc.wire import Address, Limits
from weft.wire.grpc.wires import AUTO, chosen, wire
from weft.wire.observing import Observe

log = logging.getLogger(__name__)

DEFAULT_MAX_MESSAGE_BYTES = 104_858_000
DEFAULT_WORKERS = 16
_LAST_S = 1.0
"""For answers that are on their way."""


class GrpcServer:
    """Serves the service behind ``door`` on ``host:port`` (0: a free port) between ``start`` and ``stop``.

    ``wire_name``: what carries the calls, as in ``wires``; later the one that does. Raises Misconfigured where it is
    not installed.
    """

    def __init__(
        self,
        door: Door,
        auth: Authenticator,
        *,
        host: str,
        port: int,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        workers: int = DEFAULT_WORKERS,
        wire_name: str = AUTO,
        observe: Observe | None = None,
    ) -> None:
        self._methods = Methods(door, auth, observe)
        self.wire_name = chosen(wire_name)
        self._wire = wire(self.wire_name, self._methods.table, Address(host, port), Limits(max_message_bytes, workers))

    def start(self) -> int:
        """The bound port. Raises Misconfigured when the address cannot be bound."""
        return self._wire.start()

    def announce_stop(self) -> int:
        """Refuses new calls and asks open streams to end; returns how many streams there were."""
        return self._methods.close()

    def drain(self, until: float) -> bool:
        """Waits until no call runs; False if that takes longer than ``until`` by ``time.monotonic``.

        Halfway, remaining streams are ended: everything received is stored and reported.
        """
        half_s = (until - time.monotonic()) / 2
        if self._methods.running.wait(half_s):
            return True
        self._methods.end_streams()
        return self._methods.running.wait(until - time.monotonic())

    def stop(self, grace_s: float) -> None:
        """Gives calls ``grace_s`` seconds to end by themselves, and returns when what streams received is stored."""
        self.announce_stop()
        if not self.drain(time.monotonic() + grace_s):
            log.warning("calls that did not end within %g s are cut off", grace_s)
        self._wire.stop(_LAST_S)
        self._methods.wait_stored(time.monotonic() + max(grace_s, _LAST_S))
