"""Objects that name their media, over REST and gRPC."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from in_process import InProcess
from weft.domain.caller import Caller
from weft.protocol import batch

ID = "00000000-0000-4000-8000-000000000001"
CAT = base64.b64encode(b"cat").decode()
KINDS = {"image": "blob", "hashed": "blobHash", "title": "text"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "cat.png").write_bytes(b"cat")
    (tmp_path / "media" / "empty").write_bytes(b"")
    world = InProcess(tmp_path / "weft", media_folders=(str(tmp_path / "media"),))
    properties = [{"name": name, "dataType": [kind]} for name, kind in KINDS.items()]
    assert world.rest.post("/v1/schema", json={"class": "Photo", "properties": properties}).status_code == 200
    yield world
    world.close()


def stored(world: InProcess, uuid: str = ID) -> dict[str, Any]:
    found: dict[str, Any] = world.rest.get(f"/v1/objects/Photo/{uuid}").json()["properties"]
    return found


def photo(**properties: Any) -> dict[str, Any]:
    return {"class": "Photo", "id": ID, "properties": properties}


def test_each_way_to_name_a_medium(world: InProcess, tmp_path: Path) -> None:
    cat = (tmp_path / "media" / "cat.png").as_uri()
    hashed = hashlib.sha256(CAT.encode()).hexdigest()
    assert world.rest.post("/v1/objects", json=photo(image=cat, hashed=cat, title=cat)).status_code == 200
    assert stored(world) == {"image": CAT, "hashed": hashed, "title": cat}
    data = f"data:image/png;base64,{CAT}"
    assert world.rest.put(f"/v1/objects/Photo/{ID}", json=photo(image=data)).status_code == 200
    assert stored(world) == {"image": CAT}
    assert world.rest.patch(f"/v1/objects/Photo/{ID}", json=photo(Hashed=cat)).status_code == 204
    assert stored(world) == {"image": CAT, "hashed": hashed}


def test_an_error_is_that_of_its_object(world: InProcess, tmp_path: Path) -> None:
    media = (tmp_path / "media").as_uri()
    values = [f"{media}/cat.png", f"{media}/missing", "https://example.com/a.png", "data:cat", f"{media}/empty"]
    objects = [{"class": "Photo", "properties": {"image": value}} for value in values]
    reply = world.rest.post("/v1/batch/objects", json={"objects": objects}).json()
    assert [one["result"]["status"] for one in reply] == ["SUCCESS", *["FAILED"] * 4]
    (report,) = world.rest.get("/v1/weft/imports").json()["imports"]
    rows = world.rest.get(f"/v1/weft/imports/{report['id']}/rejected").content.splitlines()
    assert [orjson.loads(row)["image"] for row in rows] == values[1:], "they are kept as they were sent"


def test_a_large_grpc_batch_is_read_by_column(world: InProcess, tmp_path: Path) -> None:
    cat = (tmp_path / "media" / "cat.png").as_uri()
    objects = [batch.BatchObject(uuid=str(uuid4()), collection="Photo") for _ in range(300)]
    for one in objects:
        one.properties.non_ref_properties.update({"title": "a cat", "image": cat})
    request = batch.BatchObjectsRequest(objects=objects).SerializeToString()
    assert len(request) > 1 << 14
    reply = batch.BatchObjectsReply.FromString(world.calls["BatchObjects"](request, Caller()))
    assert not reply.errors
    assert stored(world, objects[299].uuid) == {"image": CAT, "title": "a cat"}


def test_validation_reads_nothing(world: InProcess, tmp_path: Path) -> None:
    given = photo(image=(tmp_path / "media" / "cat.png").as_uri())
    assert world.rest.post("/v1/objects/validate", json=given).status_code == 422
