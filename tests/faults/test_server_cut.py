"""Connections that are cut in the middle, send too slowly, or read nothing: nothing is half stored, nothing leaks."""

from __future__ import annotations

import random
import select
import socket
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import grpc
import httpx
import pytest
from starlette.requests import Request

from server import Server
from weft.domain.errors import CallerError, Overloaded
from weft.protocol import batch as messages
from weft.wire.rest.body import SMALL_BYTES, WINDOW_BYTES, Reader

if sys.platform != "linux":
    pytest.skip("reads /proc", allow_module_level=True)

SEED = 17
CUTS = 40
STREAM, UNARY = "/weaviate.v1.Weaviate/BatchStream", "/weaviate.v1.Weaviate/BatchObjects"
Unary: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"
Stream: TypeAlias = "grpc.StreamStreamMultiCallable[bytes, bytes]"


class Cutter:
    """A way to ``port`` that ends after so many bytes: the connection is reset in both directions."""

    def __init__(self, port: int, most_bytes: int) -> None:
        self._target = ("127.0.0.1", port)
        self._left = most_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self) -> None:
        client, _ = self._listener.accept()
        self._listener.close()
        with client, socket.create_connection(self._target) as server:
            ways = {client: server, server: client}
            with suppress(OSError):
                while self._left > 0:
                    for end in select.select([client, server], [], [], 30)[0]:
                        data = end.recv(min(self._left, 4096) if end is client else 4096)
                        if not data:
                            return
                        ways[end].sendall(data)
                        self._left -= len(data) if end is client else 0
            for end in ways:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def join(self) -> None:
        self._thread.join(30)


def held(server: Server) -> tuple[int, int]:
    """Threads and open files of the server."""
    process = Path("/proc") / str(server.process.pid)
    return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))


def resident_bytes(server: Server) -> int:
    lines = (Path("/proc") / str(server.process.pid) / "status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1]) << 10


def check_nothing_is_held(server: Server, before: tuple[int, int], pools: int = 60) -> None:
    """``pools``: the workers that the wires' pools may have started meanwhile."""
    for _ in range(1000):
        threads, files = held(server)
        if threads <= before[0] + pools and files <= before[1] + 4:
            return
        time.sleep(0.02)
    raise AssertionError(f"{held(server)} threads and files are held, {before} were")


def make(server: Server) -> None:
    document = {"class": "Things", "vectorizer": "none", "properties": [{"name": "t", "dataType": ["text"]}]}
    assert httpx.post(server.url("/v1/schema"), json=document).status_code == 200


def stored(server: Server) -> set[str]:
    with server.client() as client:
        return {str(one.uuid) for one in client.collections.use("Things").iterator()}


def objects(first: int, count: int) -> list[Any]:
    return [
        messages.BatchObject(collection="Things", uuid=str(uuid.UUID(int=n + 1))) for n in range(first, first + count)
    ]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data", {"WEFT_DURABLE": "false"}) as running:
        make(running)
        yield running
        assert not any("Traceback" in line for line in running.lines), running.lines


def test_streams_that_are_cut(server: Server) -> None:
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    acknowledged: set[str] = set()
    reported: set[str] = set()
    before = held(server)
    for cut in range(CUTS):

        def requests(cut: int = cut) -> Any:
            yield messages.BatchStreamRequest(start=messages.BatchStreamRequest.Start()).SerializeToString()
            for part in range(40):
                request = messages.BatchStreamRequest()
                request.data.objects.values.extend(objects(cut * 10_000 + part * 50, 50))
                yield request.SerializeToString()
            yield messages.BatchStreamRequest(stop=messages.BatchStreamRequest.Stop()).SerializeToString()

        cutter = Cutter(server.grpc_port, rng.randrange(500, 100_000))
        with (
            grpc.insecure_channel(f"127.0.0.1:{cutter.port}", [("grpc.enable_retries", 0)]) as channel,
            suppress(grpc.RpcError),
        ):
            stream: Stream = channel.stream_stream(STREAM)
            for data in stream(requests(), timeout=10):
                reply = messages.BatchStreamReply.FromString(data)
                acknowledged |= set(reply.acks.uuids)
                reported |= {one.uuid for one in reply.results.successes}
        cutter.join()
    check_nothing_is_held(server, before)
    there = stored(server)
    assert reported
    assert reported <= acknowledged
    assert reported <= there
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        whole: Stream = channel.stream_stream(STREAM)
        replies = list(whole(requests(CUTS)))
    assert len(replies) > 40, "a whole stream still finds its place"


def test_batches_that_are_cut_are_stored_whole_or_not_at_all(server: Server) -> None:
    rng = random.Random(SEED)
    before = held(server)
    for cut in range(CUTS):
        request = messages.BatchObjectsRequest(objects=objects(cut * 10_000, 500))
        cutter = Cutter(server.grpc_port, rng.randrange(200, 36_000))
        with (
            grpc.insecure_channel(f"127.0.0.1:{cutter.port}", [("grpc.enable_retries", 0)]) as channel,
            suppress(grpc.RpcError),
        ):
            # The client does not always notice the reset: its deadline ends the call then.
            store: Unary = channel.unary_unary(UNARY)
            store(request.SerializeToString(), timeout=3)
        cutter.join()
    check_nothing_is_held(server, before)
    by_batch: dict[int, int] = {}
    for id_ in stored(server):
        batch = (uuid.UUID(id_).int - 1) // 10_000
        by_batch[batch] = by_batch.get(batch, 0) + 1
    assert set(by_batch.values()) <= {500}


BODY = b'{"objects": [{"class": "Things", "properties": {"t": "' + b"x" * 50_000 + b'"}, "vector": [1, 2]}]}'
HEAD = b"POST /v1/batch/objects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def chunked(rng: random.Random) -> bytes:
    whole = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:20_000], BODY[20_000:]))
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + whole[: rng.randrange(1, len(whole))]


