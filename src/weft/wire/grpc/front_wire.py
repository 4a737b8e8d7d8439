"""The package ``weft-front`` as a wire: HTTP/2 in Rust, and threads of Python that answer in place.

One thread at a time drives the connections and answers short calls itself; long calls, streams, and a call that turns
out to be long let another thread take over. One that waits for another server has one more thread beside it. Other
processes, each a ``FrontWorker``, may answer some of the calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

import grpc
import weft_front

from weft.domain.deadline import calling
from weft.domain.errors import Misconfigured
from weft.domain.place import MOST_AWAY, placed
from weft.domain.shares import Shares
from weft.wire.errors import Refusal, to_refusal
from weft.wire.grpc.call_place import CallPlace
from weft.wire.grpc.conversation import ClientLink, Headers, Streaming
from weft.wire.grpc.error_details import usage_details
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import Admit, Table, Unary, details
from weft.wire.grpc.stream import ClientGone
from weft.wire.grpc.wire import (
    CONNECTION_IDLE_S,
    HANDSHAKE_TIMEOUT_S,
    KEEPALIVE_S,
    KEEPALIVE_TIMEOUT_S,
    Address,
    Outcome,
)
from weft.wire.tls import ServerCertificate

_Status: TypeAlias = tuple[int, str, bytes]
_CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


class FrontWire:
    def __init__(
        self, table: Table, address: Address, limits: Limits, certificate: ServerCertificate | None = None
    ) -> None:
        self._address, self._limits, self._certificate = address, limits, certificate
        self._admit, self._guarded = table.admit, table.guarded
        self._table: dict[str, tuple[Literal["short", "spread", "long", "stream"], Callable[..., object]]] = {}
        for path, answer in table.short.items():
            self._table[path] = "spread" if path in table.spread else "short", _unary(answer)
        for path, answer in table.long.items():
            self._table[path] = "long", _unary(answer)
        for path, converse in table.streams.items():
            self._table[path] = "stream", _stream(converse)
        self._names_peers = table.names_peers
        self._front: weft_front.Front | None = None
        self._threads: list[threading.Thread] = []
        self._away = Shares(MOST_AWAY)
        self._are_away = self._more_threads = 0
        """Calls that wait for other servers, and the threads that answer others meanwhile."""
        self._counting = threading.Lock()

    def start(self) -> int:
        threads = self._limits.threads + 1
        try:
            front = weft_front.Front(
                self._address.host,
                self._address.port,
                self._table,
                threads=threads,
                max_message_bytes=self._limits.message_bytes,
                max_calls=self._limits.calls,
                max_header_bytes=self._limits.header_bytes,
                max_connections=self._limits.open_connections,
                max_streams_per_connection=self._limits.connection_calls,
                max_address_connections=(self._limits.open_connections + 1) // 2,
                connection_idle_s=CONNECTION_IDLE_S,
                handshake_timeout_s=HANDSHAKE_TIMEOUT_S,
                max_arriving=self._limits.arriving,
                max_bytes_under_way=self._limits.bytes_under_way,
                message_timeout_s=self._limits.message_timeout_s,
                admit=_admit(self._admit),
                guarded=set(self._guarded),
                keepalive_s=KEEPALIVE_S,
                keepalive_timeout_s=KEEPALIVE_TIMEOUT_S,
                names_peers=self._names_peers,
                certificate=None if self._certificate is None else _pem(self._certificate),
            )
        except OSError as error:
            raise self._address.refused() from error
        except ValueError as error:
            raise _unusable(error) from error
        self._front = front
        self._threads = [
            threading.Thread(target=self._work, args=(front,), name=f"weft-grpc-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()
        return front.port

    def _work(self, front: weft_front.Front) -> None:
        def leave() -> None:
            with self._counting:
                self._are_away += 1
                more = self._are_away > self._more_threads
                self._more_threads += more
            if more:
                threading.Thread(target=self._work, args=(front,), name="weft-grpc-more", daemon=True).start()
            front.leave()

        def enter() -> None:
            with self._counting:
                self._are_away -= 1
            front.enter()

        with placed(CallPlace(self._away, leave, enter)), calling(weft_front):
            front.work()

    def certify(self, certificate: ServerCertificate) -> None:
        assert self._front is not None
        try:
            self._front.certify(*_pem(certificate))
        except ValueError as error:
            raise _unusable(error) from error

    def stop(self, grace_s: float) -> None:
        if self._front is not None:
            self._front.close(grace_s)

    @property
    def spreader(self) -> FrontWire:
        return self

    def spread(self, fd: int, most_calls: int) -> None:
        assert self._front is not None
        self._front.spread(fd, most_calls)

    def recall(self, timeout_s: float) -> bool:
        return self._front is None or self._front.recall(max(0.0, timeout_s))

    def outcomes(self) -> list[Outcome]:
        found = [] if self._front is None else self._front.outcomes()
        return [(path.rpartition("/")[2], _CODES[code], seconds) for path, code, seconds in found]


class FrontWorker:
    """Answers the calls that a ``FrontWire`` of another process spreads, with ``table``: by path; None: the other
    process should answer. ``work`` returns when that process closes the socket ``fd``, which this one takes over."""

    def __init__(
        self, fd: int, table: Mapping[str, Callable[[bytes, Headers], bytes | Refusal | None]], limits: Limits
    ):
        methods = {path: _spread(answer) for path, answer in table.items()}
        self._worker = weft_front.Worker(fd, methods, max_message_bytes=limits.message_bytes)
        self._threads = [
            threading.Thread(target=_answering, args=(self._worker.work,), name=f"weft-grpc-{number}", daemon=True)
            for number in range(limits.workers + 1)  # one more, to hear of clients that go
        ]

    def work(self) -> None:
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()


def _answering(work: Callable[[], None]) -> None:
    """A thread that answers: the package knows the client of the call that it is with, as a ``WaitingClient``."""
    with calling(weft_front):
        work()


def _pem(certificate: ServerCertificate) -> tuple[bytes, bytes, bytes | None]:
    return certificate.chain, certificate.key, certificate.client_ca


def _unusable(error: ValueError) -> Misconfigured:
    return Misconfigured(f"weft-front cannot use the certificate: {error}; WEFT_GRPC_WIRE=grpcio may be able to")


def _spread(answer: Callable[[bytes, Headers], bytes | Refusal | None]) -> Callable[[bytes, Headers], object]:
    def handle(request: bytes, headers: Headers) -> bytes | _Status | None:
        reply = answer(request, headers)
        return _status(reply) if isinstance(reply, Refusal) else reply

    return handle


def _unary(answer: Unary) -> Callable[[bytes, Headers], bytes | _Status]:
    def handle(request: bytes, headers: Headers) -> bytes | _Status:
        reply = answer(request, headers)
        return _status(reply) if isinstance(reply, Refusal) else reply

    return handle


def _admit(admit: Admit) -> Callable[[str, Headers], _Status | None]:
    def handle(path: str, headers: Headers) -> _Status | None:
        refusal = admit(path, headers)
        return None if refusal is None else _status(refusal)

    return handle


def _stream(answer: Streaming) -> Callable[[weft_front.Stream, Headers], _Status | None]:
    """Streams run in threads of their own, made as they are needed."""

    def handle(stream: weft_front.Stream, headers: Headers) -> _Status | None:
        link = ClientLink(headers, stream.address, stream.on_end, stream.cut)
        try:
            replies = answer(_received(stream), link)
        except Exception as error:
            return _status(to_refusal(error))
        threading.Thread(target=_converse, args=(stream, replies), name="weft-grpc-stream", daemon=True).start()
        return None

    return handle


def _converse(stream: weft_front.Stream, replies: Iterator[bytes]) -> None:
    status = None
    try:
        for reply in replies:
            if not stream.send(reply):
                break
    except ClientGone:
        pass
    except Exception as error:
        status = _status(to_refusal(error))
    stream.finish(status)


def _received(stream: weft_front.Stream) -> Iterator[bytes]:
    try:
        while (message := stream.receive()) is not None:
            yield message
    except ConnectionError as error:
        raise ClientGone from error


def _status(refusal: Refusal) -> _Status:
    more = b"" if refusal.usage is None else usage_details(refusal.usage)
    return grpc.StatusCode[refusal.codes.grpc].value[0], details(refusal), more
