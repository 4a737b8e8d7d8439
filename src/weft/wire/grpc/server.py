"""The gRPC server: the methods of the service, a wire that carries their calls, and an end in good order."""

from __future__ import annotations

import logging
import time

from weft.access.authenticator import Authenticator
from weft.service.guard import Door
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import Methods
from weft.wire.grpc.wire import Address, Spreader
from weft.wire.grpc.wires import AUTO, chosen, wire
from weft.wire.observing import Observe
from weft.wire.tls import RenewedCertificate

log = logging.getLogger(__name__)

DEFAULT_LIMITS = Limits(message_bytes=104_858_000, workers=16)
_LAST_S = 1.0
"""For answers that are on their way."""


class GrpcServer:
    """Serves the service behind ``door`` on ``host:port`` (0: a free port) between ``start`` and ``stop``.

    ``wire_name``: what carries the calls, as in ``wires``; later the one that does. Raises Misconfigured where it is
    not installed. ``query_timeout_s``: see ``Methods``. ``certificate``: for TLS; later ones are used as they come.
    """

    def __init__(
        self,
        door: Door,
        auth: Authenticator,
        *,
        host: str,
        port: int,
        limits: Limits = DEFAULT_LIMITS,
        wire_name: str = AUTO,
        observe: Observe | None = None,
        query_timeout_s: float = 0.0,
        certificate: RenewedCertificate | None = None,
    ) -> None:
        self._certificate = certificate
        self._methods = Methods(door, auth, observe, limits, query_timeout_s=query_timeout_s)
        self.wire_name = chosen(wire_name)
        first = None if certificate is None else certificate.current
        self._wire = wire(self.wire_name, self._methods.table, Address(host, port), limits, first)

    def start(self) -> int:
        """The bound port. Raises Misconfigured when the address cannot be bound, or the certificate cannot be used."""
        port = self._wire.start()
        if self._certificate is not None:
            self._certificate.use(self._wire.certify)
        return port

    @property
    def spreader(self) -> Spreader | None:
        """By which other processes answer calls, after ``start``; None where the wire cannot spread them."""
        return self._wire.spreader

    @property
    def running(self) -> int:
        """Calls that this process answers, streams included."""
        return self._methods.running.count

    def announce_stop(self) -> int:
        """Refuses new calls and asks open streams to end; returns how many streams there were."""
        self._recall(0.0)
        return self._methods.close()

    def drain(self, until: float) -> bool:
        """Waits until no call runs; False if that takes longer than ``until`` by ``time.monotonic``.

        Halfway, remaining streams are ended: everything received is stored and reported.
        """
        half_s = (until - time.monotonic()) / 2
        if self._methods.running.wait(half_s):
            return self._recall(until - time.monotonic())
        self._methods.end_streams()
        return self._methods.running.wait(until - time.monotonic()) and self._recall(until - time.monotonic())

    def _recall(self, timeout_s: float) -> bool:
        """Calls stay in this process; whether others have answered theirs within the time."""
        spreader = self._wire.spreader
        return spreader is None or spreader.recall(timeout_s)

    def stop(self, grace_s: float) -> None:
        """Gives calls ``grace_s`` seconds to end by themselves, and returns when what streams received is stored."""
        self.announce_stop()
        if not self.drain(time.monotonic() + grace_s):
            log.warning("calls that did not end within %g s are cut off", grace_s)
        self._wire.stop(_LAST_S)
        self._methods.wait_stored(time.monotonic() + max(grace_s, _LAST_S))
