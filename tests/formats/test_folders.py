"""Data folders as earlier versions left them are opened whole, searched, written and opened again; newer ones refused.

file                  catalog and stores   graph   filter columns   segments
folder-1-first.zip    1                    1       1                1
folder-1-middle.zip   1                    1       2                1
folder-1-last.zip     1                    2       3                2
folder-2.zip          2                    2       3                2
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from formats.make_folder import OBJECTS, given, identifier, vector, versions
from in_process import InProcess
from weft.checks import check_folder
from weft.domain.errors import Misconfigured
from weft.files import format

FOLDERS = sorted(Path(__file__).parent.glob("folder-*.zip"))


def extracted(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as files:
        files.extractall(folder / "data")
    return folder


def ids(server: InProcess, arguments: str, name: str = "Golden") -> list[str]:
    query = f"{{Get {{{name}({arguments}) {{_additional {{id}}}}}}}}"
    reply = server.rest.post("/v1/graphql", json={"query": query}).json()
    assert "errors" not in reply, reply
    return [one["_additional"]["id"] for one in reply["data"]["Get"][name]]


def assert_served(server: InProcess, expected: dict[int, int]) -> None:
    """``expected``: the version of each object."""
    listed = server.rest.get("/v1/objects", params={"class": "Golden", "limit": "1000", "include": "vector"}).json()
    found: dict[str, Any] = {one["id"]: one for one in listed["objects"]}
    assert found.keys() == {identifier(n) for n in expected}
    for n, version in expected.items():
        sent, one = given(n, version), found[identifier(n)]
        assert one["properties"] == sent["properties"] and one["vectors"] == sent["vectors"]
        assert ids(server, f'bm25: {{query: "word{n}"}}') == [identifier(n)]
        where = f'where: {{path: ["n"], operator: Equal, valueInt: {n}}}'
        assert ids(server, where) == [identifier(n)]
        near = f'nearVector: {{vector: {vector(n, version)}, targetVectors: ["a"]}}, limit: 1'
        assert ids(server, near) == [identifier(n)]
    assert len(ids(server, 'bm25: {query: "common"}, limit: 1000')) == len(expected)
    tokens = f'nearVector: {{vectorPerTarget: {{m: {[vector(30, 0)]}}}, targetVectors: ["m"]}}, limit: 100'
    assert len(ids(server, tokens)) == len(expected)
    assert server.rest.get("/v1/aliases/Other").json()["class"] == "Golden"
    reply = server.rest.get(f"/v1/objects/Shared/{identifier(0)}", params={"tenant": "on"})
    assert reply.json()["properties"] == {"n": 7}
    statuses = {one["name"]: one["activityStatus"] for one in server.rest.get("/v1/schema/Shared/tenants").json()}
    assert statuses.keys() == {"on", "off"} and statuses["off"] in ("COLD", "INACTIVE")


@pytest.mark.parametrize("archive", FOLDERS, ids=lambda path: path.stem)
def test_a_folder_of_an_earlier_version(archive: Path, tmp_path: Path) -> None:
    folder = extracted(archive, tmp_path)
    assert not check_folder(folder / "data").has_losses
    expected = versions()
    server = InProcess(folder)
    assert_served(server, expected)
    reply = server.rest.post("/v1/objects", json=given(OBJECTS, 3))
    assert reply.status_code == 200, reply.text
    assert server.rest.put(f"/v1/objects/Golden/{identifier(30)}", json=given(30, 4)).status_code == 200
    reply = server.rest.put("/v1/schema/Shared/tenants", json=[{"name": "off", "activityStatus": "HOT"}])
    assert reply.status_code == 200, reply.text
    reply = server.rest.get(f"/v1/objects/Shared/{identifier(0)}", params={"tenant": "off"})
    assert reply.json()["properties"] == {"n": 7}
    server.rest.put("/v1/schema/Shared/tenants", json=[{"name": "off", "activityStatus": "COLD"}])
    server.close()
    checked = check_folder(folder / "data")
    assert checked.is_whole, "\n".join(checked.lines())
    server = InProcess(folder)
    assert_served(server, {**expected, OBJECTS: 3, 30: 4})
    server.close()
    for marker in (folder / "data").rglob(format.MARKER):
        assert orjson.loads(marker.read_bytes())["format"] == format.FORMAT


def test_each_format_of_the_storage_has_folders() -> None:
    named = {path.stem.split("-")[1] for path in FOLDERS}
    assert named == {str(number) for number in range(1, format.FORMAT + 1)}
    assert all(path.stat().st_size < 50_000 for path in FOLDERS)


@pytest.mark.parametrize("where", ["catalog", "shard"])
def test_a_newer_folder_is_refused_with_a_sentence(where: str, tmp_path: Path) -> None:
    folder = extracted(FOLDERS[-1], tmp_path)
    markers = [p for p in (folder / "data").rglob(format.MARKER) if (p.parent.name == "store") == (where == "shard")]
    assert markers
    for marker in markers:
        kind = orjson.loads(marker.read_bytes())["kind"]
        marker.write_bytes(orjson.dumps({"kind": kind, "format": format.FORMAT + 1}))
    says = f"was written in format {format.FORMAT + 1}, but this version of Weft reads formats up to {format.FORMAT}"
    if where == "catalog":
        with pytest.raises(Misconfigured, match=says):
            InProcess(folder)
    else:
        server = InProcess(folder)
        reply = server.rest.get("/v1/objects", params={"class": "Golden"})
        assert reply.status_code == 500 and says in reply.text
        server.close()
    assert all(orjson.loads(marker.read_bytes())["format"] == format.FORMAT + 1 for marker in markers)
