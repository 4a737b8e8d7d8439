"""A gRPC server in front of a real one: another process with a replica answers what it can, the real one the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc

from replica.process import Answered, Gone, ReplicaProcess
from server import Server

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
_SEARCHES = {f"/weaviate.v1.Weaviate/{name}" for name in ("Search", "Aggregate", "TenantsGet")}


class Front(grpc.GenericRpcHandler):
    """``calls`` counts those that are searches: "answered" by the replica, "passed" by it, "lost" with its process.

    Clients connect to ``port``; REST is the server's own.
    """

    def __init__(self, server: Server) -> None:
        self.calls: Counter[str] = Counter()
        self.replica = ReplicaProcess(server.folder, server.environ)
        self._channel: Any = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options=_OPTIONS)
        self._grpc = grpc.server(ThreadPoolExecutor(16), handlers=[self], options=_OPTIONS)
        self.port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()

    def __enter__(self) -> Front:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._grpc.stop(1).wait()
        self._channel.close()
        self.replica.kill()

    def service(self, details: Any) -> Any:
        path: str = details.method
        if path.endswith(("BatchStream", "Watch")):
            return grpc.stream_stream_rpc_method_handler(self._stream(path))
        return grpc.unary_unary_rpc_method_handler(self._unary(path))

    def _unary(self, path: str) -> Callable[[bytes, Any], bytes]:
        def answer(message: bytes, context: Any) -> bytes:
            found = self._replied(path, message, context) if path in _SEARCHES else Answered(None)
            if found.refused is not None:
                status, text = found.refused
                context.abort(grpc.StatusCode[status], text)
            return self._asked(path, message, context) if found.reply is None else found.reply

        return answer

    def _replied(self, path: str, message: bytes, context: Any) -> Answered:
        texts = {key: value for key, value in context.invocation_metadata() if not key.endswith("-bin")}
        try:
            found = self.replica.ask(path, message, texts)
        except Gone:
            self.calls["lost"] += 1
            return Answered(None)
        self.calls["passed" if found == (None, None) else "answered"] += 1
        return found

    def _asked(self, path: str, message: bytes, context: Any) -> bytes:
        """What the server answers."""
        try:
            reply: bytes = self._channel.unary_unary(path)(message, metadata=_metadata(context))
        except grpc.RpcError as error:
            _abort(context, error)
        return reply

    def _stream(self, path: str) -> Callable[[Iterator[bytes], Any], Iterator[bytes]]:
        def converse(messages: Iterator[bytes], context: Any) -> Iterator[bytes]:
            replies = self._channel.stream_stream(path)(messages, metadata=_metadata(context))
            context.add_callback(replies.cancel)
            try:
                yield from replies
            except grpc.RpcError as error:
                _abort(context, error)

        return converse


def _metadata(context: Any) -> tuple[tuple[str, str | bytes], ...]:
    return tuple((key, value) for key, value in context.invocation_metadata() if key != "user-agent")


def _abort(context: Any, error: Any) -> None:
    context.set_trailing_metadata(error.trailing_metadata() or ())
    context.abort(error.code(), error.details())
