"""How exact and fast is late interaction under filters: unrelated to the query, near it, far from it?

    python bench/multivector_filters.py --documents 20000      token vectors as made by bench/_tokens.py
    python bench/multivector_filters.py --tiny

Recall@10 is against exact float32 MaxSim over the allowed documents. Beside it stands what the ten found score, as a
part of what the exact ten score: far from a query thousands of documents are all but equally far, and then the names of
the ten say little. Milliseconds are of CPU, one query at a time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from _multivector_peers import BATCH, K
from _tokens import Data, load, unit
from multivector import Source, made_up, warm_up
from weft.domain.schema import MultiVector, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.multivector import MultiVectorIndex

SHARES = (0.05, 0.1, 0.25, 0.5, 0.9)

Ids = npt.NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    data = made_up() if options.tiny else load(options.documents)
    if options.tiny:
        options.queries = 3
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        index = built(data, Path(folder))
        for name, queries in (("short", data.short), ("long", data.long)):
            print(
                f"\n{len(data.documents)} documents, {name} queries of {np.mean([len(q) for q in queries]):.0f} tokens"
            )
            report(index, data, queries[: options.queries])


def built(data: Data, folder: Path) -> MultiVectorIndex:
    source, count = Source(data.documents), len(data.documents)
    index = MultiVectorIndex(source, VectorIndexConfig(multivector=MultiVector()), folder)
    for end in range(BATCH, count + BATCH, BATCH):
        source.write(min(end, count))
        index.extend()
        while index.maintain(BitMap(range(min(end, count)))):
            pass
    return index


def report(index: MultiVectorIndex, data: Data, queries: Any) -> None:
    flat = np.concatenate([unit(d) for d in data.documents])
    starts = np.cumsum([0, *map(len, data.documents)])[:-1]
    scores = [np.maximum.reduceat(unit(q) @ flat.T, starts, axis=1).sum(axis=0) for q in queries]
    rng = np.random.default_rng(0)
    kinds: dict[str, Callable[[Ids, int], Ids]] = {
        "unrelated": lambda order, n: rng.choice(order, n, replace=False),
        "near": lambda order, n: order[:n],
        "far": lambda order, n: order[-n:],
    }
    print("| allowed |" + "".join(f" {kind}: recall@10 | score | ms |" for kind in kinds))
    print("|---:|" + "---:|" * 3 * len(kinds))
    for share in SHARES:
        cells = [one_cell(index, queries, scores, share, choose) for choose in kinds.values()]
        print(f"| {share:.0%} | " + " | ".join(cells) + " |", flush=True)


def one_cell(
    index: MultiVectorIndex,
    queries: Any,
    scores: list[npt.NDArray[np.float32]],
    share: float,
    choose: Callable[[Ids, int], Ids],
) -> str:
    hits, parts, spent = 0, [], 0.0
    for query, exact in zip(queries, scores, strict=True):
        order = np.argsort(-exact)
        allowed = np.sort(choose(order, max(K, int(share * len(order)))))
        best = allowed[np.argsort(-exact[allowed])[:K]]
        allow = AllowList(BitMap(allowed.tolist()))
        begun = time.process_time()
        found = index.search(query, K, allow)
        spent += time.process_time() - begun
        hits += len(set(best.tolist()) & set(found.doc_ids.tolist()))
        parts.append(-found.distances.sum() / exact[best].sum())
    return f"{hits / len(queries) / K:.3f} | {np.mean(parts):.4f} | {spent / len(queries) * 1e3:.2f}"


if __name__ == "__main__":
    main()
