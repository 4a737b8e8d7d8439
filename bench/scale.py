"""How do costs grow with the number of objects?

    python bench/scale.py [--sizes 10000,100000,1000000] [--vectors vectors.npy] [--workers N] [--squeezed] [--tiny]

For each size, a server on an empty folder imports so many objects (a vector, a text of 30 words, a number, a tag), is
asked while it does, finishes its indexes, is asked again, and starts once more on the folder. Vectors lie between
those of ``--vectors`` (as ``bench/_packages.py`` makes), so that a larger collection has more of what there is rather
than the same again; without them they are made up, in clusters. Cost is CPU time of the server's processes; "while
importing" is the wall clock of one caller among importing ones on the same cores, and also between two parts of the
import, while the requests of the next are made and the server builds its graph. With ``--squeezed``, which needs root,
it starts a third time with none of its files in memory and room for half of them beside its own memory, and is asked
once more. The last lines say how each figure grew from the smallest size to the largest, beside the growth of n and of
log n.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import _protocol as protocol
from _callers import Callers
from _protocol import SEARCH, STORE
from _serving import START, Server, machine, running
from _squeezed import forget, squeezed
from searches import made_vectors, words
from side_by_side import table
from weft.protocol import batch
from weft.wire.grpc.wires import installed

Vectors = npt.NDArray[np.float32]
COLLECTION = "Scale"
BATCH = 500
QUERIES = 200
K = 10
KINDS = ("nearest", "nearest of a tenth", "keyword", "hybrid")
WORDS = 30
_PREPARED = 20_000
"""The most objects in requests that are made before they are sent."""
_SPARE_BYTES = 32 << 20
"""By which a server's own memory may differ from one start to the next."""


class Objects:
    """As many objects as are asked for, always the same, and ``QUERIES`` queries that are none of them."""

    def __init__(self, dims: int, source: Path | None) -> None:
        rng = np.random.default_rng(1)
        self._source = made_vectors(60_000, dims, rng) if source is None else np.load(source)
        self.dims = self._source.shape[1]
        self.queries = self._between(QUERIES, rng)
        self.texts = [words(rng, 3, 10, 2_000) for _ in range(QUERIES)]

    def vectors(self, start: int, stop: int) -> Vectors:
        return self._between(stop - start, np.random.default_rng(1_000 + start))

    def batches(self, count: int) -> Iterator[bytes]:
        for start in range(0, count, BATCH):
            rng, stop = np.random.default_rng(start), min(start + BATCH, count)
            request = batch.BatchObjectsRequest()
            for i, vector in enumerate(self.vectors(start, stop), start):
                values = {"text": words(rng, WORDS), "number": i, "tag": f"tag{i % 10}"}
                protocol.add_object(request, i, COLLECTION, vector, values)
            yield request.SerializeToString()

    def requests(self, kind: str) -> list[bytes]:
        made = []
        for vector, text in zip(self.queries, self.texts, strict=True):
            request = protocol.search(COLLECTION, K)
            if kind == "keyword":
                request.bm25_search.query = text
            elif kind == "hybrid":
                protocol.by_both(request, text, vector)
            else:
                protocol.near(request, vector)
            if kind == "nearest of a tenth":
                protocol.where_equal(request, "tag", "tag3")
            made.append(request.SerializeToString())
        return made

    def nearest(self, count: int) -> list[set[int]]:
        """Exactly, for each query."""
        best = [np.zeros(0)] * QUERIES
        ids = [np.zeros(0, int)] * QUERIES
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            closeness = self.queries @ self.vectors(start, stop).T
            for q, row in enumerate(closeness):
                both, numbers = np.concatenate([best[q], row]), np.concatenate([ids[q], np.arange(start, stop)])
                top = np.argsort(-both)[:K]
                best[q], ids[q] = both[top], numbers[top]
        return [set(found.tolist()) for found in ids]

    def _between(self, count: int, rng: np.random.Generator) -> Vectors:
        """Two real ones weighed against each other, and some noise; of unit length."""
        source, weight = self._source, rng.uniform(0.5, 1, (count, 1)).astype(np.float32)
        one, other = source[rng.integers(0, len(source), count)], source[rng.integers(0, len(source), count)]
        noise = rng.normal(size=(count, self.dims)).astype(np.float32) * np.float32(0.3 / math.sqrt(self.dims))
        mixed = weight * one + (1 - weight) * other + noise * np.linalg.norm(one, axis=1, keepdims=True)
        unit: Vectors = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
        return unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="small numbers, to see that it runs")
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--dims", type=int, default=384, help="of made-up vectors")
    parser.add_argument("--vectors", type=Path, help="an .npy file of float32 vectors")
    parser.add_argument("--workers", type=int, default=0, help="processes of the server; 0: its default")
    parser.add_argument("--folder", type=Path, help="where the servers' folders are made; default: a temporary one")
    parser.add_argument("--squeezed", action="store_true", help="also with half of the files in memory")
    options = parser.parse_args()
    if options.tiny:
        options.sizes, options.dims = "500,1000", 16
    sizes = [int(size) for size in options.sizes.split(",")]
    command = f"{START} --grpc-wire {installed()[-1]}" + (f" --workers {options.workers}" if options.workers else "")
    objects = Objects(options.dims, options.vectors)
    print(machine())
    print(f"{objects.dims} dimensions; {command.rpartition(' --grpc-port 0 ')[2]}", flush=True)
    figures: dict[str, dict[str, float]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            measured = measure(objects, size, command, Path(folder))
            if options.squeezed:
                measured |= measure_squeezed(objects, command, Path(folder))
            for row, value in measured.items():
                figures.setdefault(row, {})[f"{size:,}"] = value
        print(f"{size}: measured", flush=True)
    print("\n".join(table(figures, [f"{size:,}" for size in sizes])))
    grown(figures, sizes)


def measure(objects: Objects, size: int, command: str, folder: Path) -> dict[str, float]:
    """The figures of one size."""
    figures: dict[str, float] = {}
    with running(command, folder) as server:
        protocol.create(server.rest_port, _document())
        before = server.cpu_s()
        waits_s, made_s = _import(objects, size, server)
        figures["CPU an object until acknowledged, µs"] = (server.cpu_s() - before) / size * 1e6
        figures["import acknowledged, objects/s"] = size / made_s
        protocol.wait_indexed(server.rest_port)
        figures["CPU an object until indexed, µs"] = (server.cpu_s() - before) / size * 1e6
        for q in (50, 99):
            figures[f"nearest while importing, p{q} ms"] = float(np.percentile(waits_s, q)) * 1e3
        with Callers(server.grpc_port, SEARCH, 2) as callers:
            for kind in KINDS:
                requests = objects.requests(kind)
                warm = callers.call(requests, 1, keep=True)
                if kind == "nearest":
                    figures["nearest: recall"] = _recall(warm.replies, objects.nearest(size))
                before = server.cpu_s()
                called = callers.call(requests, 5)
                figures[f"{kind}: µs of CPU"] = (server.cpu_s() - before) / len(called.took_s) * 1e6
        for kind, taken in server.resident_bytes().items():
            figures[f"{kind} memory, MB"] = taken / 1e6
    figures["on disk, MB"] = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file()) / 1e6
    with running(command, folder) as server:
        figures["ready after, s"] = server.ready_s
        for kind, taken in server.resident_bytes().items():
            figures[f"{kind} memory after a start, MB"] = taken / 1e6
    return figures


