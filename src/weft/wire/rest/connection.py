"""RestConnection: HTTP/1.1 with one client, bounded before there is a request that could be refused.

What is not a body (request line, headers, trailers, the frames of chunks) takes up to ``most_head_bytes`` and
``MOST_HEADERS`` lines for each request, beside eight bytes for each byte of a body. Requests that are sent ahead of
the answer wait, ``MOST_AHEAD`` at most and with a megabyte of a body. Trailers are not kept. A client that sends more
is answered with 431, or cut off. Where a request offers another protocol (``Upgrade``), the offer is not taken.

A request can be answered while its body is on its way: refused, mostly. A connection that ends with that answer is
closed after the body: bytes that no one reads would reset it, and the client might never see the answer.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from httptools import HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_remote_addr

if TYPE_CHECKING:
    from weft.wire.rest.connections import Connections

_log = logging.getLogger("uvicorn.error.connection")
_log.setLevel(logging.ERROR)  # not for requests that are none: strangers could fill the disk with lines

MOST_HEADERS: Final = 256
MOST_AHEAD: Final = 16
_MOST_BODY_AHEAD: Final = 1 << 20
_FRAME_BYTES: Final = 8
"""What the frame of a chunk takes, for each byte in it: chunks of one byte are legal."""


class RestConnection(HttpToolsProtocol):
    """``connections``: all of the server, which close it when it makes others wait."""

    def __init__(self, connections: Connections, most_head_bytes: int, **of_server: Any) -> None:
        super().__init__(**of_server)
        self.logger = _log
        self._connections = connections
        self._most_head_bytes = most_head_bytes
        self.headers = []
        self.address = ""
        self.waits_since = 0.0
        """When it began to wait for a request, by the clock of the loop."""
        self._head_is_due = False
        """Whether a part of one is here."""
        self._is_in_handshake = False
        self._refusal: tuple[int, str] | None = None
        self._framing = 0
        """Bytes of this request that are not its body, of those reads after the one in which it begins."""
        self._carried = 0
        """Bytes of its body."""
        self._reading = 0
        """The size of what is being parsed."""
        self._begins = False
        """Whether the request begins in what is being parsed."""
        self._parsed = b""
        """What is being parsed."""
        self._unanswered: deque[RequestResponseCycle] = deque()
        """The requests whose answer is not complete, in their order."""
        self._unparsed = 0
        """Bytes left of a body that the parser passes over, because its request offers another protocol."""
        self._closes_after_body = False

    # -- the transport

    def begin_handshake(self, transport: asyncio.Transport) -> None:
        """``connection_made`` follows with the transport of TLS over ``transport``."""
        self._is_in_handshake = True
        self.transport, self.client = transport, get_remote_addr(transport)
        self._connections.add(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._answering = _Answering(transport, self._close)
        if not self._is_in_handshake:
            self._connections.add(self)
        self._is_in_handshake = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._give_up()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._begins, self._reading, carried = False, len(data), self._carried
        self._parse(data)
        if self.transport.is_closing():
            return
        if not self._begins:
            self._framing += len(data) - (self._carried - carried)
        if self._framing > self._most_head_bytes + _FRAME_BYTES * self._carried:
            self.refuse(431, "what the request holds beside its body is too large")
        elif len(self.headers) > MOST_HEADERS:
            self.refuse(431, f"the request has more than {MOST_HEADERS} headers")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._connections.stalls(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._connections.flows(self)
        if self.cycle is not None and self.cycle.response_complete and not self.pipeline:  # type: ignore[redundant-expr]
            self._connections.waits(self)

    # -- the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begins, self._framing, self._carried = True, 0, 0
        self._head_is_due = True
        if len(self.pipeline) >= MOST_AHEAD:
            self._refusal = 429, f"more than {MOST_AHEAD} requests were sent ahead of the answer"
            raise ValueError(self._refusal[1])

    def on_headers_complete(self) -> None:
        if len(self.headers) > MOST_HEADERS or (self._reading > self._most_head_bytes and self._is_large()):
            self._refusal = 431, "the headers of the request are too large, or too many"
            raise ValueError(self._refusal[1])
        self._head_is_due = False
        self._unparsed = self._body_size() if self.parser.should_upgrade() else 0
        self._connections.works(self)
        super().on_headers_complete()
        self._unanswered.append(self.cycle)
        self.cycle.transport = self._answering  # type: ignore[assignment]  # it has what a cycle uses
        self.headers = []  # for trailers: those of the request are in its scope

    def on_body(self, body: bytes) -> None:
        self._carried += len(body)
        super().on_body(body)
        if self.pipeline and len(self.cycle.body) > _MOST_BODY_AHEAD:
            self._refusal = 429, "a large body was sent ahead of the answer to another request"
            raise ValueError(self._refusal[1])

    def on_message_complete(self) -> None:
        if not self._unparsed:
            super().on_message_complete()
        if self._closes_after_body:
            self.transport.close()

    def on_response_complete(self) -> None:
        self._unanswered.popleft()
        if not self.pipeline and not self.flow.write_paused:
            self._connections.waits(self)
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        if not self.flow.write_paused:
            super().timeout_keep_alive_handler()
            return
        # An answer is whole for the server as soon as it is buffered: it waits for the client to have read it.
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _parse(self, data: bytes) -> None:
        if self._unparsed:
            part, data = data[: self._unparsed], data[self._unparsed :]
            self._unparsed -= len(part)
            try:
                self.on_body(part)
            except ValueError as error:  # as the parser takes it
                self.send_400_response(str(error))
                return
            self.on_message_complete()
        if data:
            self._parsed = data
            super().data_received(data)

    def _unsupported_upgrade_warning(self) -> None:
        """Called while the parser's error is handled, which says where the head of a request with an offer ends. The
        rest would be lost: a body, or worse, what comes after it would be taken for requests."""
        error = sys.exc_info()[1]
        if isinstance(error, HttpParserUpgrade) and not self.transport.is_closing():
            self._parse(self._parsed[error.args[0] :])

    def _body_size(self) -> int:
        """Of a request whose body the parser passes over. Raises ValueError for one that is in chunks."""
        size = 0
        for name, value in self.headers:
            if name == b"transfer-encoding":
                self._refusal = 411, "a request with the header Upgrade needs Content-Length"
                raise ValueError(self._refusal[1])
            if name == b"content-length":
                size = int(value)
        return size

    def _is_large(self) -> bool:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self._most_head_bytes

    # -- its end

    def send_400_response(self, msg: str) -> None:
        """Called for what the parser does not take, and for what was refused while it was parsed."""
        if self._closes_after_body:
            self.transport.close()
            return
        status, reason = self._refusal or (400, msg)
        self._refusal = None
        self.refuse(status, reason)

    def refuse(self, status: int, reason: str) -> None:
        """Answers, unless an answer is under way already, and closes."""
        if self._refusal is not None:
            return
        self._refusal = status, reason
        if self._is_in_handshake:
            self.transport.abort()
            return
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]  # None before the first
            body = b'{"error":[{"message":"%s"}]}\n' % reason.encode()
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
                + body
            )
        self.transport.close()
        self._give_up()

    def _close(self) -> None:
        """Called by a request whose answer is the last one, or has failed."""
        cycle = self._unanswered[0] if self._unanswered else None
        if cycle is self.cycle and cycle.response_complete and cycle.more_body:
            self._closes_after_body = True  # or when it has waited for too long
        else:
            self.transport.close()

    def _give_up(self) -> None:
        """The requests that are being answered, or wait for that, learn that their client is gone: what is written to
        a closed transport fails, with a traceback in the log."""
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()

    def end(self) -> None:
        """Because others need its place, or its time is over: a request that is half here is answered with 408."""
        if self._is_in_handshake:
            self.transport.abort()
        elif self._head_is_due:
            self.refuse(408, "the headers of the request did not arrive in time; send it again")
        elif self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


class _Answering:
    """The transport as those see it who answer: what they call of it, with another ``close``."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close
