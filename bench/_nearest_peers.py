"""What bench/nearest.py compares with: FAISS bare, Qdrant and Chroma, and how each is measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Search = Callable[[Vectors, int], list[int]]
K = 10


@dataclass
class Row:
    engine: str
    setting: str
    recall: float
    queries_per_cpu_s: float
    build_cpu_s: float | None = None
    size_bytes: int | None = None


def measured(search: Search, queries: Vectors, truth: list[set[int]]) -> tuple[float, float]:
    """Recall@10 and queries per CPU-second."""
    for query in queries[:50]:
        search(query, K)
    start = time.process_time()
    answers = [search(query, K) for query in queries]
    took = time.process_time() - start
    hits = sum(len(t & set(a)) / len(t) for a, t in zip(answers, truth, strict=True))
    return hits / len(queries), len(queries) / took


def faiss_rows(vectors: Vectors, queries: Vectors, truth: list[set[int]], efs: list[int]) -> list[Row]:
    """Without rescoring, deletes or filters: the floor of what an index around it can cost."""
    import faiss

    faiss.omp_set_num_threads(1)
    library: Any = faiss  # its stubs lack the classes of its SWIG wrapper
    index = library.index_factory(vectors.shape[1], "HNSW32,SQ8", library.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 128
    start = time.process_time()
    index.train(vectors)
    index.add(vectors)
    build = time.process_time() - start
    size = vectors.size + index.hnsw.neighbors.size() * 4
    rows = []
    for ef in efs:
        parameters = library.SearchParametersHNSW(efSearch=ef)

        def search(q: Vectors, k: int, parameters: Any = parameters) -> list[int]:
            return list(index.search(q[None], k, params=parameters)[1][0].tolist())

        rows.append(Row("FAISS HNSW32,SQ8", f"ef {ef}", *measured(search, queries, truth), build, size))
    return rows


def qdrant_rows(vectors: Vectors, queries: Vectors, truth: list[set[int]], folder: Path, efs: list[int]) -> list[Row]:
    import qdrant_edge as qdrant

    folder.mkdir()
    config = qdrant.EdgeConfig(
        vectors={"v": qdrant.EdgeVectorParams(size=vectors.shape[1], distance=qdrant.Distance.Cosine)},
        hnsw_config=qdrant.HnswIndexConfig(m=32, ef_construct=128, full_scan_threshold=10),
        quantization_config=qdrant.ScalarQuantizationConfig(type=qdrant.ScalarType.Int8, always_ram=True),
        optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1000),
    )
    shard = qdrant.EdgeShard.create(str(folder), config)
    start = time.process_time()
    for at in range(0, len(vectors), 1000):
        points = [qdrant.Point(at + i, {"v": v.tolist()}) for i, v in enumerate(vectors[at : at + 1000])]
        shard.update(qdrant.UpdateOperation.upsert_points(points))
    shard.optimize()
    build = time.process_time() - start
    size = folder_bytes(folder)
    rows = []
    for ef in efs:
        parameters = qdrant.SearchParams(hnsw_ef=ef, quantization=qdrant.QuantizationSearchParams(rescore=True))

        def search(q: Vectors, k: int, parameters: Any = parameters) -> list[int]:
            query = qdrant.Query.Nearest(q.tolist(), using="v")
            return [int(p.id) for p in shard.query(qdrant.QueryRequest(limit=k, query=query, params=parameters))]

        rows.append(Row("Qdrant edge, SQ8", f"ef {ef}", *measured(search, queries, truth), build, size))
    shard.close()
    return rows


def chroma_rows(vectors: Vectors, queries: Vectors, truth: list[set[int]], folder: Path, efs: list[int]) -> list[Row]:
    import chromadb

    client = chromadb.PersistentClient(str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    rows = []
    ef = efs[-1] if len(efs) < 2 else efs[1]
    settings = {"hnsw": {"space": "cosine", "ef_construction": 128, "max_neighbors": 32, "ef_search": ef}}
    collection = client.create_collection("nearest", configuration=settings, embedding_function=None)
    start = time.process_time()
    for at in range(0, len(vectors), 2000):
        chunk = vectors[at : at + 2000]
        collection.add(ids=[str(at + i) for i in range(len(chunk))], embeddings=chunk)
    build = time.process_time() - start

    def search(q: Vectors, k: int) -> list[int]:
        found = collection.query(query_embeddings=q[None], n_results=k, include=["distances"])
        return [int(i) for i in found["ids"][0]]

    rows.append(Row("Chroma", f"ef {ef}", *measured(search, queries, truth), build, folder_bytes(folder)))
    return rows


def folder_bytes(folder: Path) -> int:
    return sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())
