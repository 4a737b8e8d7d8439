"""Changing a collection that holds objects: what is indexed again must find the old objects too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, Reconfigure, StopwordsPreset
from weaviate.classes.query import Filter
from weaviate.exceptions import WeaviateQueryError

from server import Server

Make = Callable[..., Any]


def test_stop_words_and_bm25_change_at_once(make: Make) -> None:
    things = make(
        vector_config=Configure.Vectors.self_provided(), properties=[Property(name="text", data_type=DataType.TEXT)]
    )
    things.data.insert_many([{"text": "the loom"}, {"text": "a weft and a warp"}])
    assert things.query.bm25("the").objects == []
    things.config.update(
        inverted_index_config=Reconfigure.inverted_index(stopwords_preset=StopwordsPreset.NONE, bm25_b=0.5, bm25_k1=1.5)
    )
    assert len(things.query.bm25("the").objects) == 1


def test_dropping_an_index_refuses_its_filters_and_keeps_the_values(make: Make) -> None:
    things = make(
        vector_config=Configure.Vectors.self_provided(),
        properties=[Property(name="text", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)],
    )
    things.data.insert_many([{"text": "loom", "n": 1}, {"text": "warp", "n": 2}])
    things.config.delete_property_index("text", "searchable")
    with pytest.raises(WeaviateQueryError):
        things.query.bm25("loom", query_properties=["text"])
    found = things.query.fetch_objects(filters=Filter.by_property("text").equal("loom")).objects
    assert [o.properties for o in found] == [{"text": "loom", "n": 1}]
    things.config.delete_property_index("n", "filterable")
    with pytest.raises(WeaviateQueryError, match="n"):
        things.query.fetch_objects(filters=Filter.by_property("n").equal(1))
    assert {o.properties["n"] for o in things.query.fetch_objects().objects} == {1, 2}


def test_search_settings_of_a_vector_can_change(make: Make) -> None:
    things = make(
        vector_config=Configure.Vectors.self_provided(), properties=[Property(name="n", data_type=DataType.INT)]
    )
    for n in range(20):
        things.data.insert({"n": n}, vector=[float(n), 1.0])
    things.config.update(
        vector_config=Reconfigure.Vectors.update(
            name="default",
            vector_index_config=Reconfigure.VectorIndex.hnsw(ef=77, quantizer=Reconfigure.VectorIndex.Quantizer.sq()),
        )
    )
    config = things.config.get().vector_config["default"].vector_index_config
    assert config.ef == 77
    assert config.quantizer is not None
    assert things.query.near_vector([3.0, 1.0], limit=1).objects[0].properties["n"] == 3


def test_a_named_vector_beside_the_unnamed_one(server: Server, client: weaviate.WeaviateClient) -> None:
    """What clients did before a vector was added works as before."""

    def ask(method: str, path: str, body: Any = None) -> Any:
        response = httpx.request(method, server.url(path), json=body)
        assert response.status_code in (200, 204), response.text
        return response.json() if response.content else None

    ids = [str(UUID(int=i)) for i in range(1, 5)]
    ask("POST", "/v1/schema", {"class": "Beside", "vectorizer": "none"})
    try:
        ask("POST", "/v1/objects", {"class": "Beside", "id": ids[0], "properties": {"t": "one"}, "vector": [1, 0, 0]})
        things = client.collections.use("Beside")
        things.config.add_vector(vector_config=Configure.Vectors.self_provided(name="more"))
        document = ask("GET", "/v1/schema/Beside")
        assert (document["vectorizer"], list(document["vectorConfig"])) == ("none", ["more"])
        both = {
            "class": "Beside",
            "id": ids[1],
            "properties": {"t": "two"},
            "vector": [0, 1, 0],
            "vectors": {"more": [1, 1]},
        }
        ask("POST", "/v1/objects", both)
        ask("POST", "/v1/objects", {"class": "Beside", "id": ids[2], "vectors": {"more": [1, 0]}})
        things.data.insert({"t": "four"}, vector=[0, 0, 1], uuid=ids[3])
        ask("PATCH", f"/v1/objects/Beside/{ids[0]}", {"class": "Beside", "vectors": {"more": [5, 5]}})

        stored = [ask("GET", f"/v1/objects/Beside/{id}?include=vector") for id in ids]
        assert [one.get("vector") for one in stored] == [[1, 0, 0], [0, 1, 0], None, [0, 0, 1]]
        assert [one.get("vectors") for one in stored] == [{"more": [5, 5]}, {"more": [1, 1]}, {"more": [1, 0]}, None]

        def hits(found: Any) -> list[int]:
            return [one.uuid.int for one in found.objects]

        assert hits(things.query.near_vector([1, 0, 0])) == [1, 2, 4]
        assert hits(things.query.near_vector([1, 0], target_vector="more")) == [3, 1, 2]
        near = {"id": ids[3], "limit": 1, "certainty": 0.9}
        (over_rest,) = ask("POST", "/v1/search/Beside/near-object", near)["results"]
        assert over_rest["id"] == ids[3]
        assert hits(things.query.near_object(ids[3], limit=1)) == [4]
        assert hits(things.query.hybrid("two", vector=[1, 0, 0], alpha=0.0)) == [2]
        assert things.aggregate.near_vector([1, 0, 0], distance=0.1, total_count=True).total_count == 1
        vector = things.query.fetch_object_by_id(ids[1], include_vector=True).vector
        assert vector["default"] == [0, 1, 0]
        assert things.query.fetch_object_by_id(ids[1], include_vector=["more"]).vector == {"more": [1, 1]}
        query = (
            "{ Get { Beside(nearVector: {vector: [0, 1, 0]}, limit: 1) { _additional { vector vectors { more } } } } }"
        )
        (hit,) = ask("POST", "/v1/graphql", {"query": query})["data"]["Get"]["Beside"]
        assert hit["_additional"] == {"vector": [0, 1, 0], "vectors": {"more": [1, 1]}}
    finally:
        ask("DELETE", "/v1/schema/Beside")
