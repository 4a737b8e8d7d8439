"""What the gRPC server answers, over any wire: a function for each method, from bytes to bytes.

A stream holds threads as long as it lives, so streams are counted, by caller and in all; what is over the limit is
refused with RESOURCE_EXHAUSTED. Health checks are answered "serving" for any service name, since official clients ask
for different ones, and "not serving" once the server is about to stop. Later calls are refused with UNAVAILABLE, which
clients retry a few times; streams are notified, and those that their clients do not end are ended once everything
received is stored.
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
from weft.domain.deadline import Deadline, client_of_call, within
from weft.domain.place import hold_for
from weft.service.guard import Door
from weft.wire.errors import Refusal, StatusCodes, to_refusal
from weft.wire.grpc.calls import Calls, UnaryCall
from weft.wire.grpc.conversation import ClientLink, Headers, Streaming
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.open_streams import OpenStreams
from weft.wire.grpc.places import Places
from weft.wire.grpc.stream import BatchStream
from weft.wire.grpc.wire_format import sized
from weft.wire.observing import Observe

log = logging.getLogger(__name__)

_SHORT: Final = frozenset({"Search", "Aggregate", "TenantsGet"})
_BOUNDED: Final = _SHORT | {"BatchDelete"}
"""Ended when they take too long; of a deletion the search for what is to be deleted. Other calls are finished."""
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

Unary: TypeAlias = Callable[[bytes, Headers], "bytes | Refusal"]

Admit: TypeAlias = Callable[[str, Headers], "Refusal | None"]


@dataclass(frozen=True, slots=True)
class Table:
    """What a wire carries, by path: ``short`` and ``long`` calls are answered with one message, ``streams`` with any
    number. A short call usually ends within a millisecond or two. ``spread``: the paths of short calls that only read
    what is stored, which other processes may answer too. ``guarded``: the paths of unary calls that ``admit`` may
    refuse by path and headers, before their message is received; it may wait for an identity provider.
    ``names_peers``: the headers have the caller's address, as ``PEER``."""

    short: Mapping[str, Unary]
    long: Mapping[str, Unary]
    streams: Mapping[str, Streaming]
    spread: frozenset[str] = frozenset()
    guarded: frozenset[str] = frozenset()
    admit: Admit = lambda path, headers: None
    names_peers: bool = False


