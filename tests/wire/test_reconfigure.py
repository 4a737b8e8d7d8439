"""Changing a collection that holds objects: what is indexed again must find the old objects too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from weaviate.classes.config import Configure, DataType, Property, Reconfigure, StopwordsPreset
from weaviate.classes.query import Filter
from weaviate.exceptions import WeaviateQueryError

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
