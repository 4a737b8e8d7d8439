"""How many gRPC searches does the server answer per CPU-second, with ten objects in each reply, and what do they cost?

    python bench/searches.py [--tiny] [--apart] [--start "COMMAND"]

Starts a real server on an empty folder, imports objects through BatchObjects, and sends searches over real channels
from this process. The cost is the server process's own CPU time (user + system, all threads, from /proc), so the
client's share does not count. ``--apart`` keeps the server on one core and the callers on the others, so that they do
not empty each other's caches. COMMAND may hold {folder}; it must print lines with
``REST … :port`` and ``gRPC … :port``.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import numpy as np

import _protocol as protocol
from _serving import START, Server, machine, running
from weft.domain.answer import Answer, Hit
from weft.domain.schema import CollectionConfig, DataType, Property, VectorConfig
from weft.engine.encoding import encode_properties
from weft.protocol import base, batch, search_get
from weft.wire.grpc.decode_search import decode_search
from weft.wire.grpc.encode_search import encode_search

Call: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"

Vectors = np.ndarray[Any, np.dtype[np.float32]]
COLLECTION = "Bench"
PROPERTIES = (
    Property("title", DataType.TEXT),
    Property("body", DataType.TEXT),
    Property("words", DataType.INT),
    Property("score", DataType.NUMBER),
    Property("tags", DataType.TEXT_ARRAY),
)
CONFIG = CollectionConfig(COLLECTION, PROPERTIES, {"default": VectorConfig("default")})
VOCABULARY = 20_000
"""Made-up words, drawn with the frequencies of a natural text (Zipf): the n-th with a chance of 1/n."""
BATCH = 500


def create_collection(server: Server) -> None:
    properties = [{"name": p.name, "dataType": [p.data_type.value]} for p in PROPERTIES]
    protocol.create(server.rest_port, protocol.collection(COLLECTION, properties))


def words(rng: np.random.Generator, count: int, commonest: int = 1, rarest: int = VOCABULARY) -> str:
    """``count`` words, from the ``commonest``-th to the ``rarest``-th."""
    drawn = np.exp(rng.uniform(math.log(commonest), math.log(rarest), count)).astype(int)
    return " ".join(f"word{n}" for n in drawn)


def made_vectors(count: int, dims: int, rng: np.random.Generator) -> Vectors:
    """In 500 clusters, as embeddings are."""
    centres = rng.normal(size=(500, dims))
    return (centres[rng.integers(0, 500, count)] + 0.7 * rng.normal(size=(count, dims))).astype(np.float32)


def batches(count: int, vectors: Vectors, rng: np.random.Generator) -> Iterator[bytes]:
    for start in range(0, count, BATCH):
        request = batch.BatchObjectsRequest()
        for i in range(start, min(start + BATCH, count)):
            values = {"title": f"object {i}", "body": words(rng, 60), "words": i, "score": i / 7}
            one = protocol.add_object(request, i, COLLECTION, vectors[i], values)
            one.properties.text_array_properties.add(prop_name="tags", values=["a", "b"])
        yield request.SerializeToString()


def searches(vectors: Vectors, rng: np.random.Generator) -> dict[str, list[bytes]]:
    """64 encoded requests for each kind of search."""

    dims = vectors.shape[1]
    noise = np.float32(0.25 * vectors[:1000].std())

    def make(change: Callable[[Any, Vectors], None]) -> list[bytes]:
        encoded = []
        for _ in range(64):
            request = protocol.search(COLLECTION)
            change(request, vectors[rng.integers(len(vectors))] + rng.normal(size=dims).astype(np.float32) * noise)
            encoded.append(request.SerializeToString())
        return encoded

    def chosen(request: Any, vector: Vectors) -> None:
        protocol.near(request, vector)
        request.properties.return_all_nonref_properties = False
        request.properties.non_ref_properties.extend(["title", "words"])

    def with_vectors(request: Any, vector: Vectors) -> None:
        protocol.near(request, vector)
        request.metadata.vectors.append("default")

    def filtered(request: Any, vector: Vectors) -> None:
        protocol.near(request, vector)
        request.filters.operator = base.Filters.OPERATOR_GREATER_THAN
        request.filters.target.property = "words"
        request.filters.value_int = 10

    def keyword(request: Any, vector: Vectors) -> None:
        request.bm25_search.query = words(rng, 3, 10, 200)

    return {
        "nearest": make(protocol.near),
        "nearest, two properties": make(chosen),
        "nearest, vectors returned": make(with_vectors),
        "nearest, filtered": make(filtered),
        "keyword": make(keyword),
    }


def cost_us(server: Server, call: Callable[[bytes], bytes], requests: list[bytes], count: int, threads: int) -> float:
    """Microseconds of the server's CPU per call."""
    for request in requests:
        call(request)
    before = server.cpu_s()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(call, (requests[i % len(requests)] for i in range(count))):
            pass
    return (server.cpu_s() - before) / count * 1e6


