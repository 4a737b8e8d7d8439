"""How fast and how exact is nearest-neighbour search?

    python bench/nearest.py --vectors vectors.npy          real embeddings, (n, d) float32; the last ones are queries
    python bench/nearest.py --rows 100000                  vectors made from the documentation of the standard library
    python bench/nearest.py --tiny                         some seconds, without peers

Recall@10 is against the exact answer and stands beside queries per CPU-second (one query at a time; the CPU time of
all threads of the process). Peers, measured in the same run when they are installed: FAISS bare, Qdrant
(``qdrant-edge-py``), Chroma (``chromadb``). Bytes are of the index in memory for Weft and FAISS, of the folder for the
others.
"""

from __future__ import annotations

import argparse
import inspect
import platform
import re
import sys
import tempfile
import time
import types
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from _nearest_peers import K, Row, Vectors, chroma_rows, faiss_rows, measured, qdrant_rows
from weft.domain.schema import VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.vector import SingleVectorIndex
from weft.engine.embedded.storage import VectorRows
from weft.files.lineage import UNKNOWN, Origin

Ids = npt.NDArray[np.int64]


class ArraySource:
    """Rows held in memory, as the index reads them from a vector file."""

    def __init__(self, vectors: Vectors) -> None:
        self.rows = VectorRows(0, np.arange(len(vectors), dtype=np.uint32), vectors)

    def get(self, doc_ids: Sequence[int]) -> list[Vectors | None]:
        return [self.rows.vectors[doc_id] for doc_id in doc_ids]

    @property
    def origin(self) -> Origin:
        return UNKNOWN

    def verify_some(self, most_bytes: int) -> bool:
        return True


def main() -> None:
    options = parse()
    vectors = load(options)
    queries = vectors[-options.queries :]
    vectors = vectors[: -options.queries]
    truth = exact(vectors, queries)
    print(f"{len(vectors)} vectors of {vectors.shape[1]} dimensions, {len(queries)} queries, k = {K}, cosine; ", end="")
    print(f"{platform.machine()}, Python {platform.python_version()}\n")
    efs = options.ef
    with tempfile.TemporaryDirectory() as folder:
        index, rows = weft_rows(vectors, queries, truth, Path(folder) / "weft", efs)
        if not options.tiny:
            rows += faiss_rows(vectors, queries, truth, efs)
            for name, module, measure in (
                ("Qdrant", "qdrant_edge", qdrant_rows),
                ("Chroma", "chromadb", chroma_rows),
            ):
                if find_spec(module) is None:
                    print(f"{name} is not installed and was left out (pip install {module.replace('_', '-')}).\n")
                else:
                    rows += measure(vectors, queries, truth, Path(folder) / module, efs)
        print_table(rows)
        filtered(index, vectors, queries[: options.filter_queries])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, help="an .npy file of float32 vectors")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--filter-queries", type=int, default=200)
    parser.add_argument("--ef", type=int, nargs="+", default=[48, 100, 200])
    parser.add_argument("--tiny", action="store_true", help="a size for continuous integration, no peers")
    options = parser.parse_args()
    if options.tiny:
        options.rows, options.queries, options.filter_queries, options.ef = 10_500, 50, 10, [100]
    return options


def load(options: argparse.Namespace) -> Vectors:
    total = options.rows + options.queries
    if options.vectors is None:
        return text_vectors(total)
    vectors = np.load(options.vectors, mmap_mode="r")
    return np.ascontiguousarray(vectors[:total], np.float32)


def text_vectors(total: int) -> Vectors:
    """``(total, 128)``: hashed word counts of docstrings made dense by an SVD, two blended for each vector."""
    texts = sorted(docstrings())
    counts = np.zeros((len(texts), 2048), np.float32)
    for row, text in enumerate(texts):
        for word in re.findall(r"[a-z]{3,}", text.lower()):
            counts[row, crc32(word.encode()) % 2048] += 1
    weighted = np.log1p(counts) * np.log(len(texts) / (1 + (counts > 0).sum(axis=0)))
    dense = weighted @ np.linalg.eigh(weighted.T @ weighted)[1][:, -128:]
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, len(texts), (2, total))
    share = rng.beta(0.4, 0.4, (total, 1)).astype(np.float32)
    blended = dense[first] * share + dense[second] * (1 - share)
    lengths = np.linalg.norm(blended, axis=1, keepdims=True)
    return np.ascontiguousarray(blended / np.maximum(lengths, 1e-9), np.float32)


