"""How fast is a nearest search that hands back its objects, in process, beside Qdrant's with payload?

    python bench/objects.py --vectors vectors.npy     real embeddings, (n, d) float32; the last ones are queries
    python bench/objects.py --tiny                    some seconds, without the peer

Each object has a title, sixty words and a number. Weft: a collection on disk, durable; "reply" returns the bytes
of a gRPC reply, "values" the same decoded to Python values. The peer (``qdrant-edge-py``, in this process) hands
back Python values. Queries run one at a time; the CPU time is that of all threads of the process, and imports count the
building of the index.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from _nearest_peers import K, Row, Vectors, folder_bytes, measured
from nearest import exact, load, print_table
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType, Property, VectorConfig, VectorIndexConfig
from weft.engine.changes import Upsert
from weft.engine.embedded.shard import Shard

BATCH = 1000
PROPERTIES = (Property("title", DataType.TEXT), Property("body", DataType.TEXT), Property("words", DataType.INT))


def main() -> None:
    options = parse()
    vectors = load(options)
    queries = vectors[-options.queries :]
    vectors = vectors[: -options.queries]
    truth = exact(vectors, queries)
    payloads = list(made_payloads(len(vectors)))
    print(f"{len(vectors)} objects with vectors of {vectors.shape[1]} dimensions, {len(queries)} queries, k = {K}\n")
    with tempfile.TemporaryDirectory() as folder:
        rows = weft_rows(vectors, payloads, queries, truth, Path(folder) / "weft", options.ef)
        if not options.tiny and find_spec("qdrant_edge") is None:
            print("Qdrant is not installed and was left out (pip install qdrant-edge-py).\n")
        elif not options.tiny:
            for quantized in (True, False):
                place = Path(folder) / f"qdrant-{quantized}"
                rows += qdrant_rows(vectors, payloads, queries, truth, place, options.ef, quantized=quantized)
        print_table(rows)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, help="an .npy file of float32 vectors")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--ef", type=int, nargs="+", default=[32, 48, 100, 200])
    parser.add_argument("--tiny", action="store_true", help="a size for continuous integration, no peer")
    options = parser.parse_args()
    if options.tiny:
        options.rows, options.queries, options.ef = 11_000, 50, [100]
    return options


def made_payloads(count: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for i in range(count):
        body = " ".join(f"word{n}" for n in np.exp(rng.uniform(0, np.log(20_000), 60)).astype(int))
        yield {"title": f"object {i}", "body": body, "words": i}


def weft_rows(
    vectors: Vectors,
    payloads: list[dict[str, Any]],
    queries: Vectors,
    truth: list[set[int]],
    folder: Path,
    efs: list[int],
) -> list[Row]:
    """Rows of the default setting and of each ``ef``."""

    def config(ef: int) -> CollectionConfig:
        return CollectionConfig("Bench", PROPERTIES, {"v": VectorConfig("v", index=VectorIndexConfig(ef=ef))})

    shard = Shard(folder, config(-1), durable=True, write_queue=100_000)
    start = time.process_time()
    for at in range(0, len(vectors), BATCH):
        objects = [
            Object((at + i).to_bytes(16, "big"), payload, {"v": vectors[at + i]})
            for i, payload in enumerate(payloads[at : at + BATCH])
        ]
        shard.write([Upsert(one) for one in objects])
    while shard.maintain():
        pass
    build = time.process_time() - start
    shard.close()
    size = folder_bytes(folder)
    rows = []
    for ef in [-1, *efs]:
        shard = Shard(folder, config(ef), durable=True, write_queue=100_000)

        def reply(query: Vectors, k: int, shard: Shard = shard) -> list[int]:
            return [int.from_bytes(r.uuid, "big") for r in found(shard, query, k, lambda r: r.encoded_properties)]

        def values(query: Vectors, k: int, shard: Shard = shard) -> list[int]:
            return [int.from_bytes(r.uuid, "big") for r in found(shard, query, k, lambda r: r.properties)]

        setting = "default" if ef < 0 else f"ef {ef}"
        rows.append(Row("Weft, reply", setting, *measured(reply, queries, truth), build, size))
        rows.append(Row("Weft, values", setting, *measured(values, queries, truth), build, size))
        shard.close()
    return rows


def found(shard: Shard, query: Vectors, k: int, payload: Callable[[Any], Any]) -> list[Any]:
    doc_ids = shard.view().nearest("v", query, k, None, None).doc_ids
    records = shard.view().records(doc_ids.tolist())
    for record in records:
        payload(record)
    return list(records)


def qdrant_rows(
    vectors: Vectors,
    payloads: list[dict[str, Any]],
    queries: Vectors,
    truth: list[set[int]],
    folder: Path,
    efs: list[int],
    *,
    quantized: bool,
) -> list[Row]:
    import qdrant_edge as qdrant

    folder.mkdir()
    scalar = qdrant.ScalarQuantizationConfig(type=qdrant.ScalarType.Int8, always_ram=True)
    config = qdrant.EdgeConfig(
        vectors={"v": qdrant.EdgeVectorParams(size=vectors.shape[1], distance=qdrant.Distance.Cosine)},
        hnsw_config=qdrant.HnswIndexConfig(m=32, ef_construct=128, full_scan_threshold=10),
        quantization_config=scalar if quantized else None,
        optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1000),
    )
    shard = qdrant.EdgeShard.create(str(folder), config)
    start = time.process_time()
    for at in range(0, len(vectors), BATCH):
        points = [
            qdrant.Point(at + i, {"v": vectors[at + i].tolist()}, payload)
            for i, payload in enumerate(payloads[at : at + BATCH])
        ]
        shard.update(qdrant.UpdateOperation.upsert_points(points))
    shard.optimize()
    build = time.process_time() - start
    size = folder_bytes(folder)
    rows = []
    for ef in efs:
        asked = qdrant.QuantizationSearchParams(rescore=True) if quantized else None
        parameters = qdrant.SearchParams(hnsw_ef=ef, quantization=asked)

        def search(query: Vectors, k: int, parameters: Any = parameters) -> list[int]:
            nearest = qdrant.Query.Nearest(query.tolist(), using="v")
            request = qdrant.QueryRequest(limit=k, query=nearest, params=parameters, with_payload=True)
            points = shard.query(request)
            assert all((point.payload or {})["title"] for point in points)
            return [int(point.id) for point in points]

        name = "Qdrant edge, SQ8" if quantized else "Qdrant edge, float32"
        rows.append(Row(name, f"ef {ef}", *measured(search, queries, truth), build, size))
    shard.close()
    return rows


if __name__ == "__main__":
    main()