class Methods:
    """The methods of the service behind ``door``, for callers that ``auth`` knows. ``query_timeout_s``: how long a call
    may take that reads; 0: without end."""

    def __init__(
        self, door: Door, auth: Authenticator, observe: Observe | None, limits: Limits, *, query_timeout_s: float = 0.0
    ) -> None:
        self._door = door
        self._auth = auth
        self._observe = observe
        self._query_timeout_s = query_timeout_s
        self.running = Running()
        self._streams = OpenStreams(limits)
        self._places = Places("batch streams", limits.streams, limits.caller_streams)
        self._watches = Places("watches", limits.watches, limits.address_watches)
        self._closing = threading.Event()
        calls = Calls(door, most_bytes=limits.message_bytes)
        unary = {name: self._unary(name, call) for name, call in calls.by_name().items()}
        self.table = Table(
            short={_SERVICE + name: unary[name] for name in unary.keys() & _SHORT}
            | {
                _HEALTH + "Check": lambda request, headers: self._health(),
                _HEALTH + "List": lambda request, headers: b"\x0a" + sized(_LISTED + sized(self._health())),
            },
            long={_SERVICE + name: unary[name] for name in unary.keys() - _SHORT},
            streams={_SERVICE + "BatchStream": self._batch_stream, _HEALTH + "Watch": self._watch},
            spread=frozenset(_SERVICE + name for name in _SHORT),
            guarded=frozenset(_SERVICE + name for name in unary),
            admit=self._admit,
            names_peers=door.is_audited,
        )

    def close(self) -> int:
        """Refuse new calls, and notify the streams; returns how many there were. A second call does nothing."""
        if self._closing.is_set():
            return 0
        self._closing.set()
        streams = self._streams.all()
        for stream in streams:
            stream.announce_shutdown()
        return len(streams)

    def end_streams(self) -> None:
        for stream in self._streams.all():
            stream.end()

    def wait_stored(self, until: float) -> None:
        """Waits until everything that streams have received is stored, or until the time ``until``."""
        for stream in self._streams.all():
            if not stream.stored.wait(max(0.0, until - time.monotonic())):
                log.error("objects that a stream had received were not stored before the server stopped")

    def _health(self) -> bytes:
        return _NOT_SERVING if self._closing.is_set() else _SERVING

    def _admit(self, path: str, headers: Headers) -> Refusal | None:
        """What a call gets whose caller is refused, whatever its message is; observed."""
        started = time.perf_counter()
        try:
            self._caller(headers)
        except Exception as error:
            refusal = to_refusal(error)
            if self._observe is not None:
                self._observe("grpc", path.rpartition("/")[2], refusal.codes.grpc, time.perf_counter() - started)
            return refusal
        return None

    def _unary(self, name: str, call: UnaryCall) -> Unary:
        """``call`` for the caller that the headers name; observed when answered or refused."""
        bounded, query_timeout_s = name in _BOUNDED, self._query_timeout_s

        def answer(request: bytes, headers: Headers) -> bytes | Refusal:
            started = time.perf_counter()
            reply: bytes | Refusal
            if self._closing.is_set():
                reply = _STOPPING
            else:
                with self.running:
                    try:
                        deadline = Deadline(query_timeout_s if bounded else 0.0, client_of_call())
                        if not bounded:
                            deadline.look()
                        with within(deadline if bounded else None):
                            caller = self._caller(headers)
                            hold_for(caller.user or "")
                            reply = call(request, caller)
                    except Exception as error:
                        reply = to_refusal(error)
            if self._observe is not None:
                status = reply.codes.grpc if isinstance(reply, Refusal) else "OK"
                self._observe("grpc", name, status, time.perf_counter() - started)
            return reply

        return answer

    def _batch_stream(self, requests: Iterator[bytes], link: ClientLink) -> Iterator[bytes]:
        caller = self._caller(link.headers)
        holder = caller.user or link.address
        leave = self._places.take(holder)
        link.on_end(leave) or leave()

        def confirm() -> None:
            # A token cannot be revoked here, and clients that have a new one do not begin their streams again.
            if caller.user_type == "db":
                self._auth.check_still(caller, link.headers.get("authorization"))

        def replies() -> Iterator[bytes]:
            try:
                with self.running:
                    service, streams = self._door.admit(caller), self._streams
                    stream = BatchStream(requests, service, caller, self._observe, streams.discard, confirm, holder)
                    link.on_end(stream.cancel)
                    streams.add(stream, confirm, link.cancel)
                    if self._closing.is_set():
                        stream.announce_shutdown()
                    yield from stream.replies()
            finally:
                leave()

        return replies()

    def _watch(self, requests: Iterator[bytes], link: ClientLink) -> Iterator[bytes]:
        ended = threading.Event()
        leave = self._watches.take(link.address, ended.set)

        def replies() -> Iterator[bytes]:
            try:
                yield self._health()
                if link.on_end(ended.set):
                    while not ended.wait(_WATCH_EVERY_S):
                        if self._closing.is_set():
                            yield _NOT_SERVING
                            break
            finally:
                leave()

        return replies()

    def _caller(self, headers: Headers) -> Caller:
        return self._auth.authenticate(headers.get("authorization"), Credentials.of(headers))


class Running:
    """How many calls are being answered. Each enters and leaves, so only what is waited for is notified."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()
        self._none = threading.Condition(self._lock)
        self._is_awaited = False

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1
            if self._is_awaited and not self._count:
                self._none.notify_all()

    @property
    def count(self) -> int:
        return self._count

    def wait(self, timeout_s: float) -> bool:
        """Waits until none runs; False on a timeout."""
        with self._lock:
            self._is_awaited = True
            return self._none.wait_for(lambda: not self._count, max(0.0, timeout_s))


def details(refusal: Refusal) -> str:
    """The message, short enough for a trailer: longer ones make clients lose the whole status."""
    text = refusal.message.encode("utf-8", "replace").decode()
    while len(quote(text)) > _MOST_DETAILS_BYTES:
        text = text[: len(text) * 3 // 4] + "…"
    return text
