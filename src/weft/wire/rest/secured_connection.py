"""SecuredConnection: a connection with TLS, which counts as one from the moment that it is accepted.

asyncio's servers know nothing of a connection before its handshake is over, so that half-open ones would be kept, for a
minute each and without limit.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from typing import TYPE_CHECKING

from weft.wire.rest.connection import RestConnection

if TYPE_CHECKING:
    from weft.wire.rest.connections import Connections


class SecuredConnection(SSLProtocol):
    """TLS for ``connection``, which is connected when the handshake is over; until then it waits among
    ``connections``."""

    def __init__(self, connection: RestConnection, connections: Connections, context: ssl.SSLContext) -> None:
        # No one waits: asyncio's own servers give None, too.
        super().__init__(connection.loop, connection, context, None, server_side=True)  # type: ignore[arg-type]
        self._connection = connection
        self._connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of TCP, as it is called
        self._connection.begin_handshake(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._connections.discard(self._connection)