def too_long(rng: random.Random) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % (len(BODY) + 1 + rng.randrange(1000)) + BODY


def cut_short(rng: random.Random) -> bytes:
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    return whole[: rng.randrange(1, len(whole))]


@pytest.mark.parametrize("kind", [chunked, too_long, cut_short])
@pytest.mark.parametrize("politely", [True, False])
def test_bodies_that_are_cut(server: Server, kind: Callable[[random.Random], bytes], politely: bool) -> None:
    rng = random.Random(SEED)
    before = held(server)
    for _ in range(CUTS):
        with socket.create_connection(("127.0.0.1", server.rest_port)) as connection:
            connection.sendall(kind(rng))
            if politely:
                connection.shutdown(socket.SHUT_WR)
                with suppress(OSError):
                    while connection.recv(4096):
                        pass
            else:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    check_nothing_is_held(server, before)
    assert stored(server) == set()


def test_clients_that_send_or_read_next_to_nothing_hinder_no_others(server: Server) -> None:
    size, count = 4_000_000, 40
    obj = {"class": "Things", "id": str(uuid.UUID(int=1)), "properties": {"t": "x" * size}, "vector": [1, 2]}
    path = f"/v1/objects/Things/{uuid.UUID(int=1)}"
    with httpx.Client(base_url=server.url(""), timeout=60) as http:
        assert http.post("/v1/objects", json=obj).status_code == 200
        for _ in range(3):
            assert len(http.get(path).content) > size
        before, memory = held(server), resident_bytes(server)
        connections = []
        for n in range(1200):
            connection = socket.create_connection(("127.0.0.1", server.rest_port))
            connection.sendall(HEAD[:40] if n % 2 else HEAD + b"Content-Length: 100000\r\n\r\n{")
            connections.append(connection)
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.rest_port))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connections.append(connection)
        for _ in range(5):
            assert len(http.get(path).content) > size, "others are served meanwhile"
        assert resident_bytes(server) - memory < 3 * count * size
        for connection in connections:
            connection.close()
        check_nothing_is_held(server, before)
    assert len(stored(server)) == 1


def request_of(*parts: bytes, wait_s: float = 0.0) -> Request:
    """Its body's parts come at such intervals, and then nothing more."""
    coming = list(parts)

    async def receive() -> dict[str, Any]:
        await anyio.sleep(wait_s if coming else 1000)
        return {"type": "http.request", "body": coming.pop(0), "more_body": True}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def read(reader: Reader, request: Request, holder: str = "") -> bytes:
    with reader.holding(holder) as held:
        return await reader.read(request, held)


def test_a_body_that_comes_too_slowly_is_not_waited_for() -> None:
    reader = Reader(1_000_000, window_s=0.05)
    with pytest.raises(CallerError, match="did not arrive in time"):
        anyio.run(read, reader, request_of(*[b"x"] * 100_000, wait_s=0.01))


def test_a_body_that_stalls_near_its_end_is_not_waited_for() -> None:
    reader = Reader(4_000_000, window_s=0.2)
    with pytest.raises(CallerError, match="did not arrive in time"):
        anyio.run(read, reader, request_of(*[b"x" * 100_000] * 39))


def test_a_body_may_take_long_as_a_whole() -> None:
    reader = Reader(10_000_000, window_s=0.5)
    parts = [b"x" * WINDOW_BYTES] * 15
    request = request_of(*parts, wait_s=0.05)

    async def cut() -> int:
        size = 0
        with reader.holding("") as held, pytest.raises(CallerError, match="did not arrive in time"):
            try:
                await reader.read(request, held)
            finally:
                size = held.size
        return size

    assert anyio.run(cut) == len(parts) * WINDOW_BYTES


def test_bodies_hold_only_so_much_together_and_there_is_room_for_another_caller() -> None:
    size = 200_000
    reader = Reader(size, window_s=30, least_held_bytes=0)

    async def many() -> None:
        async with anyio.create_task_group() as group:
            for caller, most in (("greedy", 4), ("also", 2), ("third", 1)):
                for _ in range(most):
                    group.start_soon(read, reader, request_of(b"x" * size), caller)
                await anyio.sleep(0.05)
                with pytest.raises(Overloaded, match=f"{most * size} bytes of requests of this caller"):
                    await read(reader, request_of(b"x" * size), caller)
            with anyio.move_on_after(0.05) as small:
                await read(reader, request_of(b"x" * SMALL_BYTES), "greedy")
            assert small.cancelled_caught, "what is small is received and waited for"
            group.cancel_scope.cancel()
        with anyio.move_on_after(0.05) as waited:
            await read(reader, request_of(b"x" * size), "third")
        assert waited.cancelled_caught, "those who went away hold nothing"

    anyio.run(many)
