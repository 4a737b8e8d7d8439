"""Reports of imports, over REST and gRPC."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from in_process import Recording
from unit.wire.grpc.channels import batch_object
from unit.wire.rest.conftest import Make
from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.protocol import batch

ID = "00000000-0000-4000-8000-000000000001"


def reports(rest: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rest.get("/v1/weft/imports").json()["imports"]
    return found


def store(rest: TestClient, *objects: Any) -> None:
    assert rest.post("/v1/batch/objects", json={"objects": list(objects)}).status_code == 200


def one(name: Any, **more: Any) -> dict[str, Any]:
    return {"class": "Thing", "properties": {"name": name}, **more}


def test_a_batch_has_a_report(rest: TestClient, thing: Make) -> None:
    thing()
    assert reports(rest) == []
    store(rest, one("a"), one(3, id=ID), {"class": "Thing", "properties": {"name": {}}})
    (report,) = reports(rest)
    assert (report["kind"], report["wire"], report["collection"]) == ("batch", "rest", "Thing")
    assert (report["status"], report["objects"]) == ("RUNNING", {"stored": 1, "refused": 2})
    assert sum(error["count"] for error in report["errors"]) == 2
    (wrong,) = [error for error in report["errors"] if error["examples"][0]["id"] == ID]
    assert wrong["type"] == "Invalid"
    assert "name" in wrong["examples"][0]["message"]
    assert report["rejected"]["kept"] == 2
    assert rest.get(f"/v1/weft/imports/{report['id']}").json() == report
    lines = rest.get(f"/v1/weft/imports/{report['id']}/rejected")
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    first, second = (orjson.loads(line) for line in lines.content.splitlines())
    assert (first["_weft_id"], first["name"], second["name"]) == (ID, 3, {})


def test_single_objects_are_summed(rest: TestClient, thing: Make) -> None:
    thing()
    assert rest.post("/v1/objects", json=one("a", id=ID)).status_code == 200
    assert rest.post("/v1/objects", json=one("a", id=ID)).status_code == 422
    assert rest.post("/v1/objects", json={"class": "Thing", "properties": []}).status_code == 422
    assert rest.put(f"/v1/objects/Thing/{ID}", json=one("b", id=ID)).status_code == 200
    (report,) = reports(rest)
    assert (report["kind"], report["objects"]) == ("single", {"stored": 2, "refused": 2})
    assert {error["type"] for error in report["errors"]} == {"Conflict", "Invalid"}


def test_a_grpc_batch_keeps_what_it_could_not_decode(world: Recording, rest: TestClient, thing: Make) -> None:
    thing()
    wrong, bad = batch_object("a", "Thing"), batch_object("b", "Thing")
    wrong.uuid = "none"
    bad.properties.non_ref_properties.update({"size": "large"})
    objects = [wrong, bad, batch_object("c", "Nothing"), batch_object("d", "nothing")]
    request = batch.BatchObjectsRequest(objects=objects)
    world.calls["BatchObjects"](request.SerializeToString(), Caller("alice"))
    found = {report["collection"]: report for report in reports(rest)}
    assert {name: report["objects"]["refused"] for name, report in found.items()} == {"Thing": 2, "Nothing": 2}
    assert {report["user"] for report in found.values()} == {"alice"}
    rows = rest.get(f"/v1/weft/imports/{found['Thing']['id']}/rejected").content.splitlines()
    assert {orjson.loads(row)["_weft_id"] for row in rows} == {"none", bad.uuid}


def test_references_are_counted(rest: TestClient, thing: Make) -> None:
    thing(properties=[{"name": "next", "dataType": ["Thing"]}])
    store(rest, {"class": "Thing", "id": ID})
    beacon = f"weaviate://localhost/Thing/{ID}"
    links = [{"from": f"{beacon}/{name}", "to": beacon} for name in ("next", "previous")]
    assert rest.post("/v1/batch/references", json=links).status_code == 200
    (report,) = reports(rest)
    assert (report["objects"]["stored"], report["references"]) == (1, {"stored": 1, "refused": 1})
    assert report["errors"][0]["examples"][0]["id"] == ID


def test_a_batch_that_fails_as_a_whole(world: Recording, rest: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> list[WeftError | None]:
        raise RuntimeError

    monkeypatch.setattr(world.service.objects, "batch", fail)
    assert rest.post("/v1/batch/objects", json={"objects": [one("a"), one("b")]}).status_code == 500
    (report,) = reports(rest)
    assert (report["objects"], report["errors"][0]["type"]) == ({"stored": 0, "refused": 2}, "WeftError")


def test_a_report_goes_with_its_collection(rest: TestClient, thing: Make) -> None:
    thing()
    store(rest, one(3))
    rest.delete("/v1/schema/Thing")
    assert reports(rest) == []
    store(rest, one(3))  # no such class: auto-schema is off
    (report,) = reports(rest)
    assert rest.delete(f"/v1/weft/imports/{report['id']}").status_code == 204
    for path in ("", "/rejected"):
        assert rest.get(f"/v1/weft/imports/{report['id']}{path}").status_code == 404
