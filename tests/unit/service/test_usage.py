"""Usage limits on every wire: what is refused, what is kept, and that objects are counted exactly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from in_process import InProcess
from weft.domain.caller import Caller
from weft.domain.errors import UsageLimitExceeded, WeftError
from weft.domain.objects import IncomingObject, Object
from weft.engine.changes import Upsert
from weft.jobs.backup.descriptor import StoredCollection, StoredShard
from weft.protocol import batch
from weft.service import objects

Open = Callable[..., InProcess]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Open]:
    opened: list[InProcess] = []

    def open_(**limits: Any) -> InProcess:
        opened.append(InProcess(tmp_path / str(len(opened)), autoschema_enabled=True, **limits))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


def refusal(limit: str, value: int) -> dict[str, object]:
    message = f"{limit} count limit of {value} reached for this instance."
    return {"errorCode": "USAGE_LIMIT_EXCEEDED", "limit": limit, "message": message, "value": value}


def create(server: InProcess, name: str, **document: Any) -> Any:
    return server.rest.post("/v1/schema", json={"class": name, "vectorizer": "none", **document})


def insert(server: InProcess, name: str, **given: Any) -> Any:
    return server.rest.post("/v1/objects", json={"class": name, "properties": {"n": 1}, **given})


def ids(count: int, first: int = 1) -> list[str]:
    return [str(UUID(int=first + i)) for i in range(count)]


def insert_many(server: InProcess, name: str, uuids: list[str], **given: Any) -> Any:
    objects = [{"class": name, "id": uuid, "properties": {"n": 1}, **given} for uuid in uuids]
    return server.rest.post("/v1/batch/objects", json={"objects": objects})


def test_collections(server: Open) -> None:
    opened = server(maximum_allowed_collections_count=1)
    assert create(opened, "A").status_code == 200
    refused = create(opened, "B")
    assert (refused.status_code, refused.json()) == (429, refusal("collections", 1))
    assert create(opened, "not a name").status_code == 422
    assert insert(opened, "B").json() == refusal("collections", 1)  # by auto-schema
    assert [one["class"] for one in opened.rest.get("/v1/schema").json()["classes"]] == ["A"]
    opened.rest.delete("/v1/schema/A")
    assert create(opened, "B").status_code == 200


def test_shards(server: Open) -> None:
    opened = server(maximum_allowed_shards_per_collection=1)
    assert create(opened, "A", shardingConfig={"desiredCount": 4}).json() == refusal("shards", 1)
    assert create(opened, "A", shardingConfig={"desiredCount": 1}).status_code == 200
    assert create(opened, "B", multiTenancyConfig={"enabled": True}).status_code == 200
    none = server(maximum_allowed_shards_per_collection=0)
    assert create(none, "A").json() == refusal("shards", 0)
    assert create(none, "B", multiTenancyConfig={"enabled": True}).status_code == 200


def test_tenants(server: Open) -> None:
    opened = server(maximum_allowed_tenants_per_collection=2)
    create(opened, "A", multiTenancyConfig={"enabled": True})

    def add(*names: str) -> Any:
        return opened.rest.post("/v1/schema/A/tenants", json=[{"name": name} for name in names])

    assert add("one", "two").status_code == 200
    assert add("two", "three").json() == refusal("tenants", 2)
    assert add("one", "two").status_code == 200
    opened.rest.request("DELETE", "/v1/schema/A/tenants", json=["two"])
    assert add("three", "four").json() == refusal("tenants", 2)
    assert add("three").status_code == 200


def test_tenants_that_an_import_would_create(server: Open) -> None:
    opened = server(maximum_allowed_tenants_per_collection=1)
    create(opened, "A", multiTenancyConfig={"enabled": True, "autoTenantCreation": True})
    assert insert(opened, "A", tenant="one").status_code == 200
    assert insert(opened, "A", tenant="one").status_code == 200
    assert insert(opened, "A", tenant="two").json() == refusal("tenants", 1)
    objects: list[Any] = [{"class": "A", "tenant": tenant, "properties": {}} for tenant in ("one", "two")]
    assert opened.rest.post("/v1/batch/objects", json={"objects": objects}).json() == refusal("tenants", 1)
    streamed = [IncomingObject("A", uuid, tenant=tenant) for uuid, tenant in zip(ids(2), ("one", "two"), strict=True)]
    kept, refused = opened.service.objects.batch(streamed, Caller())
    assert kept is None
    assert isinstance(refused, UsageLimitExceeded)


def test_inactive_tenants_can_be_activated_at_the_limit(server: Open) -> None:
    opened = server(maximum_allowed_tenants_per_collection=1)
    create(opened, "A", multiTenancyConfig={"enabled": True, "autoTenantActivation": True})
    opened.rest.post("/v1/schema/A/tenants", json=[{"name": "one", "activityStatus": "COLD"}])
    assert insert(opened, "A", tenant="one").status_code == 200


def test_objects(server: Open) -> None:
    opened = server(maximum_allowed_objects_count=3)
    create(opened, "A")
    create(opened, "B", multiTenancyConfig={"enabled": True, "autoTenantCreation": True})
    one, two, three, four = ids(4)
    assert insert_many(opened, "A", [one, two]).status_code == 200
    assert insert(opened, "B", id=three, tenant="t").status_code == 200
    opened.rest.put("/v1/schema/B/tenants", json=[{"name": "t", "activityStatus": "COLD"}])
    assert insert(opened, "A", id=four).json() == refusal("objects", 3)
    assert insert_many(opened, "A", [one, four]).json() == refusal("objects", 3)
    assert insert_many(opened, "A", [one, two]).status_code == 200  # as many as before
    assert opened.rest.put(f"/v1/objects/A/{one}", json={"class": "A", "id": one}).status_code == 200
    assert opened.rest.patch(f"/v1/objects/A/{one}", json={"properties": {"n": 2}}).status_code == 204
    assert insert(opened, "A", id=one).status_code == 422  # it exists already
    opened.rest.delete(f"/v1/objects/A/{one}")
    assert insert_many(opened, "A", [four, four]).status_code == 200
    assert insert(opened, "A").json() == refusal("objects", 3)


def test_a_refused_object_leaves_no_collection_and_no_property(server: Open) -> None:
    opened = server(maximum_allowed_objects_count=0)
    create(opened, "A")
    assert insert(opened, "A").json() == refusal("objects", 0)
    assert insert(opened, "B").json() == refusal("objects", 0)
    (left,) = opened.rest.get("/v1/schema").json()["classes"]
    assert (left["class"], left["properties"]) == ("A", None)


def test_a_batch_that_some_other_reason_refuses_too_has_a_result_for_each(server: Open) -> None:
    opened = server(maximum_allowed_objects_count=1)
    create(opened, "A", properties=[{"name": "n", "dataType": ["int"]}])
    objects = [{"class": "A", "properties": {"n": value}} for value in (1, 2, "no int")]
    answered = opened.rest.post("/v1/batch/objects", json={"objects": objects})
    messages = [one["result"]["errors"]["error"][0]["message"] for one in answered.json()]
    assert answered.status_code == 200
    assert messages[:2] == ["objects count limit of 1 reached for this instance."] * 2 != messages[1:]


def test_the_operators_own_words(server: Open) -> None:
    opened = server(maximum_allowed_collections_count=0, usage_limits_error_message="{value} {limit}, see https://x")
    assert create(opened, "A").json()["message"] == "0 collections, see https://x"
    assert create(server(maximum_allowed_collections_count=0, usage_limits_error_message=""), "A").json() == refusal(
        "collections", 0
    )


def test_grpc_raises_when_all_objects_are_refused(server: Open) -> None:
    opened = server(maximum_allowed_objects_count=1)
    create(opened, "A")

    def store(*uuids: str) -> batch.BatchObjectsReply:
        request = batch.BatchObjectsRequest(objects=[batch.BatchObject(collection="A", uuid=uuid) for uuid in uuids])
        return batch.BatchObjectsReply.FromString(opened.calls["BatchObjects"](request.SerializeToString(), Caller()))

    with pytest.raises(UsageLimitExceeded) as caught:
        store(str(uuid4()), str(uuid4()))
    assert (caught.value.limited, caught.value.limit) == ("objects", 1)
    assert not store(str(uuid4())).errors


def test_concurrent_writers_fill_the_limit_exactly(server: Open) -> None:
    limit, threads, each = 150, 6, 50
    opened = server(maximum_allowed_objects_count=limit)
    create(opened, "A", properties=[{"name": "n", "dataType": ["int"]}])
    stored: list[int] = []

    def write(writer: int) -> None:
        for uuid in ids(each, 1 + writer * each):
            errors: list[WeftError | None] = opened.service.objects.batch([IncomingObject("A", uuid)], Caller())
            stored.append(errors[0] is None)

    writers = [threading.Thread(target=write, args=(i,)) for i in range(threads)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert sum(stored) == limit
    assert opened.rest.get("/v1/nodes?output=verbose").json()["nodes"][0]["stats"]["objectCount"] == limit


def test_two_writers_of_one_new_object_need_room_for_one(server: Open) -> None:
    opened = server(maximum_allowed_objects_count=1)
    create(opened, "A", properties=[{"name": "n", "dataType": ["int"]}])
    collections, (one,) = opened.service.collections, ids(1)
    answers: list[Any] = []
    second = threading.Thread(target=lambda: answers.append(insert_many(opened, "A", [one]).json()))
    with collections.use(collections.open("A"), None) as part, collections.adding(part, [UUID(one).bytes]):
        second.start()
        second.join(0.2)
        part.write([Upsert(Object(UUID(one).bytes))])
    second.join()
    assert answers[0][0]["result"]["status"] == "SUCCESS"


def test_the_place_of_an_object_that_is_deleted_while_it_is_replaced_stays_taken(server: Open) -> None:
    opened = server(maximum_allowed_objects_count=1)
    create(opened, "A", properties=[{"name": "n", "dataType": ["int"]}])
    collections, (one, two) = opened.service.collections, ids(2)
    assert insert_many(opened, "A", [one]).status_code == 200
    answers: list[Any] = []
    second = threading.Thread(target=lambda: answers.append(insert(opened, "A", id=two).json()))
    with collections.use(collections.open("A"), None) as part, collections.adding(part, [UUID(one).bytes]):
        assert opened.rest.delete(f"/v1/objects/A/{one}").status_code == 204
        second.start()
        second.join(0.2)
        part.write([Upsert(Object(UUID(one).bytes))])
    second.join()
    assert answers == [refusal("objects", 1)]


def test_replacing_takes_a_place_while_it_writes(server: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = server(maximum_allowed_objects_count=1)
    create(opened, "A", properties=[{"name": "n", "dataType": ["int"]}])
    one, two = ids(2)
    insert_many(opened, "A", [one])
    answers: list[Any] = []
    second = threading.Thread(target=lambda: answers.append(insert(opened, "A", id=two).json()))

    def delete_and_insert(*_: Any) -> None:
        monkeypatch.undo()
        opened.rest.delete(f"/v1/objects/A/{one}")
        second.start()
        second.join(0.2)

    monkeypatch.setattr(objects, "hash_blobs", delete_and_insert)
    replaced = opened.rest.put(f"/v1/objects/A/{one}", json={"class": "A", "id": one, "properties": {"n": 2}})
    second.join()
    assert replaced.status_code == 200
    assert answers == [refusal("objects", 1)]


def restored(opened: InProcess, backup: str) -> Any:
    """The answer to a restore, once it has ended."""
    reply = opened.rest.post(f"/v1/backups/filesystem/{backup}/restore", json={})
    while reply.status_code == 200 and reply.json()["status"] not in ("SUCCESS", "FAILED"):
        reply = opened.rest.get(f"/v1/backups/filesystem/{backup}/restore")
    return reply


def backed_up(opened: InProcess, backup: str) -> None:
    reply = opened.rest.post("/v1/backups/filesystem", json={"id": backup})
    while reply.json()["status"] not in ("SUCCESS", "FAILED"):
        reply = opened.rest.get(f"/v1/backups/filesystem/{backup}")
    assert reply.json()["status"] == "SUCCESS", reply.text


def test_a_restore(server: Open, tmp_path: Path) -> None:
    backups = str(tmp_path / "backups")
    source = server(backup_filesystem_path=backups)
    for name in ("A", "B"):
        insert(source, name)
    create(source, "Many", multiTenancyConfig={"enabled": True})
    source.rest.post("/v1/schema/Many/tenants", json=[{"name": name} for name in ("x", "y", "z")])
    backed_up(source, "all")
    for limits, refused in (
        ({"maximum_allowed_collections_count": 2}, refusal("collections", 2)),
        ({"maximum_allowed_tenants_per_collection": 2}, refusal("tenants", 2)),
        ({"maximum_allowed_objects_count": 0}, refusal("objects", 0)),
        ({"maximum_allowed_objects_count": 1}, refusal("objects", 1)),
    ):
        limited = server(backup_filesystem_path=backups, **limits)
        reply = restored(limited, "all")
        assert (reply.status_code, reply.json()) == (429, refused)
        assert limited.rest.get("/v1/schema").json()["classes"] == []
    roomy = server(
        backup_filesystem_path=backups,
        maximum_allowed_collections_count=3,
        maximum_allowed_tenants_per_collection=3,
        maximum_allowed_objects_count=2,
    )
    assert restored(roomy, "all").json()["status"] == "SUCCESS"
    assert insert(roomy, "A").json() == refusal("objects", 2)


def test_a_restore_that_runs_keeps_room_for_its_objects(server: Open, tmp_path: Path) -> None:
    backups = str(tmp_path / "backups")
    source = server(backup_filesystem_path=backups)
    insert_many(source, "A", ids(2))
    backed_up(source, "all")
    limited = server(backup_filesystem_path=backups, maximum_allowed_objects_count=3)
    create(limited, "B")
    usage = limited.service._schemas.usage
    with usage.restoring({"A": 2}):
        assert insert(limited, "B").status_code == 200
        assert insert(limited, "B").json() == refusal("objects", 3)
        with pytest.raises(UsageLimitExceeded), usage.restoring({"C": 1}):
            pass
    assert restored(limited, "all").json()["status"] == "SUCCESS"
    assert insert(limited, "B").json() == refusal("objects", 3)
    limited.rest.delete("/v1/schema/A")
    with pytest.raises(RuntimeError), usage.restoring({"A": 2}):
        raise RuntimeError("the restore fails")
    assert insert_many(limited, "B", ids(2)).status_code == 200


def test_a_restore_that_finds_no_room_when_its_turn_comes(server: Open, tmp_path: Path) -> None:
    backups = str(tmp_path / "backups")
    source = server(backup_filesystem_path=backups)
    insert_many(source, "A", ids(2))
    backed_up(source, "all")
    limited = server(backup_filesystem_path=backups, maximum_allowed_objects_count=2)
    room = limited.service._admit_restored([StoredCollection("A", {}, [], [StoredShard("main", "HOT", 0, None, 2)])])
    insert(limited, "B")
    with pytest.raises(UsageLimitExceeded), room:
        pass
