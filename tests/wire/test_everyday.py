"""The everyday life of a collection, through the official client."""

from __future__ import annotations

import base64
import datetime
import hashlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject, GeoCoordinate, PhoneNumber
from weaviate.classes.query import Filter, MetadataQuery, Sort
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateInsertManyAllFailedError, WeaviateQueryError

Make = Callable[..., Any]
NO_VECTOR = Configure.Vectors.self_provided()


def test_every_type_comes_back_as_it_was(make: Make) -> None:
    nested = [Property(name="a", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT_ARRAY)]
    things = make(
        vector_config=NO_VECTOR,
        properties=[
            Property(name="text", data_type=DataType.TEXT),
            Property(name="texts", data_type=DataType.TEXT_ARRAY),
            Property(name="int", data_type=DataType.INT),
            Property(name="ints", data_type=DataType.INT_ARRAY),
            Property(name="number", data_type=DataType.NUMBER),
            Property(name="numbers", data_type=DataType.NUMBER_ARRAY),
            Property(name="yes", data_type=DataType.BOOL),
            Property(name="yeses", data_type=DataType.BOOL_ARRAY),
            Property(name="date", data_type=DataType.DATE),
            Property(name="dates", data_type=DataType.DATE_ARRAY),
            Property(name="uuid", data_type=DataType.UUID),
            Property(name="uuids", data_type=DataType.UUID_ARRAY),
            Property(name="geo", data_type=DataType.GEO_COORDINATES),
            Property(name="phone", data_type=DataType.PHONE_NUMBER),
            Property(name="blob", data_type=DataType.BLOB),
            Property(name="object", data_type=DataType.OBJECT, nested_properties=nested),
            Property(name="objects", data_type=DataType.OBJECT_ARRAY, nested_properties=nested),
        ],
    )
    when = datetime.datetime(2024, 5, 17, 12, 30, 15, 123000, tzinfo=datetime.UTC)
    some = uuid.uuid4()
    values: dict[str, Any] = {
        "text": "häuser ∑ 漢字",
        "texts": ["a", ""],
        "int": -(2**52),
        "ints": [1, 2, 3],
        "number": 0.1,
        "numbers": [1.5, -2.25],
        "yes": False,
        "yeses": [True, False],
        "date": when,
        "dates": [when, when],
        "uuid": some,
        "uuids": [some],
        "blob": "aGVsbG8=",
        "object": {"a": "x", "n": [4, 5]},
        "objects": [{"a": "y", "n": [6]}, {"a": "z", "n": [7]}],
    }
    given = {
        **values,
        "geo": GeoCoordinate(latitude=48.5, longitude=9.25),
        "phone": PhoneNumber(number="0171 1234567", default_country="DE"),
    }
    inserts: list[Callable[[], uuid.UUID]] = [
        lambda: things.data.insert(given),
        lambda: things.data.insert_many([given]).uuids[0],
    ]
    for insert in inserts:
        found = things.query.fetch_object_by_id(insert(), return_properties=list(given))
        got = dict(found.properties)
        assert (got["geo"].latitude, got["geo"].longitude) == (48.5, 9.25)
        assert got["phone"].international_formatted == "+49 171 1234567"
        assert got["phone"].valid
        assert {k: v for k, v in got.items() if k not in ("geo", "phone")} == values
    plain = things.query.fetch_objects().objects[0].properties
    assert "blob" not in plain, "blobs come only when asked for"


def test_insert_replace_update_delete_exists(make: Make) -> None:
    things = make(
        vector_config=NO_VECTOR,
        properties=[Property(name="name", data_type=DataType.TEXT), Property(name="size", data_type=DataType.INT)],
    )
    id_ = things.data.insert({"name": "one", "size": 1}, vector=[1, 2])
    assert things.data.exists(id_)
    with pytest.raises(UnexpectedStatusCodeError, match="already exists"):
        things.data.insert({"name": "two"}, uuid=id_)
    assert things.query.fetch_object_by_id(id_).properties["name"] == "one", "the refused insert changed nothing"

    things.data.update(id_, properties={"size": 2})
    found = things.query.fetch_object_by_id(id_, include_vector=True)
    assert found.properties == {"name": "one", "size": 2}
    assert found.vector == {"default": [1.0, 2.0]}

    things.data.replace(id_, properties={"name": "three"}, vector=[3, 4])
    found = things.query.fetch_object_by_id(id_, include_vector=True)
    assert found.properties == {"name": "three", "size": None}
    assert found.vector == {"default": [3.0, 4.0]}
    things.data.replace(id_, properties={"name": "three"})
    assert things.query.fetch_object_by_id(id_, include_vector=True).vector == {}, "no module would make it again"

    assert things.data.delete_by_id(id_)
    assert things.data.delete_by_id(id_), "an absent object is deleted already, as in Weaviate"
    assert not things.data.exists(id_)
    assert things.query.fetch_object_by_id(id_) is None
    with pytest.raises(UnexpectedStatusCodeError):
        things.data.update(id_, properties={"size": 2})


