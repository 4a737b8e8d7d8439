"""Objects that expire, through the official client: hidden at once where the collection says so, deleted by upkeep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, Reconfigure
from weaviate.classes.query import Filter, Sort
from weaviate.util import generate_uuid5

from embedded_engine import shard_of
from server import Server
from weft.engine.drivers import open_database
from weft.service.schema.document import parse

Make = Callable[..., Any]
PAST, FUTURE = datetime(2001, 2, 3, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)
ENDS = {"gone": PAST, "stays": FUTURE, "timeless": None, "went": PAST + timedelta(days=1)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("expiry") / "data", {"OBJECTS_TTL_DELETE_SCHEDULE": ""})
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[weaviate.WeaviateClient]:
    with server.client() as opened:
        yield opened


def filled(client: weaviate.WeaviateClient, name: str, **expiry: Any) -> Any:
    client.collections.delete(name)
    things = client.collections.create(
        name,
        properties=[
            Property(name="name", data_type=DataType.TEXT),
            Property(name="ends", data_type=DataType.DATE),
        ],
        vector_config=Configure.Vectors.self_provided(),
        object_ttl_config=Configure.ObjectTTL.delete_by_date_property("ends", **expiry),
    )
    for i, (name_, ends) in enumerate(ENDS.items()):
        values = {"name": name_} | ({"ends": ends} if ends else {})
        things.data.insert(values, uuid=generate_uuid5(i), vector=[1.0, i])
    return things


def names(found: Any) -> set[str]:
    return {one.properties["name"] for one in found.objects}


def test_expired_objects_are_hidden_from_every_search(client: weaviate.WeaviateClient) -> None:
    things = filled(client, "Hidden", filter_expired_objects=True)
    visible = {"stays", "timeless"}
    query = things.query
    assert names(query.fetch_objects()) == visible
    assert names(query.fetch_objects(limit=1, offset=0)) <= visible
    assert names(query.fetch_objects(sort=Sort.by_property("name"))) == visible
    assert names(query.fetch_objects(filters=Filter.by_property("name").like("*"))) == visible
    assert names(query.near_vector([1.0, 0.0])) == visible
    assert names(query.bm25("gone stays went timeless")) == visible
    assert names(query.hybrid("gone stays", vector=[1.0, 0.0])) == visible
    assert {one.properties["name"] for one in things.iterator(cache_size=1)} == visible
    assert things.aggregate.over_all(total_count=True).total_count == 2
    assert things.aggregate.near_vector([1.0, 0.0], object_limit=10, total_count=True).total_count == 2


def test_what_searches_hide_is_absent_for_reads_and_deletions(client: weaviate.WeaviateClient) -> None:
    things = filled(client, "Absent", filter_expired_objects=True)
    ids = [generate_uuid5(i) for i in range(len(ENDS))]
    visible = [things.query.fetch_object_by_id(one) is not None for one in ids]
    assert [things.data.exists(one) for one in ids] == visible
    assert sum(visible) == 2
    everything = Filter.by_property("name").like("*")
    assert things.data.delete_many(everything, dry_run=True).matches == 2
    hidden = ids[visible.index(False)]
    things.data.insert({"name": "again", "ends": FUTURE}, uuid=hidden, vector=[1.0, 9.0])
    assert things.data.exists(hidden)
    with pytest.raises(weaviate.exceptions.UnexpectedStatusCodeError, match="already exists"):
        things.data.insert({"name": "twice"}, uuid=hidden)
    assert things.data.delete_many(everything).successful == 3


def test_expired_objects_are_visible_until_they_are_deleted_where_they_are_not_hidden(
    client: weaviate.WeaviateClient,
) -> None:
    things = filled(client, "Visible")
    assert names(things.query.fetch_objects()) == set(ENDS)
    assert len(things) == 4


def test_a_changed_date_brings_an_object_back(client: weaviate.WeaviateClient) -> None:
    things = filled(client, "Back", filter_expired_objects=True)
    things.data.update(generate_uuid5(0), properties={"ends": FUTURE})
    assert names(things.query.fetch_objects()) == {"stays", "timeless", "gone"}


def test_a_changed_wait_counts_at_once(client: weaviate.WeaviateClient) -> None:
    things = filled(client, "Changed", filter_expired_objects=True)
    visible = {0: {"stays", "timeless"}, 365 * 500: set(ENDS)}
    for _ in range(5):
        for days, expected in visible.items():
            wait = Reconfigure.ObjectTTL.delete_by_date_property(
                "ends", timedelta(days=days), filter_expired_objects=True
            )
            things.config.update(object_ttl_config=wait)
            assert names(things.query.fetch_objects()) == expected


@pytest.mark.parametrize(("wait_s", "visible"), [(10**15, set(ENDS)), (-(10**15), {"timeless"})])
def test_a_wait_beyond_all_dates_is_one(client: weaviate.WeaviateClient, wait_s: int, visible: set[str]) -> None:
    things = filled(client, "Long", filter_expired_objects=True)
    config = things.config.get().to_dict()
    config["objectTtlConfig"]["defaultTtl"] = wait_s
    client.collections.delete("Long")
    things = client.collections.create_from_dict(config)
    for i, (name, ends) in enumerate(ENDS.items()):
        things.data.insert({"name": name} | ({"ends": ends} if ends else {}), vector=[1.0, i])
    assert names(things.query.fetch_objects()) == visible


def test_upkeep_deletes_what_has_expired(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", {"OBJECTS_TTL_DELETE_SCHEDULE": ""})
    with server.client() as client:
        filled(client, "Dated")
        aged = client.collections.create(
            "Aged",
            properties=[Property(name="name", data_type=DataType.TEXT)],
            inverted_index_config=Configure.inverted_index(index_timestamps=True),
            object_ttl_config=Configure.ObjectTTL.delete_by_update_time(timedelta(hours=1)),
        )
        aged.data.insert({"name": "new"})
    server.stop()
    database = open_database(tmp_path / "data", parse, durable=False, write_queue=1_000)
    now = datetime.now(UTC)
    assert database.expire(now.timestamp()) == 2
    assert database.expire(now.timestamp()) == 0
    assert database.expire((now + timedelta(minutes=59)).timestamp()) == 0
    assert database.expire((now + timedelta(minutes=61)).timestamp()) == 1
    assert [shard_of(database.get(name)).count for name in ("Dated", "Aged")] == [2, 0]
    database.close()


def test_the_server_deletes_by_itself(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", {"OBJECTS_TTL_DELETE_SCHEDULE": "@every 100ms"})
    with server.client() as client:
        things = filled(client, "Dated")
        while len(things) > 2:
            pass
        assert names(things.query.fetch_objects()) == {"stays", "timeless"}
    assert server.stop() == 0
