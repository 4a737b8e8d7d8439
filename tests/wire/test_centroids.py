"""Vectors of ``ref2vec-centroid``, through the official client: means of the vectors of referenced objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty, VectorDistances
from weaviate.classes.data import DataObject, DataReference
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateQueryError
from weaviate.util import generate_uuid5

RED, GREEN, BLUE, BARE = (generate_uuid5(name) for name in ("red", "green", "blue", "bare"))
ONE, OTHER = generate_uuid5("one"), generate_uuid5("other")


@pytest.fixture
def readers(client: weaviate.WeaviateClient) -> Iterator[Any]:
    names = ["Reader", "Book"]
    client.collections.delete(names)
    books = client.collections.create(
        "Book",
        properties=[Property(name="t", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.self_provided(),
    )
    for uuid, vector in ((RED, [1.0, 0.0, 0.0]), (GREEN, [0.0, 1.0, 0.0]), (BLUE, [0.0, 0.0, 1.0])):
        books.data.insert({"t": "t"}, uuid=uuid, vector=vector)
    books.data.insert({"t": "t"}, uuid=BARE)
    l2 = Configure.VectorIndex.hnsw(distance_metric=VectorDistances.L2_SQUARED)
    yield client.collections.create(
        "Reader",
        properties=[Property(name="t", data_type=DataType.TEXT)],
        references=[ReferenceProperty(name="books", target_collection="Book")],
        vector_config=Configure.Vectors.ref2vec_centroid(reference_properties=["books"], vector_index_config=l2),
    )
    client.collections.delete(names)


def vector(readers: Any, uuid: Any = ONE) -> Any:
    """Empty if it has none."""
    return readers.query.fetch_object_by_id(uuid, include_vector=True).vector.get("default", [])


def test_the_vector_follows_the_references(readers: Any) -> None:
    readers.data.insert({"t": "one"}, uuid=ONE)
    assert vector(readers) == []
    readers.data.reference_add(from_uuid=ONE, from_property="books", to=RED)
    assert vector(readers) == [1, 0, 0]
    readers.data.reference_add(from_uuid=ONE, from_property="books", to=GREEN)
    assert vector(readers) == [0.5, 0.5, 0]
    readers.data.reference_add(from_uuid=ONE, from_property="books", to=BARE)
    assert vector(readers) == [0.5, 0.5, 0]
    readers.data.reference_replace(from_uuid=ONE, from_property="books", to=[GREEN, BLUE])
    assert vector(readers) == [0, 0.5, 0.5]
    readers.data.reference_delete(from_uuid=ONE, from_property="books", to=GREEN)
    assert vector(readers) == [0, 0, 1]
    readers.data.update(ONE, {"t": "changed"})
    assert vector(readers) == [0, 0, 1]
    readers.data.update(ONE, references={"books": [RED]})
    assert sorted(vector(readers)) == [0, 0.5, 0.5]
    readers.data.replace(ONE, {"t": "none"})
    assert vector(readers) == []


def test_imports_have_vectors_and_are_found_by_them(readers: Any) -> None:
    one = DataObject({"t": "one"}, uuid=ONE, references={"books": [RED, GREEN]})
    assert not readers.data.insert_many([one, DataObject({"t": "other"}, uuid=OTHER)]).has_errors
    assert not readers.data.reference_add_many([DataReference("books", OTHER, BLUE)]).has_errors
    assert (vector(readers, ONE), vector(readers, OTHER)) == ([0.5, 0.5, 0], [0, 0, 1])
    assert readers.query.near_vector([0, 0, 1], limit=1).objects[0].properties["t"] == "other"
    assert readers.query.near_vector([1, 1, 0], limit=1).objects[0].properties["t"] == "one"
    assert readers.query.near_object(ONE, limit=1).objects[0].properties["t"] == "one"
    with pytest.raises(WeaviateQueryError, match="embeds no texts"):
        readers.query.near_text("red")
    with pytest.raises(WeaviateQueryError, match="does not embed image; it embeds nothing"):
        readers.query.near_image("iVBORw0KGgo=")
    assert len(readers.query.bm25("one").objects) == 1
    assert readers.config.get().vector_config["default"].vectorizer.vectorizer == "ref2vec-centroid"


def test_an_object_may_lead_to_its_own_collection(client: weaviate.WeaviateClient, readers: Any) -> None:
    readers.config.add_reference(ReferenceProperty(name="friends", target_collection="Reader"))
    readers.data.insert({"t": "one"}, uuid=ONE, references={"books": [RED]})
    readers.data.insert({"t": "other"}, uuid=OTHER, references={"books": [BLUE], "friends": [ONE]})
    readers.data.reference_add(from_uuid=ONE, from_property="friends", to=OTHER)
    assert (vector(readers, ONE), vector(readers, OTHER)) == ([1, 0, 0], [0, 0, 1])


def test_properties_that_lead_nowhere_are_refused(client: weaviate.WeaviateClient, readers: Any) -> None:
    none: list[str] = []
    with pytest.raises(UnexpectedStatusCodeError, match="referenceProperties"):
        client.collections.create("Bad", vector_config=Configure.Vectors.ref2vec_centroid(reference_properties=none))