def test_creation_time_stays_and_update_time_moves(make: Make) -> None:
    things = make(vector_config=NO_VECTOR, properties=[Property(name="name", data_type=DataType.TEXT)])
    id_ = things.data.insert({"name": "one"})
    metadata = MetadataQuery(creation_time=True, last_update_time=True)
    before = things.query.fetch_objects(return_metadata=metadata).objects[0].metadata
    things.data.update(id_, properties={"name": "two"})
    after = things.query.fetch_objects(return_metadata=metadata).objects[0].metadata
    assert after.creation_time == before.creation_time
    assert after.last_update_time >= before.last_update_time


def test_what_no_search_has_scored_has_score_zero(make: Make) -> None:
    things = make(vector_config=NO_VECTOR, properties=[Property(name="name", data_type=DataType.TEXT)])
    things.data.insert({"name": "one"}, vector=[1, 2])
    asked = MetadataQuery(score=True, explain_score=True)
    assert things.query.fetch_objects(return_metadata=asked).objects[0].metadata.score == 0
    assert things.query.fetch_objects(return_metadata=asked).objects[0].metadata.explain_score == ""
    assert things.query.fetch_objects().objects[0].metadata.score is None


def test_a_read_only_shard_refuses_changes_until_it_is_ready(make: Make) -> None:
    things = make(
        vector_config=NO_VECTOR,
        properties=[Property(name="name", data_type=DataType.TEXT)],
        multi_tenancy_config=Configure.multi_tenancy(enabled=True),
    )
    things.tenants.create(["a", "b"])
    assert [(s.name, s.status) for s in things.config.get_shards()] == [("a", "READY"), ("b", "READY")]
    in_a = things.with_tenant("a")
    id_ = in_a.data.insert({"name": "one"})
    assert things.config.update_shards("READONLY", "a") == {"a": "READONLY"}
    assert {s.name: s.status for s in things.config.get_shards()} == {"a": "READONLY", "b": "READY"}
    with pytest.raises(UnexpectedStatusCodeError, match="read-only"):
        in_a.data.insert({"name": "two"})
    with pytest.raises(UnexpectedStatusCodeError, match="read-only"):
        in_a.data.delete_by_id(id_)
    with pytest.raises(WeaviateInsertManyAllFailedError, match="read-only"):
        in_a.data.insert_many([{"name": "three"}])
    things.with_tenant("b").data.insert({"name": "one"})
    assert len(in_a.query.fetch_objects().objects) == 1
    things.config.update_shards("READY", "a")
    in_a.data.insert({"name": "two"})
    with pytest.raises(UnexpectedStatusCodeError, match="cannot be set"):
        things.config.update_shards("LOADING", "a")
    with pytest.raises(UnexpectedStatusCodeError, match="no shard"):
        things.config.update_shards("READY", "c")


@pytest.mark.parametrize("mode", ["dynamic", "fixed_size", "rate_limit", "stream"])
def test_every_batch_mode(make: Make, mode: str) -> None:
    things = make(vector_config=NO_VECTOR, properties=[Property(name="n", data_type=DataType.INT)])
    modes: dict[str, Callable[[], Any]] = {
        "dynamic": lambda: things.batch.dynamic(),
        "fixed_size": lambda: things.batch.fixed_size(50, concurrent_requests=2),
        "rate_limit": lambda: things.batch.rate_limit(60_000),
        "stream": lambda: things.batch.stream(),
    }
    with modes[mode]() as batch:
        for n in range(250):
            batch.add_object({"n": n}, vector=[float(n), 1.0])
        batch.add_object({"n": "not a number"})
    failed = things.batch.failed_objects
    assert len(failed) == 1
    assert "n" in failed[0].message
    assert len(things) == 250


def test_insert_many_reports_the_object_at_fault_and_stores_the_others(make: Make) -> None:
    things = make(vector_config=NO_VECTOR, properties=[Property(name="n", data_type=DataType.INT)])
    result = things.data.insert_many(
        [
            DataObject({"n": 1}, vector=[1, 0]),
            DataObject({"n": "x"}),
            DataObject({"n": 3}, vector=[1, 0, 0]),
            DataObject({"n": 4}, vector=[0, 1]),
        ]
    )
    assert result.has_errors
    assert sorted(result.errors) == [1, 2]
    assert "dimensions" in result.errors[2].message
    assert sorted(o.properties["n"] for o in things.query.fetch_objects().objects) == [1, 4]


def test_iterator_sort_limit_offset(make: Make) -> None:
    things = make(
        vector_config=NO_VECTOR,
        properties=[Property(name="n", data_type=DataType.INT), Property(name="name", data_type=DataType.TEXT)],
    )
    names = ["delta", "alpha", "charlie", "bravo"]
    things.data.insert_many([{"n": i % 3, "name": names[i % 4]} for i in range(230)])
    seen = [o.uuid for o in things.iterator(cache_size=50)]
    assert len(set(seen)) == 230
    assert seen == sorted(seen, key=lambda u: u.bytes), "the cursor goes in uuid order"
    page = things.query.fetch_objects(
        sort=Sort.by_property("name").by_property("n", ascending=False), limit=3, offset=1
    )
    everything = sorted((names[i % 4], -(i % 3)) for i in range(230))
    assert [(o.properties["name"], -o.properties["n"]) for o in page.objects] == everything[1:4]