@dataclass
class _Record:
    uuid: bytes
    encoded_properties: bytes
    created_ms: int = 1_700_000_000_000
    updated_ms: int = 1_700_000_000_000


def codec_costs_us(request: bytes, rounds: int) -> tuple[float, float]:
    """Microseconds of this thread's CPU to decode one search, and to encode its reply of ten objects."""
    values = {
        "title": "object",
        "body": words(np.random.default_rng(1), 48),
        "words": 1,
        "score": 0.5,
        "tags": ["a", "b"],
    }
    stored = encode_properties(values, PROPERTIES)
    answer = Answer([Hit(_Record(bytes(16), stored), i, distance=0.5) for i in range(10)])  # type: ignore[arg-type]
    query = decode_search(search_get.SearchRequest.FromString(request), CONFIG)
    return (
        each_us(lambda: decode_search(search_get.SearchRequest.FromString(request), CONFIG), rounds),
        each_us(lambda: encode_search(answer, query, CONFIG), rounds),
    )


def each_us(action: Callable[[], object], rounds: int) -> float:
    action()
    started = time.thread_time()
    for _ in range(rounds):
        action()
    return (time.thread_time() - started) / rounds * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="small numbers, to see that it runs")
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--dims", type=int, default=384)
    parser.add_argument("--requests", type=int, default=5_000, help="searches of each kind")
    parser.add_argument("--threads", type=int, default=4, help="concurrent callers")
    parser.add_argument("--vectors", type=Path, help="an .npy file of float32 vectors; default: made up, in clusters")
    parser.add_argument("--start", default=START)
    parser.add_argument("--apart", action="store_true", help="the server on one core, the callers on the others")
    options = parser.parse_args()
    if options.apart:
        first, *others = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, others)
        options.start = f"taskset -c {first} {options.start}"
    if options.tiny:
        options.objects, options.dims, options.requests = 300, 16, 200
    rng = np.random.default_rng(1)
    vectors = made_vectors(options.objects, options.dims, rng)
    if options.vectors is not None:
        vectors = np.load(options.vectors)[: options.objects]
        options.objects, options.dims = vectors.shape
    print(machine())
    print(
        f"{options.objects} objects x {options.dims}, {options.requests} calls of each kind, {options.threads} callers"
    )
    with running(options.start) as server, grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        create_collection(server)
        measure(server, channel, vectors, options, rng)


def measure(
    server: Server, channel: grpc.Channel, vectors: Vectors, options: argparse.Namespace, rng: np.random.Generator
) -> None:
    before = server.cpu_s()
    store: Call = channel.unary_unary(protocol.STORE)
    for request in batches(options.objects, vectors, rng):
        error = protocol.refused(store(request, timeout=300))
        assert not error, error
    imported = server.cpu_s() - before
    print(f"{'import':28} {imported / options.objects * 1e6:8.1f} µs/object")
    protocol.wait_indexed(server.rest_port)
    health: Call = channel.unary_unary("/grpc.health.v1.Health/Check")
    front = cost_us(server, health, [b""], options.requests, options.threads)
    print(f"{'empty call':28} {front:8.1f} µs")
    search: Call = channel.unary_unary(protocol.SEARCH)
    for kind, requests in searches(vectors, rng).items():
        results = search_get.SearchReply.FromString(search(requests[0], timeout=60)).results
        assert len(results) == 10, f"{kind}: {len(results)} results"
        decode, encode = codec_costs_us(requests[0], min(options.requests, 2_000))
        total = cost_us(server, search, requests, options.requests, options.threads)
        print(
            f"{kind:28} {total:8.1f} µs = {1e6 / max(total, 1e-9):6.0f} searches/CPU-s   empty call {front:.0f}, "
            f"decode {decode:.0f}, encode {encode:.0f}, the rest {total - front - decode - encode:.0f}"
        )


if __name__ == "__main__":
    main()
