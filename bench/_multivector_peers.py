"""What bench/multivector.py compares with: fast-plaid, LanceDB and Qdrant, each at some settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from _tokens import Tokens

K = 10
BATCH = 1_000

Search = Callable[[npt.NDArray[np.float32]], Sequence[int]]


def fast_plaid(documents: Tokens, folder: str) -> list[tuple[str, Search]]:
    import torch
    from fast_plaid.search import FastPlaid

    torch.set_num_threads(1)
    index = FastPlaid(index=folder, device="cpu")
    index.create([torch.from_numpy(d) for d in documents], nbits=4)

    def point(probes: int, scored: int) -> Search:
        def search(query: npt.NDArray[np.float32]) -> list[int]:
            found = index.search(
                torch.from_numpy(query)[None], top_k=K, n_ivf_probe=probes, n_full_scores=scored, show_progress=False
            )
            return [i for i, _ in found[0]]

        return search

    return [("8, 512", point(8, 512)), ("8, 4096", point(8, 4_096))]


def lancedb(documents: Tokens, folder: str) -> list[tuple[str, Search]]:
    import lancedb as lance
    import pyarrow as pa

    kind = pa.list_(pa.list_(pa.float32(), documents[0].shape[1]))
    schema = pa.schema([("id", pa.int64()), ("vector", kind)])
    table = lance.connect(folder).create_table("documents", schema=schema)
    for start in range(0, len(documents), BATCH):
        part = documents[start : start + BATCH]
        rows = [{"id": start + i, "vector": d.tolist()} for i, d in enumerate(part)]
        table.add(pa.Table.from_pylist(rows, schema=schema))
    table.create_index(metric="cosine", vector_column_name="vector")

    def point(probes: int, refine: int) -> Search:
        def search(query: npt.NDArray[np.float32]) -> list[int]:
            found = (
                table.search(query).nprobes(probes).refine_factor(refine).limit(K).select(["id", "_distance"]).to_list()
            )
            return [row["id"] for row in found]

        return search

    return [("20, 5", point(20, 5)), ("100, 20", point(100, 20))]


def qdrant(documents: Tokens, folder: str) -> list[tuple[str, Search]]:
    import qdrant_edge as q

    vectors = q.EdgeVectorParams(
        size=documents[0].shape[1],
        distance=q.Distance.Cosine,
        multivector_config=q.MultiVectorConfig(comparator=q.MultiVectorComparator.MaxSim),
    )
    shard = q.EdgeShard.create(folder, q.EdgeConfig(vectors={"v": vectors}))
    for start in range(0, len(documents), BATCH):
        points = [q.Point(start + i, {"v": d.tolist()}, {}) for i, d in enumerate(documents[start : start + BATCH])]
        shard.update(q.UpdateOperation.upsert_points(points))
    shard.optimize()

    def point(parameters: Any) -> Search:
        def search(query: npt.NDArray[np.float32]) -> list[int]:
            request = q.QueryRequest(query=q.Query.Nearest(query.tolist(), using="v"), limit=K, params=parameters)
            return [int(hit.id) for hit in shard.query(request)]

        return search

    efs = [(f"ef {ef}", point(q.SearchParams(hnsw_ef=ef))) for ef in (64, 256)]
    return [*efs, ("exact", point(q.SearchParams(exact=True)))]


PEERS = {"fast_plaid": fast_plaid, "lancedb": lancedb, "qdrant_edge": qdrant}