def measure_squeezed(objects: Objects, command: str, folder: Path) -> dict[str, float]:
    """The figures of a server that has half of the files of ``folder`` in memory."""
    with running(command, folder) as server, Callers(server.grpc_port, SEARCH, 2) as callers:
        for kind in KINDS:
            callers.call(objects.requests(kind), 1)
        own = server.resident_bytes()["own"] + _SPARE_BYTES
    on_disk = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
    forget(folder)
    figures = {"squeezed: own memory and half of the files, MB": (own + on_disk / 2) / 1e6}
    with squeezed(command, own + on_disk // 2) as limited, running(limited, folder) as server:
        figures["squeezed: ready after, s"] = server.ready_s
        with Callers(server.grpc_port, SEARCH, 2) as callers:
            for kind in KINDS:
                requests = objects.requests(kind)
                callers.call(requests, 1)
                before = server.cpu_s()
                took_s = callers.call(requests, 5).took_s
                figures[f"squeezed: {kind}, µs of CPU"] = (server.cpu_s() - before) / len(took_s) * 1e6
                for q in (50, 99):
                    figures[f"squeezed: {kind}, p{q} ms"] = float(np.percentile(took_s, q)) * 1e3
    return figures


def _document() -> dict[str, Any]:
    properties = [
        {"name": "text", "dataType": ["text"]},
        {"name": "number", "dataType": ["int"]},
        {"name": "tag", "dataType": ["text"], "tokenization": "field", "indexSearchable": False},
    ]
    return protocol.collection(COLLECTION, properties)


def _import(objects: Objects, size: int, server: Server) -> tuple[npt.NDArray[np.float64], float]:
    """The seconds of each search meanwhile, and those of the import without making its requests."""
    stop, waits = threading.Event(), [np.zeros(0)]
    requests = objects.requests("nearest")

    def ask() -> None:
        with Callers(server.grpc_port, SEARCH, 1) as callers:
            while not stop.is_set():
                waits.append(callers.call(requests[:20], 1).took_s)
                stop.wait(0.05)

    asking = threading.Thread(target=ask)
    taken_s, pending, at_once = 0.0, [], min(_PREPARED, max(BATCH, size // 5))
    with Callers(server.grpc_port, STORE, 2) as callers:
        for number, request in enumerate(objects.batches(size)):
            pending.append(request)
            if len(pending) * BATCH >= at_once or (number + 1) * BATCH >= size:
                done = callers.call(pending, 1, keep=True)
                taken_s, pending = taken_s + done.wall_s, []
                for reply in done.replies:
                    assert not protocol.refused(reply), protocol.refused(reply)
                if not asking.is_alive() and not stop.is_set():
                    asking.start()
    stop.set()
    asking.join()
    return np.concatenate(waits), taken_s


def _recall(replies: list[bytes], right: list[set[int]]) -> float:
    found = [set(protocol.found(reply)) for reply in replies]
    return float(np.mean([len(one & all_) / K for one, all_ in zip(found, right, strict=True)]))


def grown(figures: dict[str, dict[str, float]], sizes: list[int]) -> None:
    first, last = f"{sizes[0]:,}", f"{sizes[-1]:,}"
    print(f"n grew {sizes[-1] / sizes[0]:.0f} times, log n {math.log(sizes[-1]) / math.log(sizes[0]):.2f} times")
    for row, values in figures.items():
        print(f"  {row}: {values[last] / max(values[first], 1e-9):.2f} times")


if __name__ == "__main__":
    main()
