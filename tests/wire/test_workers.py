"""``weft serve --workers``: searches are answered by several processes, and nothing of it is to be seen.

Where the package weft-front is missing, asking for several processes is refused instead.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import grpc
import httpx
import pytest
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import Filter, MetadataQuery

from command import run
from server import Server
from weft.protocol import search_get
from weft.wire.grpc.wires import FRONT, installed

SPREADS = FRONT in installed()
METRICS = {"PROMETHEUS_MONITORING_ENABLED": "true", "PROMETHEUS_MONITORING_PORT": "0"}
CALLERS, ROUNDS = 3, 16


def several(folder: Path, environ: Mapping[str, str] | None = None) -> Server:
    return Server(folder, environ, "--workers", "3")


def refused(folder: Path) -> bool:
    """True where this machine cannot have several processes, after a check that it says so."""
    if SPREADS:
        return False
    done = run("serve", "--data-path", str(folder), "--port", "0", "--grpc-port", "0", "--workers", "2")
    assert done.returncode == 1
    assert "2 processes (WEFT_WORKERS) need the package weft-front" in done.stderr
    assert "--workers 1" in done.stderr
    return True


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def answering(server: Server) -> int:
    """How many workers have begun to answer so far."""
    return sum("answers searches" in line for line in server.lines)


def make(server: Server) -> None:
    with server.client() as client:
        client.collections.create(
            "Article",
            properties=[Property(name="title", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)],
            vector_config=Configure.Vectors.self_provided(),
        )


def write_and_read(server: Server, caller: int) -> int:
    """Writes objects, and reads each over the same and another connection as soon as it is acknowledged; how many."""
    rng = random.Random(caller)
    with server.client() as one, server.client() as other:
        for number in range(ROUNDS):
            word, vector = f"w{caller}x{number}", [rng.random() for _ in range(8)]
            uuid = one.collections.use("Article").data.insert({"title": word, "n": number}, vector=vector)
            for client in (one, other):
                articles = client.collections.use("Article")
                assert [hit.uuid for hit in articles.query.bm25(word).objects] == [uuid]
                near = articles.query.near_vector(vector, limit=1, return_metadata=MetadataQuery(distance=True))
                assert [hit.uuid for hit in near.objects] == [uuid]
                assert near.objects[0].properties == {"title": word, "n": number}
                found = articles.query.fetch_objects(filters=Filter.by_property("title").equal(word))
                assert [hit.uuid for hit in found.objects] == [uuid]
            if number % 4 == 3:
                one.collections.use("Article").data.delete_by_id(uuid)
                for client in (one, other):
                    assert client.collections.use("Article").query.bm25(word).objects == []
                    assert client.collections.use("Article").query.near_vector(vector, limit=1).objects[0].uuid != uuid
    return ROUNDS


def test_what_is_acknowledged_is_found_while_workers_are_killed(tmp_path: Path) -> None:
    if refused(tmp_path):
        return
    with several(tmp_path) as server, ThreadPoolExecutor(CALLERS + 1) as pool:
        make(server)
        wait_for(lambda: answering(server) == 2)
        ended = threading.Event()

        def kill() -> int:
            killed = 0
            while not ended.wait(0.3):
                for pid in server.workers()[:1]:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
            return killed

        killing = pool.submit(kill)
        callers = [pool.submit(write_and_read, server, caller) for caller in range(CALLERS)]
        try:
            assert [caller.result(300) for caller in callers] == [ROUNDS] * CALLERS
        finally:
            ended.set()
        assert killing.result(60) > 0
        wait_for(lambda: len(server.workers()) == 2)
    assert server.process.returncode == 0


def test_workers_end_with_their_primary(tmp_path: Path) -> None:
    if refused(tmp_path):
        return
    server = several(tmp_path)
    wait_for(lambda: answering(server) == 2)
    left = server.workers()
    assert len(left) == 2
    server.kill()
    wait_for(lambda: not any(map(exists, left)))
    server.start()
    with server:
        wait_for(lambda: answering(server) == 4)
        left = server.workers()
        for pid in left:
            os.kill(pid, signal.SIGTERM)  # as a supervisor does that stops all processes of a service
        with server.client() as client:
            assert client.is_ready()
        assert all(map(exists, left))
        assert server.stop() == 0
    assert not any(map(exists, left))


def test_a_stop_under_load_ends_in_order_and_loses_nothing(tmp_path: Path) -> None:
    if refused(tmp_path):
        return
    server = several(tmp_path)
    make(server)
    wait_for(lambda: answering(server) == 2)
    stored: list[str] = []
    answered: list[bytes] = []

    def write() -> None:
        with httpx.Client(base_url=server.url("/v1"), timeout=60) as http, suppress(httpx.TransportError):
            while (reply := http.post("/objects", json={"class": "Article", "vector": [1, 2]})).status_code == 200:
                stored.append(reply.json()["id"])

    def read() -> grpc.StatusCode:
        request = search_get.SearchRequest(collection="Article", limit=3, uses_127_api=True).SerializeToString()
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            search: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/weaviate.v1.Weaviate/Search")
            try:
                while True:
                    answered.append(search(request, timeout=60))
            except grpc.RpcError as error:
                return error.code()

    with ThreadPoolExecutor(6) as pool:
        writing, reading = [pool.submit(write) for _ in range(2)], [pool.submit(read) for _ in range(4)]
        wait_for(lambda: len(stored) > 20 and len(answered) > 200)
        assert server.stop() == 0
        assert {one.result(60) for one in reading} == {grpc.StatusCode.UNAVAILABLE}
        for one in writing:
            one.result(60)
    server.start()
    with server, server.client() as client:
        assert {str(one.uuid) for one in client.collections.use("Article").iterator()} >= set(stored)


def test_metrics_count_what_workers_answered(tmp_path: Path) -> None:
    if refused(tmp_path):
        return
    with several(tmp_path, METRICS) as server:
        make(server)
        wait_for(lambda: answering(server) == 2)
        port = next(line.rpartition(":")[2].removesuffix("/metrics") for line in server.lines if "  metrics" in line)

        def search() -> None:
            with server.client() as client:
                for _ in range(50):
                    client.collections.use("Article").query.bm25("word")

        with ThreadPoolExecutor(CALLERS) as pool:
            for caller in [pool.submit(search) for _ in range(CALLERS)]:
                caller.result(120)
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        counts = [line for line in text.splitlines() if line.startswith("weft_request_duration_seconds_count")]
        assert 'weft_request_duration_seconds_count{status="OK",verb="Search",wire="grpc"} 150.0' in counts


def test_an_embedded_server_stays_in_one_process(tmp_path: Path) -> None:
    import weft
    from weft.domain.errors import Misconfigured

    with pytest.raises(Misconfigured, match="stays in one process"):
        weft.connect(tmp_path, workers=2)
    with weft.connect(tmp_path, workers=0) as client:
        assert client.is_ready()
