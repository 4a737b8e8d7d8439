"""The gRPC server: grpcio's synchronous one, with handlers that map bytes to bytes.

The synchronous server answers a whole search for 262 µs of CPU where grpc.aio needs 340. Unary calls share a pool of
``workers`` threads. A stream holds a thread as long as it lives, so streams are counted apart, and the pool has a
thread more for each that may be open: they cannot take the threads of unary calls. What is over a limit is refused
with RESOURCE_EXHAUSTED.

Health checks are answered "serving" for any service name, since official clients ask for different ones, and "not
serving" once the server is about to stop. Later calls are refused with UNAVAILABLE, which clients retry a few times;
streams are notified, and those that their clients do not end are ended once everything received is stored.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn, TypeAlias
from urllib.parse import quote

import grpc

from weft.access.authenticator import Authenticator
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Misconfigured, Overloaded
from weft.service.guard import Door
from weft.wire.errors import Refusal, StatusCodes, to_refusal
from weft.wire.grpc.calls import Calls, UnaryCall
from weft.wire.grpc.error_details import usage_details
from weft.wire.grpc.stream import BatchStream
from weft.wire.observing import Observe

log = logging.getLogger(__name__)

DEFAULT_MAX_MESSAGE_BYTES = 104_858_000
DEFAULT_WORKERS = 16
MOST_STREAMS = 16
_WAITING_PER_WORKER = 16
_MOST_DETAILS_BYTES = 4_000
_SERVICE = "/weaviate.v1.Weaviate/"
_HEALTH = "/grpc.health.v1.Health/"
_SERVING, _NOT_SERVING = b"\x08\x01", b"\x08\x02"
_KEEPALIVE_MS, _KEEPALIVE_TIMEOUT_MS = 60_000, 20_000
_WATCH_EVERY_S = 0.5
_LAST_S = 1.0
"""For answers that are on their way."""

_STOPPING = Refusal(
    StatusCodes(503, "UNAVAILABLE", "UNAVAILABLE"), "the server is stopping; send the request again when it is back"
)

Handler: TypeAlias = Callable[[bytes, grpc.ServicerContext], bytes]
"""Takes a request's bytes and gRPC's context, which it aborts on failure."""


class GrpcServer:
    """Serves the service behind ``door`` on ``host:port`` (0: a free port) between ``start`` and ``stop``."""

    def __init__(
        self,
        door: Door,
        auth: Authenticator,
        *,
        host: str,
        port: int,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        workers: int = DEFAULT_WORKERS,
        observe: Observe | None = None,
    ) -> None:
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._front = _Front(observe, door, auth)
        self._pool = ThreadPoolExecutor(workers + MOST_STREAMS, thread_name_prefix="weft-grpc")
        self._server = grpc.server(
            self._pool,
            handlers=[self._front],
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                ("grpc.so_reuseport", 0),
                # otherwise streams of clients that vanished would keep their slots
                ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
                ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
            ],
            maximum_concurrent_rpcs=workers * _WAITING_PER_WORKER + MOST_STREAMS,
        )

    def start(self) -> int:
        """The bound port. Raises Misconfigured when the address cannot be bound."""
        try:
            port: int = self._server.add_insecure_port(self._address)
        except RuntimeError:
            port = 0
        if port == 0:
            raise Misconfigured(
                f"gRPC cannot listen on {self._address}: the port is in use or the address is not of this machine; "
                "stop the other process or choose another port"
            )
        self._server.start()
        return port

    def announce_stop(self) -> int:
        """Refuses new calls and asks open streams to end; returns how many streams there were."""
        return self._front.close()

    def drain(self, until: float) -> bool:
        """Waits until no call runs; False if that takes longer than ``until`` by ``time.monotonic``.

        Halfway, remaining streams are ended: everything received is stored and reported.
        """
        half_s = (until - time.monotonic()) / 2
        if self._front.running.wait(half_s):
            return True
        self._front.end_streams()
        return self._front.running.wait(until - time.monotonic())

    def stop(self, grace_s: float) -> None:
        """Gives calls ``grace_s`` seconds to end by themselves, and returns when what streams received is stored."""
        self.announce_stop()
        if not self.drain(time.monotonic() + grace_s):
            log.warning("calls that did not end within %g s are cut off", grace_s)
        self._server.stop(_LAST_S).wait()
        self._front.wait_stored(time.monotonic() + max(grace_s, _LAST_S))
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Running:
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


class _Front(grpc.GenericRpcHandler):
    """Finds the handler of a method by its path."""

    def __init__(self, observe: Observe | None, door: Door, auth: Authenticator) -> None:
        self._door = door
        self._auth = auth
        self._observe = observe
        self.running = _Running()
        self._streams: set[BatchStream] = set()
        """Open streams, and those whose last objects are being stored."""
        self._slots = threading.BoundedSemaphore(MOST_STREAMS)
        self._closing = threading.Event()
        self._methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            _SERVICE + name: grpc.unary_unary_rpc_method_handler(self._unary(name, call))
            for name, call in Calls(door).by_name().items()
        }
        self._methods[_SERVICE + "BatchStream"] = grpc.stream_stream_rpc_method_handler(self._batch_stream)
        self._methods[_HEALTH + "Check"] = grpc.unary_unary_rpc_method_handler(lambda request, context: self._health())
        self._methods[_HEALTH + "Watch"] = grpc.unary_stream_rpc_method_handler(self._watch)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return self._methods.get(handler_call_details.method)

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

    def _unary(self, name: str, call: UnaryCall) -> Handler:
        """``call`` for the caller that the request's metadata names; observed when answered or refused."""

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            started = time.perf_counter()
            refusal: Refusal | None = None
            reply = b""
            if self._closing.is_set():
                refusal = _STOPPING
            else:
                with self.running:
                    try:
                        reply = call(request, self._caller(context))
                    except Exception as error:
                        refusal = to_refusal(error)
            if self._observe is not None:
                status = "OK" if refusal is None else refusal.codes.grpc
                self._observe("grpc", name, status, time.perf_counter() - started)
            if refusal is not None:
                _abort(context, refusal)
            return reply

        return handle

    def _batch_stream(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        failure: Exception | None = None
        try:
            caller = self._caller(context)
            with self._slot(), self.running:
                stream = BatchStream(requests, self._door.admit(caller), caller, self._observe, self._streams.discard)
                context.add_callback(stream.cancel)
                self._streams.add(stream)
                if self._closing.is_set():
                    stream.announce_shutdown()
                yield from stream.replies()
        except Exception as error:
            failure = error
        if failure is not None:
            _abort(context, to_refusal(failure))

    def _watch(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        ended = threading.Event()
        failure: Exception | None = None
        try:
            with self._slot():
                yield self._health()
                if context.add_callback(ended.set):
                    while not ended.wait(_WATCH_EVERY_S):
                        if self._closing.is_set():
                            yield _NOT_SERVING
                            break
        except Exception as error:
            failure = error
        if failure is not None:
            _abort(context, to_refusal(failure))

    def _caller(self, context: grpc.ServicerContext) -> Caller:
        headers = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        return self._auth.authenticate(headers.get("authorization"), Credentials.of(headers))

    def _slot(self) -> _Slot:
        return _Slot(self._slots)


class _Slot:
    """One of the places for streams, for the length of a ``with`` block; raises Overloaded when all are taken."""

    def __init__(self, slots: threading.BoundedSemaphore) -> None:
        self._slots = slots

    def __enter__(self) -> None:
        if not self._slots.acquire(blocking=False):
            raise Overloaded(f"{MOST_STREAMS} streams are open, which is the limit; try again later")

    def __exit__(self, *_: object) -> None:
        self._slots.release()


def _abort(context: grpc.ServicerContext, refusal: Refusal) -> NoReturn:
    if refusal.usage is not None:
        context.set_trailing_metadata((("grpc-status-details-bin", usage_details(refusal.usage)),))
    context.abort(grpc.StatusCode[refusal.codes.grpc], _details(refusal.message))


def _details(message: str) -> str:
    """``message`` short enough for a trailer: longer ones make clients lose the whole status."""
    text = message.encode("utf-8", "replace").decode()
    while len(quote(text)) > _MOST_DETAILS_BYTES:
        text = text[: len(text) * 3 // 4] + "…"
    return text
