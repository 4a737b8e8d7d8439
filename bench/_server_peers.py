"""Servers to compare, each with the same objects and the same questions: those of Weaviate's protocol, and Qdrant.

All requests are encoded beforehand and sent as bytes over gRPC, so that a caller costs the same whatever it calls.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

import _protocol as protocol
from _packages import Packages, Vectors
from weft.protocol import base, batch

BATCH = 500
KEYWORDS = 5
"""The most words of a query by keyword: the first of a description."""

NEAREST = {"nearest": 1.0, "tag = x, 10%": 0.1, "range, 10%": 0.1, "range, 50%": 0.5}
"""Searches by vector, and the share of the objects that their filter selects."""
KINDS = (*NEAREST, "keyword", "hybrid")
COLLECTION = "Package"
TAG = "tag3"


class Peer(Protocol):
    """A running server. ``requests`` has an encoded request for ``limit`` objects for each query; None if the server
    has no such search."""

    name: str
    pid: int
    grpc_port: int
    store_path: str
    search_path: str

    def create(self, dims: int) -> None: ...
    def batches(self, packages: Packages) -> Iterator[bytes]: ...
    def refused(self, reply: bytes) -> str: ...
    def is_indexed(self) -> bool: ...
    def requests(self, kind: str, packages: Packages, limit: int) -> list[bytes] | None: ...
    def found(self, reply: bytes) -> list[int]: ...


@dataclass
class _Server:
    name: str
    pid: int
    rest_port: int
    grpc_port: int
    quantizer: str = ""
    """Of the vector index; "" for the server's default."""


class Protocolled(_Server):
    """A server of Weaviate's protocol; ``quantizer``: "" or "rq8"."""

    store_path = protocol.STORE
    search_path = protocol.SEARCH

    def create(self, dims: int) -> None:
        protocol.create(self.rest_port, self.document())

    def document(self) -> dict[str, Any]:
        """Of the collection."""
        quantizers = {"rq8": {"rq": {"enabled": True, "bits": 8}}, "": {}}
        properties: list[dict[str, Any]] = [
            {"name": "name", "dataType": ["text"]},
            {"name": "description", "dataType": ["text"]},
            {"name": "section", "dataType": ["text"], "tokenization": "field"},
            {"name": "tag", "dataType": ["text"], "tokenization": "field", "indexSearchable": False},
            {"name": "size", "dataType": ["int"]},
            {"name": "rank", "dataType": ["number"], "indexRangeFilters": True},
        ]
        return protocol.collection(COLLECTION, properties, distance="cosine", **quantizers[self.quantizer])

    def batches(self, packages: Packages) -> Iterator[bytes]:
        tags, ranks = packages.tags(), packages.ranks()
        for start in range(0, len(packages.objects), BATCH):
            request = batch.BatchObjectsRequest()
            for i, one in enumerate(packages.objects[start : start + BATCH], start):
                texts = {"name": one.name, "description": one.description, "section": one.section, "tag": tags[i]}
                values = {**texts, "size": one.size, "rank": float(ranks[i])}
                protocol.add_object(request, i, COLLECTION, packages.vectors[i], values)
            yield request.SerializeToString()

    def refused(self, reply: bytes) -> str:
        return protocol.refused(reply)

    def is_indexed(self) -> bool:
        return protocol.is_indexed(self.rest_port)

    def requests(self, kind: str, packages: Packages, limit: int) -> list[bytes] | None:
        return [
            self._request(kind, text, vector, limit).SerializeToString()
            for text, vector in zip(packages.queries, packages.query_vectors, strict=True)
        ]

    def _request(self, kind: str, text: str, vector: Vectors, limit: int) -> Any:
        request = protocol.search(COLLECTION, limit)
        words = keywords(text)
        if kind == "keyword":
            request.bm25_search.query = words
        elif kind == "hybrid":
            protocol.by_both(request, words, vector)
        else:
            protocol.near(request, vector)
            if kind.startswith("tag"):
                protocol.where_equal(request, "tag", TAG)
            elif kind.startswith("range"):
                request.filters.operator = base.Filters.OPERATOR_LESS_THAN
                request.filters.target.property, request.filters.value_number = "rank", NEAREST[kind]
        return request

    def found(self, reply: bytes) -> list[int]:
        return protocol.found(reply)


