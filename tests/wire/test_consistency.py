"""``consistency_level`` of requests, as the client of Qdrant is called, over Qdrant's own shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models

from contract.edge import VERSION, EdgeClient
from contract.kinds import driver_of
from in_process import InProcess
from weft.catalog.lmdb import LmdbCatalog
from weft.domain.caller import Caller
from weft.engine.database import Database
from weft.engine.qdrant.store import QdrantOptions, QdrantStore
from weft.files.folder_lock import FolderLock
from weft.protocol import base, batch, batch_delete, search_get
from weft.service.schema.document import parse

MAJORITY, QUORUM, ALL = (models.ReadConsistencyType(one) for one in ("majority", "quorum", "all"))
WEAK, MEDIUM, STRONG = (models.WriteOrdering(one) for one in ("weak", "medium", "strong"))
UUID = "00000000-0000-4000-8000-000000000001"


class RecordingClient(EdgeClient):
    """Remembers the consistency of each read and the ordering of each write."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: set[Any] = set()

    def retrieve(self, name: str, ids: Any, *, with_payload: Any, with_vectors: Any, **asked: Any) -> Any:
        self.asked.add(asked["consistency"])
        return super().retrieve(name, ids, with_payload=with_payload, with_vectors=with_vectors)

    def query_points(self, name: str, **asked: Any) -> Any:
        self.asked.add(asked["consistency"])
        return super().query_points(name, **asked)

    def upsert(self, name: str, points: Any, **asked: Any) -> None:
        self.asked.add(asked["ordering"])
        super().upsert(name, points, **asked)

    def taken(self) -> set[Any]:
        taken, self.asked = self.asked, set()
        return taken


class OverQdrant(InProcess):
    client: RecordingClient

    def _opened(self) -> Database:
        folder = self.settings.storage.data_path
        self.client = RecordingClient(folder.parent / "engine")
        store = QdrantStore(self.client, VERSION, QdrantOptions("weft_", consistency=MAJORITY))
        return Database(FolderLock(folder), LmdbCatalog(folder, sync=False), driver_of(store), parse)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OverQdrant]:
    server = OverQdrant(tmp_path)
    server.rest.post("/v1/schema", json={"class": "Thing", "properties": [{"name": "n", "dataType": ["int"]}]})
    server.rest.post("/v1/objects", json={"class": "Thing", "id": UUID, "vector": [1, 2], "properties": {"n": 1}})
    server.client.taken()
    yield server
    server.rest.delete("/v1/schema/Thing")
    server.close()


@pytest.mark.parametrize(
    ("level", "read", "written"),
    [("", MAJORITY, None), ("ONE", 1, WEAK), ("QUORUM", QUORUM, MEDIUM), ("ALL", ALL, STRONG)],
)
def test_a_level_is_that_of_all_calls_for_the_request(server: OverQdrant, level: str, read: Any, written: Any) -> None:
    def call(name: str, request: Any) -> None:
        assert server.calls[name](request.SerializeToString(), Caller())

    number = getattr(base, f"CONSISTENCY_LEVEL_{level or 'UNSPECIFIED'}")
    client, query = server.client, f"?consistency_level={level}" if level else ""
    path = f"/v1/objects/Thing/{UUID}{query}"
    assert server.rest.get(path).status_code == 200
    assert client.taken() == {read}
    changed = {"class": "Thing", "id": UUID, "vector": [1, 2], "properties": {"n": 2}}
    assert server.rest.post(f"/v1/batch/objects{query}", json={"objects": [changed]}).json()[0]["result"] == {
        "status": "SUCCESS"
    }
    assert client.taken() == {read, written}
    assert server.rest.patch(path, json=changed).status_code == 204
    assert client.taken() == {read, STRONG}, "a merge depends on what is there"
    given = f", consistencyLevel: {level}" if level else ""
    asked = f"{{ Get {{ Thing(nearVector: {{vector: [1, 2]}}{given}) {{ n }} }} }}"
    assert server.rest.post("/v1/graphql", json={"query": asked}).json()["data"]["Get"]["Thing"] == [{"n": 2}]
    assert client.taken() == {read}
    call("Search", search_get.SearchRequest(collection="Thing", consistency_level=number, uses_127_api=True))
    near = {"vector_bytes": b"\0\0\x80?\0\0\0@"}
    call("Search", search_get.SearchRequest(collection="Thing", consistency_level=number, near_vector=near))
    assert client.taken() == {read}
    call(
        "BatchObjects",
        batch.BatchObjectsRequest(consistency_level=number, objects=[{"collection": "Thing", "uuid": UUID}]),
    )
    assert client.taken() == {read, written}
    filters = base.Filters(operator=base.Filters.OPERATOR_EQUAL, target={"property": "n"}, value_int=7)
    call("BatchDelete", batch_delete.BatchDeleteRequest(collection="Thing", consistency_level=number, filters=filters))


def test_a_level_that_does_not_exist_is_refused(server: OverQdrant) -> None:
    refused = server.rest.get(f"/v1/objects/Thing/{UUID}?consistency_level=MOST")
    assert refused.status_code == 400
    assert "one of ONE, QUORUM, ALL" in refused.json()["error"][0]["message"]
