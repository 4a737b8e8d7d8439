"""How fast is a durable import through the official client, how soon is the server back, and what does it hold?

    python bench/importing.py [--objects 100000] [--dims 384]
    python bench/importing.py --tiny

Imports objects with a vector and five properties in each of the client's ways, then waits until every vector is in the
graph, restarts the server on the folder and asks it something. Objects a second are of the whole, client included (both
share this machine); the CPU of both stands beside it, and the client's alone bounds it: one Python process makes the
messages. Memory that is the process's own stands beside file pages.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from json import load
from pathlib import Path
from typing import Any

import numpy as np
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject

from _serving import Server, machine, running

WORDS = [
    "weft",
    "warp",
    "loom",
    "shuttle",
    "thread",
    "fabric",
    "pattern",
    "colour",
    "silk",
    "wool",
    "linen",
    "cotton",
    "yarn",
    "needle",
    "stitch",
    "hem",
]
CHUNK = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="small numbers, to see that it runs")
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=384)
    options = parser.parse_args()
    if options.tiny:
        options.objects, options.dims = 600, 16
    print(machine())
    print(f"{options.objects} objects x {options.dims}, five properties, durable\n")
    print("| import by | objects/s | server CPU, µs/object | client CPU, µs/object |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        with running(folder=Path(folder)) as server, connected(server) as client:
            for name, action in (
                ("insert_many", by_insert_many),
                ("batch.fixed_size", by_fixed_size),
                ("batch.stream", by_stream),
            ):
                measure(server, client, name, action, options)
            wait_for_graph(server)
            report("after the import", server, options.objects)
        with running(folder=Path(folder)) as server, connected(server) as client:
            print(f"\nready {server.ready_s:.2f} s after its start with {3 * options.objects} objects on disk")
            things = client.collections.use("Stream")
            assert len(things) == options.objects
            assert things.query.near_vector([1.0] * options.dims, limit=1).objects
            assert things.query.bm25("loom", limit=1).objects
            report("after the restart and two searches", server, options.objects)


def connected(server: Server) -> weaviate.WeaviateClient:
    return weaviate.connect_to_local(
        host="127.0.0.1", port=server.rest_port, grpc_port=server.grpc_port, skip_init_checks=True
    )


def measure(
    server: Server, client: Any, name: str, action: Callable[[Any, Iterator[Any]], None], options: argparse.Namespace
) -> None:
    things = client.collections.create(
        name.rpartition(".")[2].title().replace("_", ""),
        vector_config=Configure.Vectors.self_provided(),
        properties=[
            Property(name="title", data_type=DataType.TEXT),
            Property(name="body", data_type=DataType.TEXT),
            Property(name="n", data_type=DataType.INT),
            Property(name="score", data_type=DataType.NUMBER),
            Property(name="tags", data_type=DataType.TEXT_ARRAY),
        ],
    )
    rows = list(objects(options.objects, options.dims))
    cpu, own, begun = server.cpu_s(), time.process_time(), time.perf_counter()
    action(things, iter(rows))
    took, used, spent = time.perf_counter() - begun, server.cpu_s() - cpu, time.process_time() - own
    assert len(things) == options.objects, f"{len(things)} stored"
    each_us = 1e6 / options.objects
    print(f"| {name} | {options.objects / took:,.0f} | {used * each_us:.0f} | {spent * each_us:.0f} |")


def objects(count: int, dims: int) -> Iterator[DataObject[Any, Any]]:
    rng = np.random.default_rng(1)
    for i in range(count):
        words = rng.choice(WORDS, 40)
        yield DataObject(
            uuid=uuid.UUID(int=i + 1),
            properties={"title": f"object {i}", "body": " ".join(words), "n": i, "score": i / 7, "tags": ["a", "b"]},
            vector=rng.normal(size=dims).astype(np.float32).tolist(),
        )


def by_insert_many(things: Any, rows: Iterator[Any]) -> None:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            assert not things.data.insert_many(chunk).has_errors
            chunk = []
    if chunk:
        assert not things.data.insert_many(chunk).has_errors


def by_fixed_size(things: Any, rows: Iterator[Any]) -> None:
    with things.batch.fixed_size(CHUNK, concurrent_requests=2) as batch:
        for row in rows:
            batch.add_object(row.properties, uuid=row.uuid, vector=row.vector)
    assert not things.batch.failed_objects


def by_stream(things: Any, rows: Iterator[Any]) -> None:
    with things.batch.stream() as batch:
        for row in rows:
            batch.add_object(row.properties, uuid=row.uuid, vector=row.vector)
    assert not things.batch.failed_objects


def wait_for_graph(server: Server) -> None:
    """Until no vector waits to be built into a graph, or the queues stand still (small collections need no graph)."""
    before, still = -1, 0
    while still < 5:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.rest_port}/v1/nodes?output=verbose") as reply:
            waiting = sum(shard["vectorQueueLength"] for shard in load(reply)["nodes"][0]["shards"])
        still = still + 1 if waiting == before else 0
        before = waiting
        time.sleep(0.5)


def report(when: str, server: Server, count: int) -> None:
    held = server.resident_bytes()
    print(f"\n{when}: {held['own'] / 1e6:.0f} MB of its own, {held['mapped'] / 1e6:.0f} MB of file pages")


if __name__ == "__main__":
    main()
