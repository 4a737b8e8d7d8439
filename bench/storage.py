"""What does storage cost, in CPU time an object, for durable commits and for reads?

``python bench/storage.py --objects 20000``. Objects of 1 KB with one vector; CPU time includes the kernel's.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from weft.engine.embedded.storage import Put, ShardStore, VectorLayout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--dims", type=int, default=384)
    parser.add_argument("--folder", type=Path, default=None, help="where to write; the system's temporary folder")
    parser.add_argument("--tiny", action="store_true", help="a few hundred objects, to see that it runs")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.objects, arguments.dims = 400, 16
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for per_commit in (1, 100, 10_000):
            total = min(arguments.objects, 200 * per_commit)
            store = commits(Path(folder) / str(per_commit), per_commit, total, arguments.dims)
        reads(store)
        store.close()
        began = time.process_time()
        ShardStore(Path(folder) / "10000", {}).close()
        print(f"open: {1e3 * (time.process_time() - began):.1f} ms")


def commits(folder: Path, per_commit: int, total: int, dims: int) -> ShardStore:
    store, rng, record = ShardStore(folder, {"v": VectorLayout()}), np.random.default_rng(1), os.urandom(1000)
    spent = wall = 0.0
    for _ in range(max(1, total // per_commit)):
        vectors = rng.standard_normal((min(per_commit, total), dims)).astype(np.float32)
        batch = [Put(os.urandom(16), record, {"v": vector}) for vector in vectors]
        began, began_wall = time.process_time(), time.perf_counter()
        store.commit(batch)
        spent, wall = spent + time.process_time() - began, wall + time.perf_counter() - began_wall
    sizes = {name: size // store.count for name, size in store.size().items()}
    print(
        f"commit {per_commit}: {1e6 * spent / store.count:.1f} us CPU an object, "
        f"{1e6 * wall / store.count:.1f} us elapsed, bytes an object {sizes}"
    )
    return store


def reads(store: ShardStore) -> None:
    rng = random.Random(1)
    ids = [rng.randrange(store.next_doc_id) for _ in range(10_000)]
    uuids = [uuid for uuid, _ in store.scan(None, 10_000)]
    tens = [ids[i : i + 10] for i in range(0, len(ids), 10)]
    timed("read 1", len(ids), lambda: [store.read([i]) for i in ids])
    timed("read 10", len(tens), lambda: [store.read(ten) for ten in tens])
    timed("lookup 1", len(uuids), lambda: [store.lookup([uuid]) for uuid in uuids])
    timed("get_vectors 10", len(tens), lambda: [store.get_vectors("v", ten) for ten in tens])
    timed("scan, an object", len(uuids), lambda: store.scan(None, len(uuids)))
    timed("scan_records, an object", store.count, lambda: list(store.scan_records(0, store.count)))


def timed(name: str, calls: int, work: Callable[[], object]) -> None:
    work()
    began = time.thread_time()
    work()
    print(f"{name}: {1e6 * (time.thread_time() - began) / calls:.2f} us")


if __name__ == "__main__":
    main()
