"""What only gRPC shows, through the official client and a real server: batches, streams, projections, refusals."""

from __future__ import annotations

import uuid as uuid_module
from collections.abc import Callable
from typing import Any

import grpc
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter, GroupBy, MetadataQuery, QueryNested
from weaviate.exceptions import WeaviateInsertManyAllFailedError, WeaviateQueryError

from server import Server
from weft.protocol import batch

Make = Callable[..., Any]
PROPERTIES = [
    Property(name="title", data_type=DataType.TEXT),
    Property(name="words", data_type=DataType.INT),
    Property(name="image", data_type=DataType.BLOB),
    Property(
        name="place",
        data_type=DataType.OBJECT,
        nested_properties=[
            Property(name="name", data_type=DataType.TEXT),
            Property(name="zip", data_type=DataType.TEXT),
        ],
    ),
]


def things(make: Make) -> Any:
    return make(properties=PROPERTIES, vector_config=Configure.Vectors.self_provided())


def test_a_bad_object_hinders_no_other(make: Make) -> None:
    collection = things(make)
    rows = [DataObject({"title": "a"}), DataObject({"title": 3}), DataObject({"words": 2}, vector=[1.0, 2.0])]
    result = collection.data.insert_many(rows)
    assert list(result.errors) == [1]
    assert "title" in result.errors[1].message
    assert len(collection) == 2


def test_all_bad_is_one_error(make: Make) -> None:
    with pytest.raises(WeaviateInsertManyAllFailedError):
        things(make).data.insert_many([DataObject({"title": 3}), DataObject({"title": 4})])


def test_a_chosen_part_of_each_object(make: Make) -> None:
    collection = things(make)
    collection.data.insert({"title": "a", "image": "aGk=", "place": {"name": "x", "zip": "1"}})
    (whole,) = collection.query.fetch_objects().objects
    assert whole.properties == {"title": "a", "words": None, "place": {"name": "x", "zip": "1"}}
    (part,) = collection.query.fetch_objects(
        return_properties=["words", "image", QueryNested(name="place", properties=["zip"])]
    ).objects
    assert part.properties == {"words": None, "image": "aGk=", "place": {"zip": "1"}}
    (none,) = collection.query.fetch_objects(return_properties=False).objects
    assert none.properties == {}


def test_vectors_come_back_as_they_were(make: Make) -> None:
    collection = make(
        properties=PROPERTIES,
        vector_config=[
            Configure.Vectors.self_provided(name="plain"),
            Configure.MultiVectors.self_provided(name="tokens"),
        ],
    )
    vectors = {"plain": [1.0, 2.0, 3.0], "tokens": [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]}
    collection.data.insert_many([DataObject({"title": "a"}, vector=vectors)])
    (both,) = collection.query.fetch_objects(include_vector=True).objects
    assert both.vector == vectors
    (one,) = collection.query.fetch_objects(include_vector=["tokens"]).objects
    assert one.vector == {"tokens": vectors["tokens"]}
    (found,) = collection.query.near_vector(
        [[1.0, 0.0]], target_vector="tokens", return_metadata=MetadataQuery(distance=True)
    ).objects
    assert found.metadata.distance == pytest.approx(-1.0, abs=1e-5)


def test_groups(make: Make) -> None:
    collection = things(make)
    collection.data.insert_many(
        [DataObject({"title": t, "words": i}, vector=[1.0, float(i)]) for i, t in enumerate("aabb")]
    )
    found = collection.query.near_vector(
        [1.0, 0.0], group_by=GroupBy(prop="title", number_of_groups=2, objects_per_group=1)
    )
    assert [(g.name, g.number_of_objects) for g in found.groups.values()] == [("a", 1), ("b", 1)]


def test_a_stream_stores_and_reports(client: weaviate.WeaviateClient, make: Make) -> None:
    collection = things(make)
    with collection.batch.stream() as stream:
        for i in range(2_500):
            stream.add_object({"title": f"t{i}", "words": i}, vector=[float(i), 1.0])
        stream.add_object({"title": 3})
    assert len(collection) == 2_500
    (failed,) = collection.batch.failed_objects
    assert "title" in failed.message


def test_delete_by_filter_names_what_it_deleted(make: Make) -> None:
    collection = things(make)
    ids = [collection.data.insert({"title": t}) for t in ("keep", "drop", "drop")]
    matching = Filter.by_property("title").equal("drop")
    dry = collection.data.delete_many(matching, dry_run=True, verbose=True)
    assert (dry.matches, dry.successful, len(collection)) == (2, 2, 3)
    gone = collection.data.delete_many(matching, verbose=True)
    assert {o.uuid for o in gone.objects} == set(ids[1:])
    assert len(collection) == 1


def test_refusals_carry_their_reason(make: Make) -> None:
    collection = things(make)
    collection.data.insert_many([DataObject({"title": "a"}, vector=[1.0, 2.0])])
    with pytest.raises(WeaviateQueryError, match="nope"):
        collection.query.fetch_objects(return_properties=["nope"])
    with pytest.raises(WeaviateQueryError, match="multi vector but vector index supports regular vectors"):
        collection.query.near_vector([[1.0, 2.0]])
    with pytest.raises(WeaviateQueryError, match="dim"):
        collection.query.near_vector([1.0, 2.0, 3.0])


def test_raw_calls(server: Server, make: Make) -> None:
    name = things(make).name
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        store: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/weaviate.v1.Weaviate/BatchObjects")
        request = batch.BatchObjectsRequest()
        request.objects.add(uuid="nope", collection=name)
        request.objects.add(uuid=str(uuid_module.uuid4()), collection=name, vector_bytes=b"abc")
        request.objects.add(uuid=str(uuid_module.uuid4()), collection=name)
        request.objects.add(uuid=str(uuid_module.uuid4()), collection="")
        reply = batch.BatchObjectsReply.FromString(store(request.SerializeToString(), timeout=30))
        assert [e.index for e in reply.errors] == [0, 1, 3]
        search: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/weaviate.v1.Weaviate/Search")
        with pytest.raises(grpc.RpcError) as caught:
            search(b"\xff", timeout=30)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
