"""The package ``weft-front`` as a wire: HTTP/2 in Rust, and threads of Python that answer in place.

One thread at a time drives the connections and answers short calls itself; long calls, streams, and a call that turns
out to be long let another thread take over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import grpc
import weft_front

from weft.wire.errors import Refusal, to_refusal
from weft.wire.grpc.error_details import usage_details
from weft.wire.grpc.methods import Headers, Streaming, Table, Unary, details
from weft.wire.grpc.stream import ClientGone
from weft.wire.grpc.wire import KEEPALIVE_S, KEEPALIVE_TIMEOUT_S, Address, Limits

_Status: TypeAlias = tuple[int, str, bytes]
_MOST_CALLS_PER_CONNECTION = 100
"""Further calls wait in the client, which knows the limit, rather than being refused here."""


class FrontWire:
    def __init__(self, table: Table, address: Address, limits: Limits) -> None:
        self._address, self._limits = address, limits
        self._table: dict[str, tuple[Literal["short", "long", "stream"], Callable[..., object]]] = {}
        for path, answer in table.short.items():
            self._table[path] = "short", _unary(answer)
        for path, answer in table.long.items():
            self._table[path] = "long", _unary(answer)
        for path, converse in table.streams.items():
            self._table[path] = "stream", _stream(converse)
        self._front: weft_front.Front | None = None
        self._threads: list[threading.Thread] = []

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
                max_streams_per_connection=_MOST_CALLS_PER_CONNECTION,
                keepalive_s=KEEPALIVE_S,
                keepalive_timeout_s=KEEPALIVE_TIMEOUT_S,
            )
        except OSError as error:
            raise self._address.refused() from error
        self._front = front
        self._threads = [
            threading.Thread(target=front.work, name=f"weft-grpc-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()
        return front.port

    def stop(self, grace_s: float) -> None:
        if self._front is not None:
            self._front.close(grace_s)


def _unary(answer: Unary) -> Callable[[bytes, Headers], bytes | _Status]:
    def handle(request: bytes, headers: Headers) -> bytes | _Status:
        reply = answer(request, headers)
        return _status(reply) if isinstance(reply, Refusal) else reply

    return handle


def _stream(answer: Streaming) -> Callable[[weft_front.Stream, Headers], _Status | None]:
    def handle(stream: weft_front.Stream, headers: Headers) -> _Status | None:
        replies = answer(_received(stream), headers, stream.on_end)
        try:
            for reply in replies:
                if not stream.send(reply):
                    break
        except Exception as error:
            return _status(to_refusal(error))
        return None

    return handle


def _received(stream: weft_front.Stream) -> Iterator[bytes]:
    try:
        while (message := stream.receive()) is not None:
            yield message
    except ConnectionError as error:
        raise ClientGone from error


def _status(refusal: Refusal) -> _Status:
    more = b"" if refusal.usage is None else usage_details(refusal.usage)
    return grpc.StatusCode[refusal.codes.grpc].value[0], details(refusal), more
