"""How fast, exact and small is late interaction?

    python bench/_tokens.py --documents 55000              makes the token vectors, once
    python bench/multivector.py --documents 55000          measures, with the peers that are installed
    python bench/multivector.py --tiny                     some seconds, made-up vectors, no peers

Recall@10 is against exact float32 MaxSim over everything; queries per CPU-second count the CPU time of all threads of
the process, one query at a time. Peers: exact MaxSim in numpy, fast-plaid (``fast-plaid``), LanceDB (``lancedb``),
Qdrant (``qdrant-edge-py``). The retrieval task has one right answer a query: the description that a title belongs to.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from _multivector_peers import BATCH, PEERS, K, Search
from _retrieval import Bm25, ndcg
from _tokens import Data, Tokens, load, unit
from weft.domain.schema import MultiVector, Muvera, Quantizer, QuantizerKind, VectorIndexConfig
from weft.engine.embedded.index.multivector import MultiVectorIndex, residual
from weft.engine.embedded.storage import TokenRows
from weft.engine.pooling import pool_tokens
from weft.files.lineage import UNKNOWN, Origin

FAST = (3, 2.0)
"""Lists opened for a query token and deviations allowed, for the point at about 0.95 to 0.97."""


class Source:
    """Token vectors in memory, of which the first ``write`` documents have been written."""

    def __init__(self, documents: Tokens) -> None:
        self._documents = documents
        self._tokens = np.concatenate(documents)
        self._offsets = np.cumsum([0, *map(len, documents)])
        self.write(0)

    def write(self, count: int) -> None:
        end = self._offsets[count]
        self.rows = TokenRows(0, np.arange(count, dtype=np.uint32), self._offsets[: count + 1], self._tokens[:end])

    def get(self, doc_ids: Sequence[int]) -> list[npt.NDArray[np.float32] | None]:
        return [self._documents[doc_id] for doc_id in doc_ids]

    @property
    def origin(self) -> Origin:
        return UNKNOWN

    def verify_some(self, most_bytes: int) -> bool:
        return True


def main() -> None:
    options = parse()
    data = made_up() if options.tiny else load(options.documents)
    queries = {"short": data.short[: options.queries], "long": data.long[: options.queries]}
    count, tokens = len(data.documents), sum(map(len, data.documents))
    print(f"{count} documents, {tokens / count:.0f} tokens of {data.documents[0].shape[1]} dimensions each; ", end="")
    print(", ".join(f"{len(q)} {n} queries of {np.mean([len(t) for t in q]):.0f}" for n, q in queries.items()))
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, k = {K}\n")
    truth = {name: exact(data.documents, q) for name, q in queries.items()}
    bench = Bench(data, queries, truth)
    warm_up()
    bench.weft("4-bit residuals", Quantizer())
    bench.weft("2-bit residuals", Quantizer(QuantizerKind.BQ))
    bench.weft("MUVERA", Quantizer(), Muvera())
    if not options.tiny:
        bench.numpy()
        for name in options.peers:
            if find_spec(name):
                bench.peer(name, PEERS[name])
            else:
                print(f"{name}: not measured (not installed)")
    bench.retrieval()


class Bench:
    def __init__(self, data: Data, queries: dict[str, Tokens], truth: dict[str, list[set[int]]]) -> None:
        self.data = data
        self.queries = queries
        self.truth = truth
        self.best: MultiVectorIndex | None = None

    def weft(self, name: str, quantizer: Quantizer, muvera: Muvera | None = None) -> None:
        """Import in batches with the upkeep between them, as a collection does it; then the snapshot; then queries."""
        config = VectorIndexConfig(quantizer=quantizer, multivector=MultiVector(muvera=muvera))
        source, count = Source(self.data.documents), len(self.data.documents)
        with tempfile.TemporaryDirectory() as folder:
            index = MultiVectorIndex(source, config, Path(folder))
            begun = time.process_time()
            for end in range(BATCH, count + BATCH, BATCH):
                source.write(min(end, count))
                index.extend()
                while index.maintain(BitMap(range(min(end, count)))):
                    pass
            imported = time.process_time() - begun
            index.checkpoint()
            stats = index.stats()
            on_disk = sum(p.stat().st_size for p in Path(folder).iterdir())
            print(f"Weft, {name}: {count / imported:.0f} documents/CPU-s; ", end="")
            size_bytes = sum(stats.components.values())
            print(f"{size_bytes / count:.0f} bytes a document in memory or mapped ", end="")
            share = source.rows.tokens.nbytes / size_bytes
            print(f"(1/{share:.1f} of float32), {on_disk / count:.0f} on disk; MB: ", end="")
            print(", ".join(f"{name} {size / 1e6:.1f}" for name, size in stats.components.items()))
            search = searcher(index)
            if muvera is None:
                usual = residual.PROBES, residual.Z
                residual.PROBES, residual.Z = FAST
                self.measure("fast", search)
                residual.PROBES, residual.Z = usual
            self.measure("default", search)
            if self.best is None:
                self.best = index

    def numpy(self) -> None:
        flat = np.concatenate(self.data.documents)
        starts = np.cumsum([0, *map(len, self.data.documents)])[:-1]

        def search(query: npt.NDArray[np.float32]) -> list[int]:
            scores = np.maximum.reduceat(query @ flat.T, starts, axis=1).sum(axis=0)
            best = np.argpartition(-scores, K)[:K]
            return [int(i) for i in best[np.argsort(-scores[best])]]

        print(f"numpy, exact: {flat.nbytes / len(starts):.0f} bytes a document")
        self.measure("exact", search, most=5)

    def peer(self, name: str, make: Callable[[Tokens, str], list[tuple[str, Search]]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.process_time()
            points = make(self.data.documents, folder)
            built = time.process_time() - begun
            size = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())
            count = len(self.data.documents)
            print(f"{name}: {count / built:.0f} documents/CPU-s; {size / count:.0f} bytes a document on disk")
            for setting, search in points:
                self.measure(setting, search, most=50)

    def measure(self, setting: str, search: Search, most: int = 10**9) -> None:
        for name, queries in self.queries.items():
            queries = queries[:most]
            for query in queries[:3]:
                search(query)
            hits, times = 0, []
            for query, best in zip(queries, self.truth[name], strict=False):
                begun = time.process_time()
                found = search(query)
                times.append(time.process_time() - begun)
                hits += len(best & set(found))
            mean, slow = float(np.mean(times)), float(np.percentile(times, 95))
            print(f"    {setting:8} {name:5}  recall@{K} {hits / K / len(queries):.4f}  ", end="")
            print(f"{1 / mean:8.0f} queries/CPU-s  {mean * 1e3:.2f} ms (p95 {slow * 1e3:.2f})")

    def retrieval(self) -> None:
        """nDCG@10 of the one right description for each title."""
        assert self.best is not None
        short = self.queries["short"]
        late = [self.best.search(q, K, None).doc_ids.tolist() for q in short]
        single = [np.argsort(-(self.data.means @ q))[:K].tolist() for q in self.data.query_means[: len(short)]]
        words = Bm25(self.data.bodies)
        keyword = [words.search(t, K) for t in self.data.titles[: len(short)]]
        print("\nnDCG@10 of the description that a title belongs to")
        rows = [("late interaction", late), ("single vector (mean of the same states)", single), ("BM25", keyword)]
        for factor in (2, 3):
            pooled = [pool_tokens(d, factor) for d in self.data.documents[:POOLED]]
            whole = exact(self.data.documents[:POOLED], short[:POOLED], ordered=True)
            fewer = exact([unit(p) for p in pooled], short[:POOLED], ordered=True)
            name = f"first {POOLED} documents, tokens pooled by {factor} (whole: {ndcg(whole):.3f})"
            rows.append((name, fewer))
        for name, found in rows:
            print(f"    {ndcg(found):.3f}  {name}")


POOLED = 5_000


def searcher(index: MultiVectorIndex) -> Search:
    return lambda query: index.search(query, K, None).doc_ids.tolist()


def warm_up() -> None:
    """Compiles what an import compiles, on another index, so that it does not count."""
    rng = np.random.default_rng(0)
    source = Source([unit(rng.standard_normal((60, 16)).astype(np.float32)) for _ in range(2_300)])
    for muvera in (None, Muvera(2, 4, 2)):
        with tempfile.TemporaryDirectory() as folder:
            source.write(2_200)
            index = MultiVectorIndex(source, VectorIndexConfig(multivector=MultiVector(muvera=muvera)), Path(folder))
            index.maintain(BitMap(range(2_200)))
            source.write(2_300)
            index.extend()
            index.checkpoint()


def exact(documents: Tokens, queries: Tokens, *, ordered: bool = False) -> list[Any]:
    """The best ten documents of each query, by float32 MaxSim; as sets, or lists best first."""
    from weft.engine.embedded.index.multivector.kernels.exact import exact_scores

    flat, offsets = np.concatenate(documents), np.cumsum([0, *map(len, documents)])
    rows = np.arange(len(documents))
    found = []
    for query in queries:
        scores = exact_scores(query, flat, offsets, rows, False)
        best = np.lexsort((rows, -scores))[:K].tolist()
        found.append(best if ordered else set(best))
    return found


def made_up() -> Data:
    """2,500 small documents of made-up words; their first tokens, noised, are the queries."""
    rng = np.random.default_rng(0)
    words = rng.standard_normal((500, 64)).astype(np.float32)
    picked = [rng.choice(500, int(n)) for n in rng.integers(40, 80, 2_500)]
    documents = [unit(words[p] + 0.4 * rng.standard_normal((len(p), 64)).astype(np.float32)) for p in picked]
    near = [unit(d[:40] + 0.2 * rng.standard_normal(d[:40].shape).astype(np.float32)) for d in documents[:40]]
    texts = [" ".join(f"w{w}" for w in p) for p in picked]
    means = unit(np.stack([d.mean(axis=0) for d in documents]))
    query_means = unit(np.stack([q[:8].mean(axis=0) for q in near]))
    short, long = [q[:8] for q in near], [q[:32] for q in near]
    return Data(documents, short, long, texts, [" ".join(t.split()[:8]) for t in texts[:40]], means, query_means)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="those to measure beside Weft")
    options = parser.parse_args()
    if options.documents < 2_500 and not options.tiny:
        parser.error("fewer than 2,500 documents are searched exactly, without an index; ask for more")
    return options


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
