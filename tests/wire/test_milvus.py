"""The official client against a server whose objects are in a real Milvus 2.3.5, which is killed and started again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import weaviate
import weaviate.classes as wvc
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty, VectorDistances
from weaviate.classes.query import Filter, QueryReference
from weaviate.exceptions import UnexpectedStatusCodeError
from weaviate.util import generate_uuid5

from server import Server


@pytest.fixture(scope="module")
def environ(milvus_address: str) -> dict[str, str]:
    return {"WEFT_ENGINE": f"milvus://{milvus_address}?prefix=wire{secrets.token_hex(4)}_"}


@pytest.fixture(scope="module")
def server(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("weft"), environ) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[weaviate.WeaviateClient]:
    with server.client() as client:
        client.collections.delete_all()
        yield client


def things(client: weaviate.WeaviateClient, *, tenants: bool = False) -> weaviate.collections.Collection:
    flat = Configure.VectorIndex.flat(distance_metric=VectorDistances.L2_SQUARED)
    return client.collections.create(
        "Thing",
        properties=[
            Property(name="n", data_type=DataType.INT),
            Property(name="title", data_type=DataType.TEXT),
            Property(name="tags", data_type=DataType.TEXT_ARRAY),
            Property(name="place", data_type=DataType.GEO_COORDINATES),
        ],
        references=[ReferenceProperty(name="next", target_collection="Thing")],
        vector_config=Configure.Vectors.self_provided(name="a", vector_index_config=flat),
        inverted_index_config=Configure.inverted_index(index_null_state=True),
        multi_tenancy_config=Configure.multi_tenancy(enabled=tenants),
    )


def filled(client: weaviate.WeaviateClient) -> weaviate.collections.Collection:
    made = things(client)
    with made.batch.fixed_size(50) as batch:
        for n in range(60):
            place = {"latitude": n / 10, "longitude": 10.0}
            values = {"n": n, "title": f"word{n % 3} of loom", "place": place}
            if n % 2:
                values["tags"] = [f"t{n % 4}"]
            batch.add_object(values, uuid=uuid(n), vector={"a": [n, 0, 1]})
    assert not made.batch.failed_objects
    return made


def uuid(n: int) -> str:
    return str(generate_uuid5(f"thing {n}"))


def numbers(found: Any) -> list[int]:
    return [one.properties["n"] for one in found.objects]


def test_everyday_calls(client: weaviate.WeaviateClient) -> None:
    made = filled(client)
    query, n = made.query, Filter.by_property("n")
    assert numbers(query.near_vector([0, 0, 1], filters=n.greater_than(10), limit=3)) == [11, 12, 13]
    assert sorted(numbers(query.bm25("word1", limit=100))) == list(range(1, 60, 3))
    hybrid = query.hybrid("word1", vector=[4, 0, 1], target_vector="a", alpha=0.5, limit=1)
    assert numbers(hybrid) == [4]
    tagged = Filter.by_property("tags").contains_any(["t1"]) & n.less_than(20)
    assert sorted(numbers(query.fetch_objects(filters=tagged, limit=100))) == [1, 5, 9, 13, 17]
    without = Filter.by_property("tags").is_none(True)
    assert made.aggregate.over_all(filters=without, total_count=True).total_count == 30
    near = Filter.by_property("place").within_geo_range(wvc.data.GeoCoordinate(latitude=0, longitude=10), 60_000)
    assert sorted(numbers(query.fetch_objects(filters=near))) == [0, 1, 2, 3, 4, 5]
    like = Filter.by_property("title").like("wor*2")
    assert len(query.fetch_objects(filters=like, limit=100).objects) == 20
    figures = made.aggregate.over_all(return_metrics=[wvc.query.Metrics("n").integer(mean=True, maximum=True)])
    assert (figures.properties["n"].mean, figures.properties["n"].maximum) == (29.5, 59)
    assert {one.properties["n"] for one in made.iterator(cache_size=25)} == set(range(60))
    ordered = query.fetch_objects(sort=wvc.query.Sort.by_property("n", ascending=False), limit=3)
    assert numbers(ordered) == [59, 58, 57]


def test_changes_are_seen_at_once(client: weaviate.WeaviateClient) -> None:
    made = filled(client)
    made.data.update(uuid(3), properties={"title": "changed"})
    one = made.query.fetch_object_by_id(uuid(3), include_vector=True)
    assert (one.properties["title"], one.properties["n"], one.vector["a"]) == ("changed", 3, [3, 0, 1])
    with pytest.raises(UnexpectedStatusCodeError, match="already exists"):
        made.data.insert({"n": 3}, uuid=uuid(3))
    made.data.reference_add(uuid(3), "next", uuid(4))
    through = Filter.by_ref("next").by_property("n").equal(4)
    found = made.query.fetch_objects(
        filters=through, return_references=QueryReference(link_on="next", return_properties=["n"])
    )
    assert numbers(found) == [3]
    assert numbers(found.objects[0].references["next"]) == [4]
    deleted = made.data.delete_many(Filter.by_property("n").less_than(10))
    assert (deleted.matches, deleted.successful) == (10, 10)
    assert len(made) == 50
    assert made.data.delete_by_id(uuid(20))
    assert made.query.fetch_object_by_id(uuid(20)) is None
    made.config.add_property(Property(name="later", data_type=DataType.TEXT))
    made.data.update(uuid(30), properties={"later": "word"})
    assert numbers(made.query.fetch_objects(filters=Filter.by_property("later").equal("word"))) == [30]


def test_tenants_are_apart(client: weaviate.WeaviateClient) -> None:
    made = things(client, tenants=True)
    made.tenants.create(["one", "two"])
    for name, n in (("one", 1), ("two", 2)):
        made.with_tenant(name).data.insert({"n": n}, uuid=uuid(0), vector={"a": [n, 0, 0]})
    for name, n in (("one", 1), ("two", 2)):
        tenant = made.with_tenant(name)
        assert numbers(tenant.query.near_vector([0, 0, 0], limit=9)) == [n]
    made.tenants.remove(["one"])
    made.tenants.create(["one"])
    assert len(made.with_tenant("one")) == 0
    assert len(made.with_tenant("two")) == 1


def test_what_this_milvus_lacks_is_refused_by_name(client: weaviate.WeaviateClient) -> None:
    two = [Configure.Vectors.self_provided(name=name) for name in ("a", "b")]
    with pytest.raises(UnexpectedStatusCodeError, match=r"Milvus 2\.3\.5.* at most 1 vectors"):
        client.collections.create("Two", vector_config=two)
    assert not client.collections.exists("Two")


def test_what_was_acknowledged_survives_kills(client: weaviate.WeaviateClient, server: Server) -> None:
    made = things(client)
    for n in range(2):
        made.data.insert({"n": n}, uuid=uuid(n), vector={"a": [n, 0, 0]})
        made.data.update(uuid(n), properties={"title": f"word{n}"})
        server.kill()
        server.start()
        client.close()
        client = server.client()
        made = client.collections.get("Thing")
        assert sorted(numbers(made.query.fetch_objects())) == list(range(n + 1))
        assert numbers(made.query.near_vector([n, 0, 0], limit=1)) == [n]
        assert made.query.fetch_object_by_id(uuid(n)).properties["title"] == f"word{n}"
    client.close()


def test_another_catalog_is_refused(server: Server, environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="another catalog"):
        Server(tmp_path, environ)
