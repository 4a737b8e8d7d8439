"""Two ``weft serve`` over one Milvus 2.3.5 and one catalog in PostgreSQL: one is killed; Milvus is away for a while."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, VectorDistances
from weaviate.classes.query import Filter
from weaviate.exceptions import UnexpectedStatusCodeError
from weaviate.util import generate_uuid5

from postgres import Postgres
from server import Server
from tcp_proxy import TcpProxy

COUNT = 30
SOON_S = 60


@pytest.fixture(scope="module")
def proxy(milvus_address: str) -> Iterator[TcpProxy]:
    """Before Milvus, for the second server."""
    with TcpProxy(int(milvus_address.rpartition(":")[2])) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def servers(
    milvus_address: str, proxy: TcpProxy, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sequence[Server]]:
    prefix = f"two{secrets.token_hex(4)}_"
    catalog = {"WEFT_CATALOG": postgres.url(prefix.rstrip("_"))}
    engines = [f"milvus://{address}?prefix={prefix}" for address in (milvus_address, f"127.0.0.1:{proxy.port}")]
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    given = [{"WEFT_ENGINE": one, "CLUSTER_HOSTNAME": f"node{n}", **catalog} for n, one in enumerate(engines)]
    with Server(folders[0], given[0]) as first, Server(folders[1], given[1]) as second:
        yield first, second


def things(client: weaviate.WeaviateClient) -> Any:
    return client.collections.create(
        "Thing",
        properties=[Property(name="n", data_type=DataType.INT), Property(name="by", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.self_provided(
            name="a", vector_index_config=Configure.VectorIndex.flat(distance_metric=VectorDistances.L2_SQUARED)
        ),
    )


def insert(server: Server, name: str, count: int, acknowledged: list[str]) -> None:
    """Objects one by one, each in the list once it is acknowledged, until the server is gone."""
    with server.client() as client:
        collection = client.collections.get("Thing")
        for n in range(count):
            uuid = str(generate_uuid5(f"{name} {n}"))
            try:
                collection.data.insert({"n": n, "by": name}, uuid=uuid, vector={"a": [n, 1]})
            except Exception:
                return
            acknowledged.append(uuid)


def test_what_one_acknowledges_the_other_answers_also_after_kills(servers: Sequence[Server]) -> None:
    first, second = servers
    with first.client() as client:
        client.collections.delete_all()
        things(client)
    kept: list[str] = []
    lost: list[str] = []
    steady = threading.Thread(target=insert, args=(first, "steady", COUNT, kept))
    killed = threading.Thread(target=insert, args=(second, "killed", 10_000, lost))
    steady.start()
    killed.start()
    while len(lost) < 3 and killed.is_alive():
        time.sleep(0.01)
    second.kill()
    killed.join()
    with first.client() as client:
        collection = client.collections.get("Thing")
        found = {str(one.uuid) for one in collection.query.fetch_objects(limit=10_000).objects}
        assert set(lost) <= found, "what the killed server acknowledged"
    second.start()
    steady.join()
    assert len(kept) == COUNT, "the first server was never refused anything"
    with second.client() as client:
        collection = client.collections.get("Thing")
        found = {str(one.uuid) for one in collection.iterator()}
        assert {*kept, *lost} <= found
        assert found - {*kept, *lost} <= {str(generate_uuid5(f"killed {len(lost)}"))}, "the one that was under way"
        near = collection.query.near_vector([7, 1], filters=Filter.by_property("by").equal("steady"), limit=1)
        assert [one.properties["n"] for one in near.objects] == [7]
        collection.config.add_property(Property(name="later", data_type=DataType.TEXT))
        collection.data.update(kept[0], properties={"later": "word"})
    with first.client() as client:
        collection = client.collections.get("Thing")
        words = collection.query.bm25("word", query_properties=["later"])
        assert [str(one.uuid) for one in words.objects] == kept[:1]
        collection.data.delete_many(Filter.by_property("by").equal("steady"))
    with second.client() as client:
        assert len(client.collections.get("Thing")) == len(found) - COUNT


def test_a_server_whose_engine_is_away_is_not_ready_and_comes_back(servers: Sequence[Server], proxy: TcpProxy) -> None:
    first, second = servers

    def until_ready(server: Server, status: int) -> None:
        until = time.monotonic() + SOON_S
        while httpx.get(server.url("/v1/.well-known/ready")).status_code != status:
            assert time.monotonic() < until, server.lines[-5:]
            time.sleep(0.05)

    until_ready(second, 200)
    proxy.is_away = True
    proxy.cut()
    until_ready(second, 503)
    (node, *_) = httpx.get(second.url("/v1/nodes?output=verbose")).json()["nodes"]
    assert node["status"] == "UNHEALTHY"
    assert "Milvus did not answer" in node["error"]
    assert httpx.get(second.url("/v1/.well-known/live")).status_code == 200
    assert httpx.get(first.url("/v1/.well-known/ready")).status_code == 200
    assert any("not ready, because its engine does not answer" in line for line in second.lines)
    proxy.is_away = False
    until_ready(second, 200)
    assert httpx.get(second.url("/v1/nodes")).json()["nodes"][0]["status"] == "HEALTHY"
    with second.client() as client:
        client.collections.delete_all()


def test_meta_lists_what_the_engine_refuses(servers: Sequence[Server]) -> None:
    first, _ = servers
    with first.client() as client:
        engine = client.get_meta()["weft"]["engine"]
        assert (engine["name"], engine["version"][:5]) == ("milvus", "2.3.5")
        refuses = {"multi-vectors", "the distance hamming", "more than 1 named vectors in a collection"}
        assert refuses <= {*engine["refuses"]}
        hamming = Configure.VectorIndex.flat(distance_metric=VectorDistances.HAMMING)
        with pytest.raises(UnexpectedStatusCodeError, match="hamming") as refusal:
            client.collections.create("Far", vector_config=Configure.Vectors.self_provided(vector_index_config=hamming))
        assert refusal.value.status_code == 501, "over gRPC UNIMPLEMENTED"
        assert not client.collections.exists("Far")
