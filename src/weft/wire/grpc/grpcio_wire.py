"""grpcio's synchronous server as a wire: it answers a whole search for 262 µs of CPU where grpc.aio needs 340.

Unary calls are taken as streams of one message, so that who calls is looked at before the message is received. A thread
that waits for a message counts apart from those that answer: there are more threads than calls are answered at a time,
made as they are needed, and each call that has its message takes a turn.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Final, NoReturn, TypeAlias
from urllib.parse import unquote

import grpc

from weft.domain.caller import PEER
from weft.domain.deadline import calling
from weft.domain.errors import WeftError
from weft.domain.place import MOST_AWAY, placed
from weft.domain.shares import Shares
from weft.wire.errors import Refusal, to_refusal
from weft.wire.grpc.arrivals import Arrivals
from weft.wire.grpc.call_place import CallPlace
from weft.wire.grpc.conversation import ClientLink, Headers, Streaming
from weft.wire.grpc.error_details import usage_details
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import Table, Unary, details
from weft.wire.grpc.stream import ClientGone
from weft.wire.grpc.unpacking import Unpacking
from weft.wire.grpc.wire import CONNECTION_IDLE_S, HANDSHAKE_TIMEOUT_S, KEEPALIVE_S, KEEPALIVE_TIMEOUT_S, Address
from weft.wire.tls import ServerCertificate

_BAD_METADATA: Final = "Invalid encoding on"
"""What grpcio logs, with a traceback, of metadata that is not UTF-8: strangers could fill the disk with lines."""
logging.getLogger("grpc._cython.cygrpc").addFilter(lambda record: not str(record.msg).startswith(_BAD_METADATA))

Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


class GrpcioWire(grpc.GenericRpcHandler):
    """Finds the handler of a method by its path."""

    spreader: Final = None

    def __init__(
        self, table: Table, address: Address, limits: Limits, certificate: ServerCertificate | None = None
    ) -> None:
        self._table = table
        self._certificate = certificate
        self._headers = _headers_and_peer if table.names_peers else _headers
        self._address = address
        self._limits = limits
        self._most_streams = limits.streams + limits.watches
        self._calls = self._arrived = self._streams = 0
        """Unary calls that have not been answered, those of them that have their message, and open streams."""
        self._counting = threading.Lock()
        self._arrivals = Arrivals(limits.arriving, limits.arriving_slowly, limits.message_timeout_s)
        self._unpacking = Unpacking(limits.message_bytes, limits.bytes_under_way)
        self._turns: SimpleQueue[None] = SimpleQueue()
        for _ in range(limits.threads):
            self._turns.put(None)
        self._handlers: dict[str, Handler] = {
            path: grpc.stream_unary_rpc_method_handler(self._unary(path, answer))
            for path, answer in {**table.short, **table.long}.items()
        }
        for path, answer in table.streams.items():
            self._handlers[path] = grpc.stream_stream_rpc_method_handler(self._stream(answer))
        self._full: Handler = grpc.stream_unary_rpc_method_handler(_refuse_full)
        self._away = Shares(MOST_AWAY)
        threads = limits.threads + limits.arriving + self._most_streams + MOST_AWAY
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="weft-grpc")
        self._server = grpc.server(
            self._pool,
            handlers=[self],
            options=[
                ("grpc.max_receive_message_length", limits.message_bytes),
                ("grpc.max_send_message_length", limits.message_bytes),
                ("grpc.per_message_decompression", 0),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", KEEPALIVE_S * 1000),
                ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_S * 1000),
                ("grpc.server_handshake_timeout_ms", HANDSHAKE_TIMEOUT_S * 1000),
                ("grpc.max_connection_idle_ms", CONNECTION_IDLE_S * 1000),
                ("grpc.max_allowed_incoming_connections", limits.open_connections),
                ("grpc.max_concurrent_streams", limits.connection_calls),
                # With strikes, each ping beyond them leaves kilobytes behind while its client does not read.
                ("grpc.http2.max_ping_strikes", 0),
                ("grpc.max_metadata_size", limits.header_bytes),
                ("grpc.absolute_max_metadata_size", limits.header_bytes),
            ],
        )

    def start(self) -> int:
        try:
            port: int = self._bind(str(self._address))
        except RuntimeError:
            port = 0
        if port == 0:
            raise self._address.refused()
        self._server.start()
        self._arrivals.start()
        return port

    def certify(self, certificate: ServerCertificate) -> None:
        self._certificate = certificate

    def _bind(self, address: str) -> int:
        first = self._certificate
        if first is None:
            return self._server.add_insecure_port(address)
        credentials = grpc.dynamic_ssl_server_credentials(
            _configuration(first), self._newest, require_client_authentication=first.client_ca is not None
        )
        return self._server.add_secure_port(address, credentials)

    def _newest(self) -> grpc.ServerCertificateConfiguration:
        """Asked for by each connection."""
        assert self._certificate is not None
        return _configuration(self._certificate)

    def stop(self, grace_s: float) -> None:
        self._server.stop(grace_s).wait()
        self._arrivals.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        handler = self._handlers.get(handler_call_details.method)
        if handler is None:
            return None
        with self._counting:
            if handler.response_streaming:
                if self._streams >= self._most_streams:
                    return self._full
                self._streams += 1
            else:
                if self._calls >= self._limits.calls + self._limits.arriving + MOST_AWAY:
                    return self._full
                self._calls += 1
        return handler

    def _unary(self, path: str, answer: Unary) -> Callable[[Iterator[bytes], grpc.ServicerContext], bytes]:
        admit = self._table.admit if path in self._table.guarded else None

        def handle(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            try:
                headers = self._headers(context)
                refusal = None if admit is None else admit(path, headers)
                if refusal is not None:
                    _abort(context, refusal)
                data = self._received(requests, context)
                with self._turn(context):
                    try:
                        with self._unpacking.message(data) as message, calling(_GrpcioClient(context)):
                            del data
                            reply = answer(message, headers)
                    except WeftError as error:
                        reply = to_refusal(error)
                if isinstance(reply, Refusal):
                    _abort(context, reply)
                return reply
            finally:
                with self._counting:
                    self._calls -= 1

        return handle

    def _received(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        """The one message of a unary call. Ends the call where there is none."""
        number = self._arrivals.expect(context.cancel)
        try:
            data = next(requests, None)
        finally:
            self._arrivals.arrived(number)
        if data is None:
            context.abort(grpc.StatusCode.INTERNAL, "the call has no message")
        return data

    @contextmanager
    def _turn(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Waits until the call may be answered. Ends it where too many wait, or its client no longer does."""
        with self._counting:
            self._arrived += 1
            is_over = self._arrived > self._limits.calls
        try:
            if is_over:
                _refuse_full(None, context)
            try:
                self._turns.get_nowait()
                waited = False
            except Empty:
                self._turns.get()
                waited = True
            try:
                if waited and not context.is_active():
                    context.abort(grpc.StatusCode.CANCELLED, "")
                with placed(CallPlace(self._away, self._leave, self._enter)):
                    yield
            finally:
                self._turns.put(None)
        finally:
            with self._counting:
                self._arrived -= 1

    def _leave(self) -> None:
        with self._counting:
            self._arrived -= 1
        self._turns.put(None)

    def _enter(self) -> None:
        self._turns.get()
        with self._counting:
            self._arrived += 1

    def _stream(self, answer: Streaming) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]:
        def handle(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            failure: Exception | None = None
            try:
                link = ClientLink(self._headers(context), _address(context), context.add_callback, context.cancel)
                yield from answer(self._messages(requests), link)
            except ClientGone:
                pass
            except Exception as error:
                failure = error
            finally:
                with self._counting:
                    self._streams -= 1
            if failure is not None:
                _abort(context, to_refusal(failure))

        return handle

    def _messages(self, requests: Iterator[bytes]) -> Iterator[bytes]:
        try:
            for data in requests:
                with self._unpacking.message(data) as message:
                    del data
                    yield message
                    del message
        except grpc.RpcError as error:
            raise ClientGone from error


class _GrpcioClient:
    """A ``WaitingClient``."""

    __slots__ = ("_context",)

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def remaining_s(self) -> float | None:
        remaining: float | None = self._context.time_remaining()
        return remaining

    def is_gone(self) -> bool:
        return not self._context.is_active()


def _refuse_full(requests: object, context: grpc.ServicerContext) -> NoReturn:
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls wait for an answer; try again later")


def _configuration(certificate: ServerCertificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(certificate.key, certificate.chain)], root_certificates=certificate.client_ca
    )


def _address(context: grpc.ServicerContext) -> str:
    """The client's, without its port: it calls from ``ipv4:1.2.3.4:5678``, or ``unix:``."""
    return context.peer().partition(":")[2].rpartition(":")[0]


def _headers(context: grpc.ServicerContext) -> Headers:
    return {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}


def _headers_and_peer(context: grpc.ServicerContext) -> Headers:
    return {**_headers(context), PEER: unquote(_address(context)).strip("[]")}


def _abort(context: grpc.ServicerContext, refusal: Refusal) -> NoReturn:
    if refusal.usage is not None:
        context.set_trailing_metadata((("grpc-status-details-bin", usage_details(refusal.usage)),))
    context.abort(grpc.StatusCode[refusal.codes.grpc], details(refusal))