def test_delete_many(make: Make) -> None:
    things = make(vector_config=NO_VECTOR, properties=[Property(name="n", data_type=DataType.INT)])
    things.data.insert_many([{"n": n} for n in range(20)])
    where = Filter.by_property("n").greater_or_equal(15)
    dry = things.data.delete_many(where=where, dry_run=True, verbose=True)
    assert (dry.matches, dry.successful, len(dry.objects), len(things)) == (5, 5, 5, 20)
    real = things.data.delete_many(where=where)
    assert (real.matches, real.successful, real.failed, len(things)) == (5, 5, 0, 15)


def test_auto_schema_makes_collection_and_properties(client: weaviate.WeaviateClient) -> None:
    client.collections.delete("TAuto")
    things = client.collections.use("TAuto")
    things.data.insert({"name": "x", "size": 1.5, "when": datetime.datetime.now(datetime.UTC), "tags": ["a"]})
    config = things.config.get()
    assert {p.name: p.data_type for p in config.properties} == {
        "name": DataType.TEXT,
        "size": DataType.NUMBER,
        "when": DataType.DATE,
        "tags": DataType.TEXT_ARRAY,
    }
    client.collections.delete("TAuto")


def test_adding_properties_and_vectors_later(make: Make) -> None:
    things = make(
        vector_config=[Configure.Vectors.self_provided(name="first")],
        properties=[Property(name="name", data_type=DataType.TEXT)],
    )
    old = things.data.insert({"name": "old"}, vector={"first": [1.0, 0.0]})
    things.config.add_property(Property(name="size", data_type=DataType.INT))
    things.config.add_vector(vector_config=Configure.Vectors.self_provided(name="second"))
    new = things.data.insert({"name": "new", "size": 3}, vector={"first": [0.0, 1.0], "second": [1.0, 2.0, 3.0]})
    assert things.query.fetch_object_by_id(old).properties == {"name": "old", "size": None}
    found = things.query.near_vector([1, 2, 3], target_vector="second", include_vector=True)
    assert [o.uuid for o in found.objects] == [new]
    assert found.objects[0].vector == {"first": [0.0, 1.0], "second": [1.0, 2.0, 3.0]}
    assert [o.uuid for o in things.query.fetch_objects(filters=Filter.by_property("size").equal(3)).objects] == [new]


def test_of_a_blob_hash_only_the_hash_is_stored(make: Make) -> None:
    files = make(
        vector_config=NO_VECTOR,
        inverted_index_config=Configure.inverted_index(index_null_state=True),
        properties=[
            Property(name="file", data_type=DataType.BLOB_HASH),
            Property(name="title", data_type=DataType.TEXT),
        ],
    )
    texts = [base64.b64encode(content).decode() for content in (b"one", b"two", b"three")]
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    ids = [uuid.UUID(int=i + 1) for i in range(4)]
    files.data.insert({"file": texts[0]}, uuid=ids[0])
    files.data.insert_many([DataObject({"file": texts[1]}, uuid=ids[1]), DataObject({"title": "none"}, uuid=ids[3])])
    files.data.insert({"file": texts[0]}, uuid=ids[2])
    files.data.replace(ids[2], {"file": texts[2]})
    files.data.update(ids[0], {"title": "first"})
    for i, expected in enumerate(hashes):
        one = files.query.fetch_object_by_id(ids[i], return_properties=["file"])
        assert one.properties["file"] == expected
    assert "file" not in files.query.fetch_objects(limit=1).objects[0].properties, "only where it is asked for"

    def found(condition: Any) -> list[int]:
        return [hit.uuid.int for hit in files.query.fetch_objects(filters=condition).objects]

    by_hash = Filter.by_property("file")
    assert found(by_hash.equal(hashes[1])) == [2]
    assert found(by_hash.equal(hashes[1].upper())) == [2]
    assert found(by_hash.not_equal(hashes[1])) == [1, 3, 4]
    assert found(by_hash.contains_any([hashes[0], hashes[2]])) == [1, 3]
    assert found(by_hash.is_none(True)) == [4]
    with pytest.raises(WeaviateQueryError, match="compared as the 64 hexadecimal digits of a SHA-256"):
        found(by_hash.equal(texts[0]))
    order = files.query.fetch_objects(sort=Sort.by_property("file"), return_properties=["file"]).objects
    assert [hit.properties["file"] for hit in order] == [None, *sorted(hashes)]
    groups = files.aggregate.over_all(group_by="file").groups
    assert {one.grouped_by.value: one.total_count for one in groups} == dict.fromkeys(hashes, 1)
    with pytest.raises(UnexpectedStatusCodeError, match="not a valid blob base64 string"):
        files.data.insert({"file": "no base64!"})