def docstrings() -> set[str]:
    kinds = (type, types.FunctionType, types.BuiltinFunctionType)
    found = set()
    for module in [m for name, m in sorted(sys.modules.items()) if name.split(".")[0] in sys.stdlib_module_names]:
        for value in vars(module).values():
            for thing in (value, *(vars(value).values() if inspect.isclass(value) else ())):
                doc = vars(thing).get("__doc__") if isinstance(thing, type) else getattr(thing, "__doc__", None)
                if isinstance(thing, kinds) and isinstance(doc, str):
                    found.add(doc)
    return found


def exact(vectors: Vectors, queries: Vectors, allowed: Ids | None = None) -> list[set[int]]:
    pool = vectors if allowed is None else vectors[allowed]
    found = []
    for at in range(0, len(queries), 100):
        likeness = queries[at : at + 100] @ pool.T
        best = np.argpartition(-likeness, min(K, len(pool) - 1), axis=1)[:, :K]
        found += [set((best_one if allowed is None else allowed[best_one]).tolist()) for best_one in best]
    return found


def weft_rows(
    vectors: Vectors, queries: Vectors, truth: list[set[int]], folder: Path, efs: list[int]
) -> tuple[SingleVectorIndex, list[Row]]:
    source = ArraySource(vectors)
    index = SingleVectorIndex(source, VectorIndexConfig(), folder)
    index.extend()
    scan = measured(lambda q, k: index.search(q, k).doc_ids.tolist(), queries[:200], truth[:200])
    rows = [Row("Weft", "just written, exact", *scan, None, index.stats().components["codes"])]
    start = time.process_time()
    index.maintain(BitMap(range(len(vectors))))
    build = time.process_time() - start
    size = index.stats().components["codes"]
    rows.append(
        Row("Weft", "default", *measured(lambda q, k: index.search(q, k).doc_ids.tolist(), queries, truth), build, size)
    )
    for ef in efs:
        given = SingleVectorIndex(source, VectorIndexConfig(ef=ef), folder)
        given.extend()
        found = measured(lambda q, k, i=given: i.search(q, k).doc_ids.tolist(), queries, truth)  # type: ignore[misc]
        rows.append(Row("Weft", f"ef {ef}, mapped", *found, None, size))
    return index, rows


def filtered(index: SingleVectorIndex, vectors: Vectors, queries: Vectors) -> None:
    """Filters that have nothing to do with the query, that select its surroundings, and that exclude these."""
    print("\n| allowed | unrelated | | near a query | | far from it | |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    print("| | recall@10 | q/CPU-s | recall@10 | q/CPU-s | recall@10 | q/CPU-s |")
    for share in (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.9):
        cells = []
        for order in orders(vectors, queries):
            allowed = np.sort(order[: max(K, int(share * len(vectors)))])
            allow = AllowList(BitMap(allowed.tolist()))
            truth = exact(vectors, queries, allowed)
            recall, rate = measured(
                lambda q, k, a=allow: index.search(q, k, a).doc_ids.tolist(),  # type: ignore[misc]
                queries,
                truth,
            )
            cells.append(f"{recall:.3f} | {rate:,.0f}")
        print(f"| {share:.1%} | {' | '.join(cells)} |")


def orders(vectors: Vectors, queries: Vectors) -> Iterator[Ids]:
    likeness = vectors @ queries[0]
    yield np.random.default_rng(1).permutation(len(vectors))
    yield np.argsort(-likeness)
    yield np.argsort(likeness)


def print_table(rows: list[Row]) -> None:
    print("| engine | setting | recall@10 | queries/CPU-s | build CPU-s | MB |")
    print("|---|---|---:|---:|---:|---:|")
    for row in rows:
        build = "" if row.build_cpu_s is None else f"{row.build_cpu_s:.1f}"
        size = "" if row.size_bytes is None else f"{row.size_bytes / 1e6:.1f}"
        print(f"| {row.engine} | {row.setting} | {row.recall:.4f} | {row.queries_per_cpu_s:,.0f} | {build} | {size} |")


if __name__ == "__main__":
    main()
