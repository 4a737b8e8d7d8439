"""What the gRPC server answers, over any wire: a function for each method, from bytes to bytes.

A stream holds a thread as long as it lives, so streams are counted apart; what is over the limit is refused with
RESOURCE_EXHAUSTED. Health checks are answered "serving" for any service name, since official clients ask for different
ones, and "not serving" once the server is about to stop. Later calls are refused with UNAVAILABLE, which clients retry
a few times; streams are notified, and those that their clients do not end are ended once everything received is stored.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote

from weft.access.authenticator import Authenticator
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Overloaded
from weft.service.guard import Door
from weft.wire.errors import Refusal, StatusCodes, to_refusal
from weft.wire.grpc.calls import Calls, UnaryCall
from weft.wire.grpc.stream import BatchStream
from weft.wire.grpc.wire_format import sized
from weft.wire.observing import Observe

log = logging.getLogger(__name__)

MOST_STREAMS = 16
_SHORT: Final = frozenset({"Search", "Aggregate", "TenantsGet"})
_MOST_DETAILS_BYTES = 4_000
_SERVICE = "/weaviate.v1.Weaviate/"
_HEALTH = "/grpc.health.v1.Health/"
_SERVING, _NOT_SERVING = b"\x08\x01", b"\x08\x02"
_LISTED = b"\x0a" + sized(b"weaviate") + b"\x12"
"""One entry of ``HealthListResponse.statuses``: the service that Weaviate lists, and the tag of its status."""
_WATCH_EVERY_S = 0.5

_STOPPING = Refusal(
    StatusCodes(503, "UNAVAILABLE", "UNAVAILABLE"), "the server is stopping; send the request again when it is back"
)

Headers: TypeAlias = Mapping[str, str]
"""A call's metadata, the keys in lower case; binary values are left out."""

Unary: TypeAlias = Callable[[bytes, Headers], "bytes | Refusal"]
OnEnd: TypeAlias = Callable[[Callable[[], None]], bool]
"""Has a function called once the call has ended, for whatever reason; False where it has ended already."""

Streaming: TypeAlias = Callable[[Iterator[bytes], Headers, OnEnd], Iterator[bytes]]
"""Takes the messages of a stream, which raise ClientGone; yields the replies, and raises what ends it early."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a wire carries, by path: ``short`` and ``long`` calls are answered with one message, ``streams`` with any
    number. A short call usually ends within a millisecond or two."""

    short: Mapping[str, Unary]
    long: Mapping[str, Unary]
    streams: Mapping[str, Streaming]


class Methods:
    """The methods of the service behind ``door``, for callers that ``auth`` knows."""

    def __init__(self, door: Door, auth: Authenticator, observe: Observe | None) -> None:
        self._door = door
        self._auth = auth
        self._observe = observe
        self.running = Running()
        self._streams: set[BatchStream] = set()
        """Open streams, and those whose last objects are being stored."""
        self._slots = threading.BoundedSemaphore(MOST_STREAMS)
        self._closing = threading.Event()
        unary = {name: self._unary(name, call) for name, call in Calls(door).by_name().items()}
        self.table = Table(
            short={_SERVICE + name: unary[name] for name in unary.keys() & _SHORT}
            | {
                _HEALTH + "Check": lambda request, headers: self._health(),
                _HEALTH + "List": lambda request, headers: b"\x0a" + sized(_LISTED + sized(self._health())),
            },
            long={_SERVICE + name: unary[name] for name in unary.keys() - _SHORT},
            streams={_SERVICE + "BatchStream": self._batch_stream, _HEALTH + "Watch": self._watch},
        )

    def close(self) -> int:
        """Refuse new calls, and notify the streams; returns how many there were. A second call does nothing."""
        if self._closing.is_set():
            return 0
        self._closing.set()
        streams = list(self._streams)
        for stream in streams:
            stream.announce_shutdown()
        return len(streams)

    def end_streams(self) -> None:
        for stream in list(self._streams):
            stream.end()

    def wait_stored(self, until: float) -> None:
        """Waits until everything that streams have received is stored, or until the time ``until``."""
        for stream in list(self._streams):
            if not stream.stored.wait(max(0.0, until - time.monotonic())):
                log.error("objects that a stream had received were not stored before the server stopped")

    def _health(self) -> bytes:
        return _NOT_SERVING if self._closing.is_set() else _SERVING

    def _unary(self, name: str, call: UnaryCall) -> Unary:
        """``call`` for the caller that the headers name; observed when answered or refused."""

        def answer(request: bytes, headers: Headers) -> bytes | Refusal:
            started = time.perf_counter()
            reply: bytes | Refusal
            if self._closing.is_set():
                reply = _STOPPING
            else:
                with self.running:
                    try:
                        reply = call(request, self._caller(headers))
                    except Exception as error:
                        reply = to_refusal(error)
            if self._observe is not None:
                status = reply.codes.grpc if isinstance(reply, Refusal) else "OK"
                self._observe("grpc", name, status, time.perf_counter() - started)
            return reply

        return answer

    def _batch_stream(self, requests: Iterator[bytes], headers: Headers, on_end: OnEnd) -> Iterator[bytes]:
        caller = self._caller(headers)
        with self._slot(), self.running:
            stream = BatchStream(requests, self._door.admit(caller), caller, self._observe, self._streams.discard)
            on_end(stream.cancel)
            self._streams.add(stream)
            if self._closing.is_set():
                stream.announce_shutdown()
            yield from stream.replies()

    def _watch(self, requests: Iterator[bytes], headers: Headers, on_end: OnEnd) -> Iterator[bytes]:
        ended = threading.Event()
        with self._slot():
            yield self._health()
            if on_end(ended.set):
                while not ended.wait(_WATCH_EVERY_S):
                    if self._closing.is_set():
                        yield _NOT_SERVING
                        break

    def _caller(self, headers: Headers) -> Caller:
        return self._auth.authenticate(headers.get("authorization"), Credentials.of(headers))

    def _slot(self) -> _Slot:
        return _Slot(self._slots)


class Running:
    """How many calls are being answered."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            if not self._count:
                self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Waits until none runs; False on a timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._count, max(0.0, timeout_s))


class _Slot:
    """One of the places for streams, for the length of a ``with`` block; raises Overloaded when all are taken."""

    def __init__(self, slots: threading.BoundedSemaphore) -> None:
        self._slots = slots

    def __enter__(self) -> None:
        if not self._slots.acquire(blocking=False):
            raise Overloaded(f"{MOST_STREAMS} streams are open, which is the limit; try again later")

    def __exit__(self, *_: object) -> None:
        self._slots.release()


def details(refusal: Refusal) -> str:
    """The message, short enough for a trailer: longer ones make clients lose the whole status."""
    text = refusal.message.encode("utf-8", "replace").decode()
    while len(quote(text)) > _MOST_DETAILS_BYTES:
        text = text[: len(text) * 3 // 4] + "…"
    return text
