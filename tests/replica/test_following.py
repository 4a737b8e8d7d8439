"""A replica sees everything acknowledged at once, whatever changes in the server: objects, schema, tenants, files."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from weaviate.classes.config import Configure, DataType, Property, Reconfigure
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter, Sort
from weaviate.classes.tenants import Tenant, TenantActivityStatus
from weaviate.exceptions import WeaviateQueryError

from replica.conftest import Sides, wait_until_answered

_TEXT = Property(name="text", data_type=DataType.TEXT)


@pytest.fixture
def made(sides: Sides) -> Iterator[Callable[..., tuple[Any, Any]]]:
    """Makes a collection; returns it as the server's client and the replica's have it."""
    names: list[str] = []

    def make(name: str, **options: Any) -> tuple[Any, Any]:
        names.append(name)
        mine = sides.client.collections.create(name, **{"properties": [_TEXT], **options})
        return mine, sides.replicated.collections.use(name)

    yield make
    sides.client.collections.delete(names)


def _texts(collection: Any) -> list[str]:
    found = collection.query.fetch_objects(sort=Sort.by_property("text"), limit=1000).objects
    return [one.properties["text"] for one in found]


def test_each_write_is_visible_to_the_next_request(made: Callable[..., Any], sides: Sides) -> None:
    mine, its = made("Written")
    before = sides.front.calls["answered"]
    for number in range(60):
        id = mine.data.insert({"text": f"first{number}"}, vector=[number, 1.0])
        assert [one.uuid for one in its.query.bm25(f"first{number}").objects] == [id]
        mine.data.update(id, {"text": f"second{number}"})
        assert not its.query.bm25(f"first{number}").objects
        assert its.query.fetch_object_by_id(id).properties["text"] == f"second{number}"
        near = its.query.near_vector([number, 1.0], limit=1).objects
        assert [one.uuid for one in near] == [id]
        if number % 3 == 0:
            mine.data.delete_by_id(id)
            assert its.query.fetch_object_by_id(id) is None
            assert not its.query.bm25(f"second{number}").objects
    assert its.aggregate.over_all(total_count=True).total_count == 40
    assert sides.front.calls["answered"] - before > 200, sides.front.calls


def test_a_collection_that_is_dropped_and_made_again_has_only_what_is_new(
    made: Callable[..., Any], sides: Sides
) -> None:
    for round in range(4):
        mine, its = made("Again")
        mine.data.insert({"text": f"round {round}"})
        assert _texts(its) == [f"round {round}"]
        sides.client.collections.delete("Again")
        with pytest.raises(WeaviateQueryError, match="could not find class Again"):
            _texts(its)


def test_an_alias_leads_where_it_points_now(made: Callable[..., Any], sides: Sides) -> None:
    for name in ("Left", "Right"):
        mine, _ = made(name)
        mine.data.insert({"text": name})
    its = sides.replicated.collections.use("Way")
    sides.client.alias.create(alias_name="Way", target_collection="Left")
    assert _texts(its) == ["Left"]
    sides.client.alias.update(alias_name="Way", new_target_collection="Right")
    assert _texts(its) == ["Right"]
    sides.client.alias.delete(alias_name="Way")
    with pytest.raises(WeaviateQueryError, match="could not find class Way"):
        _texts(its)


def test_tenants_come_and_go(made: Callable[..., Any], sides: Sides) -> None:
    mine, its = made("Rented", multi_tenancy_config=Configure.multi_tenancy(enabled=True))
    for name in ("a", "b"):
        mine.tenants.create(Tenant(name=name))
        mine.with_tenant(name).data.insert({"text": f"of {name}"})
        assert _texts(its.with_tenant(name)) == [f"of {name}"]
    assert sorted(its.tenants.get()) == ["a", "b"]
    mine.tenants.update(Tenant(name="a", activity_status=TenantActivityStatus.INACTIVE))
    assert its.tenants.get()["a"].activity_status is TenantActivityStatus.INACTIVE
    with pytest.raises(WeaviateQueryError, match="tenant not active"):
        _texts(its.with_tenant("a"))
    mine.tenants.update(Tenant(name="a", activity_status=TenantActivityStatus.ACTIVE))
    mine.with_tenant("a").data.insert({"text": "of a, later"})
    assert _texts(its.with_tenant("a")) == ["of a", "of a, later"]
    mine.tenants.remove("b")
    with pytest.raises(WeaviateQueryError, match="tenant not found"):
        _texts(its.with_tenant("b"))


def test_properties_that_are_added_between_writes_are_searched(made: Callable[..., Any]) -> None:
    mine, its = made("Growing")
    for number in range(15):
        mine.data.insert({"text": "old", f"new{number}": f"value{number}"})
        found = its.query.fetch_objects(filters=Filter.by_property(f"new{number}").equal(f"value{number}")).objects
        assert len(found) == 1
        assert len(its.query.bm25(f"value{number}").objects) == 1
    assert len(its.query.bm25("old", limit=50).objects) == 15


def test_vectors_that_change_their_dimensions_and_settings(made: Callable[..., Any]) -> None:
    mine, its = made("Turning", vector_config=Configure.Vectors.self_provided())
    id = mine.data.insert({"text": "x"}, vector=[1.0, 0.0])
    assert len(its.query.near_vector([1.0, 0.0]).objects) == 1
    mine.data.delete_by_id(id)
    mine.data.insert({"text": "y"}, vector=[1.0, 0.0, 0.0])
    assert len(its.query.near_vector([1.0, 0.0, 0.0]).objects) == 1
    mine.config.update(
        vector_config=Reconfigure.Vectors.update(vector_index_config=Reconfigure.VectorIndex.hnsw(ef=77))
    )
    mine.data.insert({"text": "z"}, vector=[0.0, 1.0, 0.0])
    assert [one.properties["text"] for one in its.query.near_vector([0.0, 1.0, 0.0]).objects] == ["z", "y"]


def test_objects_expire(made: Callable[..., Any], sides: Sides) -> None:
    mine, its = made(
        "Fading",
        properties=[_TEXT, Property(name="until", data_type=DataType.DATE)],
        object_ttl_config=Configure.ObjectTTL.delete_by_date_property("until", filter_expired_objects=True),
    )
    now = datetime.datetime.now(datetime.UTC)
    mine.data.insert({"text": "gone", "until": now - datetime.timedelta(days=1)})
    mine.data.insert({"text": "there", "until": now + datetime.timedelta(days=1)})
    assert _texts(its) == ["there"]


def test_more_at_once_than_a_request_indexes_is_answered_by_the_server_first(
    made: Callable[..., Any], sides: Sides
) -> None:
    mine, its = made("Bulky")
    for round in range(3):
        rows = [DataObject({"text": f"round{round} {n}"}, uuid.uuid4(), vector=[float(n), 1.0]) for n in range(900)]
        assert not mine.data.insert_many(rows).has_errors
        assert len(its.query.bm25(f"round{round}", limit=1000).objects) == 900
    wait_until_answered(sides, lambda: its.query.bm25("round1", limit=1000))
    assert len(its.query.bm25("round2", limit=1000).objects) == 900


def test_what_is_restored_is_there(made: Callable[..., Any], sides: Sides) -> None:
    mine, its = made("Saved")
    mine.data.insert({"text": "kept"})
    assert _texts(its) == ["kept"]
    sides.client.backup.create("saved", "filesystem", include_collections=["Saved"], wait_for_completion=True)
    mine.data.insert({"text": "later"})
    assert _texts(its) == ["kept", "later"]
    sides.client.collections.delete("Saved")
    sides.client.backup.restore("saved", "filesystem", include_collections=["Saved"], wait_for_completion=True)
    assert _texts(its) == ["kept"]


def test_a_replica_that_was_killed_costs_no_answer(made: Callable[..., Any], sides: Sides) -> None:
    mine, its = made("Lost")
    mine.data.insert({"text": "before"})
    assert _texts(its) == ["before"]
    sides.front.replica.kill()
    assert _texts(its) == ["before"]
    mine.data.insert({"text": "meanwhile"})
    sides.front.replica.restart()
    lost = sides.front.calls["lost"]
    assert _texts(its) == ["before", "meanwhile"]
    assert sides.front.calls["lost"] == lost