@dataclass
class Qdrant(_Server):
    """A Qdrant server, by the messages of ``pip install qdrant-client``; ``quantizer``: "" or "sq"."""

    store_path = "/qdrant.Points/Upsert"
    search_path = "/qdrant.Points/Query"

    def __post_init__(self) -> None:
        from qdrant_client import grpc as messages

        self.messages = messages

    def create(self, dims: int) -> None:
        url = f"http://127.0.0.1:{self.rest_port}/collections/{COLLECTION}"
        protocol.send(url, self.document(dims), "PUT")
        for name, schema in (("tag", "keyword"), ("rank", "float")):
            protocol.send(f"{url}/index?wait=true", {"field_name": name, "field_schema": schema}, "PUT")

    def document(self, dims: int) -> dict[str, Any]:
        """Of the collection."""
        document: dict[str, Any] = {"vectors": {"size": dims, "distance": "Cosine"}}
        if self.quantizer:
            document["quantization_config"] = {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}}
        return document

    def batches(self, packages: Packages) -> Iterator[bytes]:
        m, tags, ranks = self.messages, packages.tags(), packages.ranks()
        for start in range(0, len(packages.objects), BATCH):
            request = m.UpsertPoints(collection_name=COLLECTION, wait=True)
            for i, one in enumerate(packages.objects[start : start + BATCH], start):
                texts = {"name": one.name, "description": one.description, "section": one.section, "tag": tags[i]}
                point = request.points.add(
                    id=m.PointId(uuid=str(uuid.UUID(int=i + 1))),
                    payload={
                        **{name: m.Value(string_value=text) for name, text in texts.items()},
                        "size": m.Value(integer_value=one.size),
                        "rank": m.Value(double_value=float(ranks[i])),
                    },
                )
                self.add_vectors(point, packages.vectors[i], one.description)
            yield request.SerializeToString()

    def add_vectors(self, point: Any, vector: Vectors, text: str) -> None:
        """``text`` is what the vector was made of."""
        point.vectors.vector.dense.data.extend(vector.tolist())

    def refused(self, reply: bytes) -> str:
        result = self.messages.PointsOperationResponse.FromString(reply).result
        done = result.status == self.messages.UpdateStatus.Completed
        return "" if done else f"status {result.status}"

    def is_indexed(self) -> bool:
        found = protocol.get(f"http://127.0.0.1:{self.rest_port}/collections/{COLLECTION}")["result"]
        return bool(found["status"] == "green")

    def requests(self, kind: str, packages: Packages, limit: int) -> list[bytes] | None:
        if kind not in NEAREST:
            return None
        return [self.nearest(kind, vector, limit).SerializeToString() for vector in packages.query_vectors]

    def question(self, limit: int) -> Any:
        """A request without a search so far, for all properties."""
        request = self.messages.QueryPoints(collection_name=COLLECTION, limit=limit)
        request.with_payload.enable = True
        return request

    def nearest(self, kind: str, vector: Vectors, limit: int) -> Any:
        m, request = self.messages, self.question(limit)
        request.query.nearest.dense.data.extend(vector.tolist())
        if kind.startswith("tag"):
            request.filter.must.add().field.CopyFrom(m.FieldCondition(key="tag", match=m.Match(keyword=TAG)))
        elif kind.startswith("range"):
            range_ = m.Range(lt=NEAREST[kind])
            request.filter.must.add().field.CopyFrom(m.FieldCondition(key="rank", range=range_))
        return request

    def found(self, reply: bytes) -> list[int]:
        return [uuid.UUID(hit.id.uuid).int - 1 for hit in self.messages.QueryResponse.FromString(reply).result]


KINDS_OF_PEERS: dict[str, Callable[..., Peer]] = {"weaviate": Protocolled, "qdrant": Qdrant}


def keywords(text: str) -> str:
    return " ".join(text.split()[:KEYWORDS])


def exact(kind: str, packages: Packages, limit: int) -> list[set[int]]:
    """The ``limit`` nearest that the filter of ``kind`` selects, for each query."""
    chosen = np.arange(len(packages.objects))
    if kind.startswith("tag"):
        chosen = np.flatnonzero(np.array(packages.tags()) == TAG)
    elif kind.startswith("range"):
        chosen = np.flatnonzero(packages.ranks() < NEAREST[kind])
    closeness = packages.query_vectors @ packages.vectors[chosen].T
    return [set(chosen[np.argpartition(-row, limit - 1)[:limit]].tolist()) for row in closeness]


def wait_indexed(peer: Peer) -> None:
    """Until it says so three times."""
    quiet = 0
    while quiet < 3:
        quiet = quiet + 1 if peer.is_indexed() else 0
        time.sleep(0.5)
