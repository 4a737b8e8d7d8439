"""The servers that can keep Weft's objects, asked directly: Qdrant with words beside the vectors, and Milvus."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from _packages import Packages, Vectors
from _server_peers import BATCH, COLLECTION, NEAREST, TAG, Qdrant, keywords

DEPTH = 100
"""Hits of each half of a hybrid search."""


class QdrantWithWords(Qdrant):
    """Qdrant that searches by words as well: a sparse vector of the frequencies of words, weighted by their rarity."""

    def document(self, dims: int) -> dict[str, Any]:
        return {**super().document(dims), "sparse_vectors": {"words": {"modifier": "idf"}}}

    def add_vectors(self, point: Any, vector: Vectors, text: str) -> None:
        vectors = point.vectors.vectors.vectors
        vectors[""].dense.data.extend(vector.tolist())
        _add_words(vectors["words"].sparse, text)

    def requests(self, kind: str, packages: Packages, limit: int) -> list[bytes] | None:
        if kind in NEAREST:
            return super().requests(kind, packages, limit)
        asked = self._words if kind == "keyword" else self._both
        return [
            asked(keywords(text), vector, limit).SerializeToString()
            for text, vector in zip(packages.queries, packages.query_vectors, strict=True)
        ]

    def _words(self, words: str, vector: Vectors, limit: int) -> Any:
        request = self.question(limit)
        request.using = "words"
        _add_words(request.query.nearest.sparse, words)
        return request

    def _both(self, words: str, vector: Vectors, limit: int) -> Any:
        request = self.question(limit)
        request.prefetch.add(limit=DEPTH).query.nearest.dense.data.extend(vector.tolist())
        _add_words(request.prefetch.add(limit=DEPTH, using="words").query.nearest.sparse, words)
        request.query.fusion = self.messages.Fusion.DBSF
        return request


def _add_words(sparse: Any, text: str) -> None:
    counts: dict[int, float] = {}
    for word in text.lower().split():
        number = zlib.crc32(word.encode())
        counts[number] = counts.get(number, 0) + 1
    sparse.indices.extend(counts)
    sparse.values.extend(counts.values())


@dataclass
class Milvus:
    """A Milvus server, by the messages of ``pip install pymilvus``. Its searches see all that was written before."""

    name: str
    pid: int
    grpc_port: int

    store_path = "/milvus.proto.milvus.MilvusService/Upsert"
    search_path = "/milvus.proto.milvus.MilvusService/Search"

    def create(self, dims: int) -> None:
        from pymilvus import DataType, MilvusClient

        client = MilvusClient(f"http://127.0.0.1:{self.grpc_port}")
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dims)
        for name in ("name", "description", "section", "tag"):
            schema.add_field(name, DataType.VARCHAR, max_length=65_535)
        schema.add_field("size", DataType.INT64)
        schema.add_field("rank", DataType.DOUBLE)
        index = client.prepare_index_params()
        settings = {"M": 32, "efConstruction": 128}
        index.add_index("vector", index_type="HNSW", metric_type="COSINE", params=settings)
        client.create_collection(COLLECTION, schema=schema, index_params=index)
        self._fields = client.describe_collection(COLLECTION)["fields"]
        client.close()

    def batches(self, packages: Packages) -> Iterator[bytes]:
        from pymilvus.client.prepare import Prepare

        tags, ranks = packages.tags(), packages.ranks()
        rows = [
            {
                "id": i,
                "vector": packages.vectors[i].tolist(),
                "name": one.name,
                "description": one.description,
                "section": one.section,
                "tag": tags[i],
                "size": one.size,
                "rank": float(ranks[i]),
            }
            for i, one in enumerate(packages.objects)
        ]
        for start in range(0, len(rows), BATCH):
            request = Prepare.row_upsert_param(COLLECTION, rows[start : start + BATCH], "", self._fields)
            yield bytes(request.SerializeToString())

    def refused(self, reply: bytes) -> str:
        from pymilvus.grpc_gen import milvus_pb2

        return str(milvus_pb2.MutationResult.FromString(reply).status.reason)

    def is_indexed(self) -> bool:
        from pymilvus import MilvusClient

        client = MilvusClient(f"http://127.0.0.1:{self.grpc_port}")
        client.flush(COLLECTION)
        found = client.describe_index(COLLECTION, "vector")
        client.close()
        return int(found.get("pending_index_rows", 0)) == 0

    def requests(self, kind: str, packages: Packages, limit: int) -> list[bytes] | None:
        from pymilvus.client.prepare import Prepare

        if kind not in NEAREST:
            return None
        filters = {"tag": f'tag == "{TAG}"', "range": f"rank < {NEAREST[kind]}"}
        fields = ["name", "description", "section", "tag", "size", "rank"]
        return [
            Prepare.search_requests_with_expr(
                COLLECTION,
                "vector",
                {"metric_type": "COSINE", "params": {"ef": 64}},
                limit,
                data=[vector.tolist()],
                expr=filters.get(kind.split()[0].rstrip(",")),
                output_fields=fields,
                use_default_consistency=False,
                consistency_level="Strong",
            ).SerializeToString()
            for vector in np.asarray(packages.query_vectors)
        ]

    def found(self, reply: bytes) -> list[int]:
        from pymilvus.grpc_gen import milvus_pb2

        return list(milvus_pb2.SearchResults.FromString(reply).results.ids.int_id.data)
