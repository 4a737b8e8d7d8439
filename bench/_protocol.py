"""What benchmarks ask a server of Weaviate's protocol: to make a collection, to store objects, to search them."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from weft.protocol import base, base_search, batch, search_get

Vector = np.ndarray[Any, np.dtype[np.float32]]
STORE, SEARCH = "/weaviate.v1.Weaviate/BatchObjects", "/weaviate.v1.Weaviate/Search"
VECTOR = "default"


def collection(name: str, properties: Sequence[object], **index: Any) -> dict[str, Any]:
    """The document of a collection with one ``hnsw`` vector; ``index``: the settings of its index."""
    vector = {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": index}
    return {"class": name, "properties": properties, "vectorConfig": {VECTOR: vector}}


def create(rest_port: int, document: object) -> None:
    send(f"http://127.0.0.1:{rest_port}/v1/schema", document)


def add_object(request: Any, number: int, collection: str, vector: Vector, values: Mapping[str, object]) -> Any:
    """The ``number``-th of a collection, from 0, added to a batch."""
    one = request.objects.add(uuid=str(uuid.UUID(int=number + 1)), collection=collection)
    one.properties.non_ref_properties.update(values)
    one.vectors.add(name=VECTOR, vector_bytes=vector.tobytes(), type=1)
    return one


def refused(reply: bytes) -> str:
    """Why the first object was refused that was; empty if none was."""
    return "".join(one.error for one in batch.BatchObjectsReply.FromString(reply).errors[:1])


def search(collection: str, limit: int = 10) -> Any:
    """A request without a search so far, for all properties."""
    request = search_get.SearchRequest(collection=collection, limit=limit, uses_127_api=True, uses_125_api=True)
    request.metadata.uuid = request.metadata.distance = request.metadata.score = True
    request.properties.return_all_nonref_properties = True
    return request


def near(request: Any, vector: Vector) -> None:
    request.near_vector.vectors.add(vector_bytes=vector.tobytes(), type=1)
    request.near_vector.targets.target_vectors.append(VECTOR)


def by_both(request: Any, text: str, vector: Vector) -> None:
    request.hybrid_search.query, request.hybrid_search.alpha = text, 0.5
    request.hybrid_search.fusion_type = base_search.Hybrid.FUSION_TYPE_RELATIVE_SCORE
    request.hybrid_search.vectors.add(vector_bytes=vector.tobytes(), type=1)
    request.hybrid_search.targets.target_vectors.append(VECTOR)


def where_equal(request: Any, name: str, text: str) -> None:
    request.filters.operator = base.Filters.OPERATOR_EQUAL
    request.filters.target.property, request.filters.value_text = name, text


def found(reply: bytes) -> list[int]:
    """The numbers of the objects that a search has found."""
    return [uuid.UUID(hit.metadata.id).int - 1 for hit in search_get.SearchReply.FromString(reply).results]


def is_indexed(rest_port: int) -> bool:
    """Whether no vector waits to be put into a graph."""
    nodes = get(f"http://127.0.0.1:{rest_port}/v1/nodes?output=verbose")["nodes"]
    return not any(shard["vectorQueueLength"] for shard in nodes[0]["shards"])


def wait_indexed(rest_port: int) -> None:
    """So that the cost is of searches alone."""
    while not is_indexed(rest_port):
        time.sleep(0.5)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return json.load(reply)


def send(url: str, document: object, method: str = "POST") -> None:
    request = urllib.request.Request(
        url, json.dumps(document).encode(), {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        reply.read()
