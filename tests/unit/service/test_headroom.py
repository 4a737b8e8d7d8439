"""A server that is nearly full takes no more data, in any way, but searches and deletes, and then takes data again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from in_process import InProcess
from weft.domain.caller import Caller
from weft.domain.errors import Misconfigured, ReadOnly
from weft.engine import machine
from weft.engine.machine import Used
from weft.protocol import batch
from weft.service import headroom
from weft.service.headroom import Headroom
from weft.settings.resources import ResourceSettings

FULL, FREE = Used(95, 100), Used(50, 100)
CALLER = Caller()
ONE, TWO = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"


class Disk:
    """What is measured of it."""

    used: Used | None = FREE


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(machine, "disk", lambda folder: made.used)
    monkeypatch.setattr(headroom, "_LOOK_EVERY_S", 0.0)
    return made


@pytest.fixture
def world(tmp_path: Path, disk: Disk) -> Iterator[InProcess]:
    world = InProcess(tmp_path, autoschema_enabled=True)
    thing = {
        "class": "Thing",
        "properties": [{"name": "name", "dataType": ["text"]}, {"name": "of", "dataType": ["Thing"]}],
    }
    for document in (
        thing,
        {"class": "Many", "multiTenancyConfig": {"enabled": True, "autoTenantCreation": True}},
    ):
        assert world.rest.post("/v1/schema", json=document).status_code == 200
    for id in (ONE, TWO):
        assert world.rest.post("/v1/objects", json={"class": "Thing", "id": id}).status_code == 200
    yield world
    world.close()


REFUSED: dict[str, tuple[str, str, Any]] = {
    "insert": ("POST", "/v1/objects", {"class": "Thing", "properties": {"name": "x"}}),
    "replace": ("PUT", f"/v1/objects/Thing/{ONE}", {"class": "Thing", "id": ONE, "properties": {"name": "x"}}),
    "merge": ("PATCH", f"/v1/objects/Thing/{ONE}", {"class": "Thing", "id": ONE, "properties": {"name": "x"}}),
    "insert into a new collection": ("POST", "/v1/objects", {"class": "New", "properties": {"name": "x"}}),
    "insert for a new tenant": ("POST", "/v1/objects", {"class": "Many", "tenant": "new"}),
    "reference": (
        "POST",
        f"/v1/objects/Thing/{ONE}/references/of",
        {"beacon": f"weaviate://localhost/Thing/{TWO}"},
    ),
    "references": (
        "PUT",
        f"/v1/objects/Thing/{ONE}/references/of",
        [{"beacon": f"weaviate://localhost/Thing/{TWO}"}],
    ),
    "collection": ("POST", "/v1/schema", {"class": "Other"}),
    "tenant": ("POST", "/v1/schema/Many/tenants", [{"name": "other"}]),
    "classification": (
        "POST",
        "/v1/classifications",
        {"class": "Thing", "type": "knn", "basedOnProperties": ["name"], "classifyProperties": ["of"]},
    ),
    "rebuild": ("POST", "/v1/schema/Thing/properties/name/index/searchable/rebuild", {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_adds_data_is_refused_and_taken_again(world: InProcess, disk: Disk, name: str) -> None:
    method, path, body = REFUSED[name]
    disk.used = FULL
    refused = world.rest.request(method, path, json=body)
    assert refused.status_code == 507, refused.text
    assert "store is read-only" in refused.text
    assert "95.0%" in refused.text
    assert "DISK_USE_READONLY_PERCENTAGE" in refused.text
    assert {one["class"] for one in world.rest.get("/v1/schema").json()["classes"]} == {"Thing", "Many"}
    assert world.service.tenants.all("Many") == []
    disk.used = FREE
    taken = world.rest.request(method, path, json=body)
    assert taken.status_code < 300 or name in ("classification", "rebuild"), taken.text
    assert taken.status_code != 507


def test_each_object_of_a_batch_is_refused(world: InProcess, disk: Disk) -> None:
    disk.used = FULL
    objects = [{"class": "Thing", "properties": {"name": "x"}}, {"class": "New"}, {"class": "Many", "tenant": "t"}]
    reply = world.rest.post("/v1/batch/objects", json={"objects": objects}).json()
    assert ["store is read-only" in str(one["result"]["errors"]) for one in reply] == [True] * 3
    request = batch.BatchObjectsRequest(objects=[batch.BatchObject(uuid=ONE, collection="Thing")])
    answered = batch.BatchObjectsReply.FromString(world.calls["BatchObjects"](request.SerializeToString(), CALLER))
    assert "store is read-only" in answered.errors[0].error
    link = {"from": f"weaviate://localhost/Thing/{ONE}/of", "to": f"weaviate://localhost/Thing/{TWO}"}
    reply = world.rest.post("/v1/batch/references", json=[link]).json()
    assert "store is read-only" in str(reply)
    assert len(world.rest.get("/v1/objects").json()["objects"]) == 2
    assert world.service.tenants.all("Many") == []


def test_searches_and_deletions_continue(world: InProcess, disk: Disk) -> None:
    disk.used = FULL
    assert len(world.rest.get("/v1/objects").json()["objects"]) == 2
    assert world.rest.post("/v1/graphql", json={"query": "{ Get { Thing { name } } }"}).json()["data"]
    assert world.rest.delete(f"/v1/objects/Thing/{ONE}").status_code == 204
    where = {"operator": "Equal", "path": ["_id"], "valueText": TWO}
    deleted = world.rest.request("DELETE", "/v1/batch/objects", json={"match": {"class": "Thing", "where": where}})
    assert deleted.json()["results"]["successful"] == 1
    assert world.rest.delete("/v1/schema/Many").status_code == 200


def test_shards_and_the_node_say_so(world: InProcess, disk: Disk) -> None:
    def status() -> tuple[str, str]:
        (shard,) = world.rest.get("/v1/schema/Thing/shards").json()
        (node,) = world.rest.get("/v1/nodes").json()["nodes"]
        return shard["status"], node["operationalMode"]

    assert status() == ("READY", "ReadWrite")
    disk.used = FULL
    assert status() == ("READONLY", "ReadOnly")
    disk.used = FREE
    assert status() == ("READY", "ReadWrite")


def settled(tmp_path: Path, **settings: int) -> Headroom:
    return Headroom(ResourceSettings(**settings), tmp_path)


def test_a_disk_that_cannot_be_looked_at_refuses_nothing(tmp_path: Path) -> None:
    made = Headroom(ResourceSettings(disk_readonly=1), tmp_path / "absent")
    assert made.disk() is None
    made.check_room()


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_the_share_of_a_setting_is_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(machine, kind, lambda *_: Used(80, 100))
    settled(tmp_path, **{f"{kind}_readonly": 80}).check_room()
    settled(tmp_path, **{f"{kind}_readonly": 0}).check_room()
    with pytest.raises(ReadOnly, match=r"80\.0%.*above 79%"):
        settled(tmp_path, **{f"{kind}_readonly": 79}).check_room()


def test_a_request_that_needs_more_memory_than_is_left_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory", lambda *_: Used(500 << 20, 1000 << 20))
    made = settled(tmp_path)
    made.check_room(300 << 20)
    with pytest.raises(ReadOnly, match=r"about 450 MiB.*MEMORY_READONLY_PERCENTAGE"):
        made.check_room(450 << 20)
    made.check_room()


def test_warnings_are_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(machine, "disk", lambda *_: Used(85, 100))
    with caplog.at_level(logging.INFO):
        settled(tmp_path).check_room()
    assert "disk is used to 85.0%" in caplog.text


def test_a_percentage_is_one() -> None:
    with pytest.raises(Misconfigured, match="memory_readonly_percentage"):
        ResourceSettings(memory_readonly=101)


def test_a_restore_that_needs_more_of_the_disk(world: InProcess, disk: Disk) -> None:
    reply = world.rest.post("/v1/backups/filesystem", json={"id": "one", "include": ["Thing"]})
    while reply.json()["status"] not in ("SUCCESS", "FAILED"):
        reply = world.rest.get("/v1/backups/filesystem/one")
    world.rest.delete("/v1/schema/Thing")
    disk.used = Used(899_999, 1_000_000)
    refused = world.rest.post("/v1/backups/filesystem/one/restore", json={})
    assert refused.status_code == 507
    assert "MiB of the disk, more than there is below 90% of 1 MiB" in refused.text
    assert [one["class"] for one in world.rest.get("/v1/schema").json()["classes"]] == ["Many"]
    disk.used = Used(0, 1 << 30)
    assert world.rest.post("/v1/backups/filesystem/one/restore", json={}).status_code == 200
