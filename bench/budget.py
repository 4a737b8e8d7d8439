"""Where does a gRPC search spend its time, from the bytes of the request to the bytes of the reply?

    python bench/_packages.py FOLDER
    python bench/budget.py --data FOLDER [--objects N] [--json]
    python bench/budget.py --tiny

Runs a server in this process on the packages of ``_packages.py``, and calls what every wire calls for a search: a
function from bytes to bytes, on one thread, with the clock read where one step ends and the next begins. The figures
are medians over the requests, in µs, of the steps as they follow each other, so that each finds the processor's caches
as the one before it left them. ``whole`` is the thread's CPU time without these readings, which is less than their sum.
What the wire itself costs is measured by ``bench/wires.py`` (its empty call).

    admit    who is calling, and may they; counting the call
    decode   the bytes of the request to a query
    plan     everything of the service between the other steps: ranking, paging, fusing, hits
    select   the filter to a set of objects
    engine   the best objects by vector, by words, or in order
    read     the records of the page, out of LMDB, checked
    encode   the hits to the bytes of the reply
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _packages import Packages, load, made_up
from _server_peers import Protocolled
from _serving import machine
from weft.access.access import Access
from weft.config import load_settings
from weft.engine.drivers import open_database
from weft.engine.embedded.shard_view import ShardView
from weft.modules import build_registry
from weft.protocol import search_get
from weft.service.guard import Door
from weft.service.schema.document import parse
from weft.service.search.searcher import Searcher
from weft.service.service import Service
from weft.wire.grpc import calls
from weft.wire.grpc.methods import Methods, Table
from weft.wire.grpc.server import DEFAULT_LIMITS

KINDS = ("keyword", "nearest", "tag = x, 10%", "range, 50%", "hybrid")
_PEER = Protocolled("Weft", 0, 0, 0)
STEPS = ("admit", "decode", "plan", "select", "engine", "read", "encode")
_TIMED: tuple[tuple[Any, str, str], ...] = (
    (calls, "parse", "decode"),
    (calls, "decode_search", "decode"),
    (Searcher, "run", "plan"),
    (ShardView, "select", "select"),
    (ShardView, "nearest", "engine"),
    (ShardView, "keyword", "engine"),
    (ShardView, "page", "engine"),
    (ShardView, "records", "read"),
    (calls, "encode_search", "encode"),
)
"""Functions, and the step that their time belongs to, but for that of others within them."""


class Clock:
    """The time of one request by step: each moment belongs to the innermost function that is timed."""

    def __init__(self) -> None:
        self.ns = dict.fromkeys(STEPS, 0)
        self._step = "admit"
        self._since = time.perf_counter_ns()

    def enter(self, step: str) -> str:
        """Returns the step that it interrupts."""
        now = time.perf_counter_ns()
        self.ns[self._step] += now - self._since
        before, self._step, self._since = self._step, step, now
        return before


@contextmanager
def timed(clock: list[Clock]) -> Iterator[None]:
    """With every function of ``_TIMED`` telling ``clock[0]`` where it begins and ends."""

    def wrapped(function: Callable[..., Any], step: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            before = clock[0].enter(step)
            try:
                return function(*args, **named)
            finally:
                clock[0].enter(before)

        return call

    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in _TIMED]
    for owner, name, step in _TIMED:
        setattr(owner, name, wrapped(vars(owner)[name], step))
    try:
        yield
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)


def budget(call: Callable[[bytes, dict[str, str]], object], requests: list[bytes], rounds: int) -> dict[str, float]:
    """µs of each step, and of CPU of the ``whole`` without the clock: medians over the requests."""
    headers = {"user-agent": "grpc-python", "x-weaviate-client": "python", "content-type": "application/grpc"}
    clock = [Clock()]
    found: dict[str, list[float]] = {step: [] for step in (*STEPS, "whole")}
    for request in requests:
        assert isinstance(call(request, headers), bytes)
    for _ in range(rounds):
        for request in requests:
            started = time.thread_time_ns()
            call(request, headers)
            found["whole"].append((time.thread_time_ns() - started) / 1e3)
        with timed(clock):
            for request in requests:
                clock[0] = Clock()
                call(request, headers)
                clock[0].enter("admit")
                for step, ns in clock[0].ns.items():
                    found[step].append(ns / 1e3)
    return {step: statistics.median(values) for step, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="made-up objects, to see that it runs")
    parser.add_argument("--data", type=Path, help="the folder that _packages.py filled")
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.tiny and options.data is None:
        parser.error("--data FOLDER is required, or --tiny")
    packages = made_up(300, 16) if options.tiny else load(options.data, options.objects)
    print(machine())
    print(f"{len(packages.objects)} objects x {packages.vectors.shape[1]}, {len(packages.queries)} requests of a kind")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (service, table):
        requests = _prepared(service, table, packages)
        search, rounds = table.short[_PEER.search_path], 1 if options.tiny else options.rounds
        rows = {kind: budget(search, encoded, rounds) for kind, encoded in requests.items()}
    if options.json:
        print(json.dumps(rows))
        return
    print(f"{'µs':14}" + "".join(f"{step:>9}" for step in (*STEPS, "whole")))
    for kind, row in rows.items():
        print(f"{kind:14}" + "".join(f"{value:9.1f}" for value in row.values()))


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Service, Table]]:
    """A service on an empty folder, and what answers gRPC calls to it; without a port."""
    settings = load_settings({"data_path": str(folder)})
    registry = build_registry(settings.modules.enabled)
    storage = settings.storage
    database = open_database(folder, parse, durable=storage.durable, write_queue=storage.write_queue)
    access = Access(settings.access, database.folder, durable=storage.durable)
    service = Service(settings, database, registry, access)
    try:
        yield service, Methods(Door(service, access), access.authenticator, None, DEFAULT_LIMITS).table
    finally:
        service.close()
        access.close()
        database.close()
        registry.close()


def _prepared(service: Service, table: Table, packages: Packages) -> dict[str, list[bytes]]:
    """The requests of each kind, once their objects are stored and indexed."""
    service.collections.create(_PEER.document())
    for request in _PEER.batches(packages):
        reply = table.long[_PEER.store_path](request, {})
        assert isinstance(reply, bytes), reply
        assert not _PEER.refused(reply)
    while any(shard.vector_queue for node in service.nodes(None, verbose=True) for shard in node.shards or ()):
        time.sleep(0.2)
    found = {kind: _PEER.requests(kind, packages, limit=10) or [] for kind in KINDS}
    listing = search_get.SearchRequest.FromString(found["nearest"][0])
    listing.ClearField("near_vector")
    return {**found, "listing": [listing.SerializeToString()] * len(packages.queries)}


if __name__ == "__main__":
    main()
