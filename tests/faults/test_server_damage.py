"""A server whose files were damaged while it was down: it starts, serves what is whole, and says what is not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from command import run
from server import Server

SEED = 31
OBJECTS = 60
ENVIRON = {"PROMETHEUS_MONITORING_ENABLED": "true", "PROMETHEUS_MONITORING_PORT": "0"}


def fill(http: httpx.Client, name: str, tenant: str | None = None) -> None:
    objects = [
        {
            "class": name,
            "id": f"00000000-0000-0000-0000-{n + 1:012d}",
            "properties": {"t": f"word{n} " * 40},
            "vector": [float(n), *[1.0] * 63],
            **({"tenant": tenant} if tenant else {}),
        }
        for n in range(OBJECTS)
    ]
    reply = http.post("/v1/batch/objects", json={"objects": objects})
    assert all(one["result"]["status"] == "SUCCESS" for one in reply.json()), reply.text


def found(http: httpx.Client, name: str, tenant: str | None = None) -> int:
    params = {"class": name, "limit": "100"} | ({"tenant": tenant} if tenant else {})
    reply = http.get("/v1/objects", params=params)
    assert reply.status_code == 200, reply.text
    return len(reply.json()["objects"])


def refusal(reply: httpx.Response) -> str:
    assert reply.status_code == 500, reply.text
    message: str = reply.json()["error"][0]["message"]
    return message


def shards(http: httpx.Client, path: str = "") -> dict[str, dict[str, object]]:
    (node,) = http.get(f"/v1/nodes{path}", params={"output": "verbose"}).json()["nodes"]
    by_name = {f"{one['class']}/{one['name']}": one for one in node["shards"]}
    assert node["status"] == "HEALTHY", "streaming clients do not go on with another"
    return by_name


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    rng = random.Random(SEED)
    for _ in range(8):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def flip_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in (0, 4096):
        data[page + 16] ^= 0xFF  # the magic number of each of LMDB's two heads
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "flipped vectors": ("store/vectors/0.0.f32", flip),
    "short vectors": ("store/vectors/0.0.f32", truncate),
    "no vectors": ("store/vectors/0.0.f32", Path.unlink),
    "flipped table": ("store/objects.mdb", flip_header),
    "short table": ("store/objects.mdb", truncate),
    "no table": ("store/objects.mdb", Path.unlink),
}


def folder_with(server: Server, file: str) -> list[Path]:
    """The folders of the shards that have ``file``, the oldest first."""
    folders = [path for path in server.folder.glob("collections/*/*") if (path / file).exists()]
    return sorted(folders, key=lambda path: (path / "store/weft-format.json").stat().st_mtime_ns)


def content(folder: Path) -> dict[str, bytes]:
    """Of the shard's files; LMDB's table of readers holds no data."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-lock")
    }


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_collection(tmp_path: Path, kind: str) -> None:
    file, damage = DAMAGES[kind]
    with Server(tmp_path / "data", {"BACKUP_FILESYSTEM_PATH": str(tmp_path / "backups")}) as server:
        with httpx.Client(base_url=server.url(""), timeout=60) as http:
            for name in ("Broken", "Whole"):
                assert http.post("/v1/schema", json={"class": name, "vectorizer": "none"}).status_code == 200
                fill(http, name)
        if kind == "short table":
            assert run("backup", "before", "--port", str(server.rest_port)).returncode == 0
        server.stop()
        folder = folder_with(server, file)[0]
        damage(folder / file)
        before = content(folder)
        for last in (False, True) if kind == "short table" else (True,):  # a start must not hide what it found
            server.start()
            with httpx.Client(base_url=server.url(""), timeout=60) as http:
                assert http.get("/v1/.well-known/ready").status_code == 200
                assert found(http, "Whole") == OBJECTS
                message = refusal(http.get("/v1/objects", params={"class": "Broken"}))
                assert file in message and "backup" in message and "delete the class" in message
                assert http.get("/v1/schema/Broken").status_code == 200
                refusal(http.post("/v1/objects", json={"class": "Broken", "properties": {"new": 1}, "vector": [1.0]}))
                refusal(http.post("/v1/schema/Broken/properties", json={"name": "more", "dataType": ["text"]}))
                by_id = http.get("/v1/objects/00000000-0000-0000-0000-000000000001")
                assert by_id.status_code == 200 and by_id.json()["class"] == "Whole"
                listed = shards(http)
                assert listed["Broken/main"]["vectorIndexingStatus"] == "DAMAGED"
                assert file in str(listed["Broken/main"]["error"])
                assert listed["Whole/main"]["vectorIndexingStatus"] == "READY"
                assert shards(http, "/Broken").keys() == {"Broken/main"}
                if last and kind == "short table":
                    assert "Broken/main is damaged" in run("status", "--port", str(server.rest_port)).stdout
                assert any("class Broken is not served" in line for line in server.lines)
                assert not any("Traceback" in line for line in server.lines)
                assert content(folder) == before
                if last:
                    assert http.delete("/v1/schema/Broken").status_code == 200
                    assert not folder.exists()
                    if kind == "short table":
                        restored = run("restore", "before", "--include", "Broken", "--port", str(server.rest_port))
                        assert restored.returncode == 0, restored.stderr
                    else:
                        http.post("/v1/schema", json={"class": "Broken", "vectorizer": "none"})
                        fill(http, "Broken")
                    assert found(http, "Broken") == OBJECTS
                    assert all("error" not in one for one in shards(http).values())
            assert server.stop() == 0


ROWS = 1200
"""As many that the first block of the vector file is full: it is not read when the file is opened."""


def vector_of(n: int, multi: bool) -> list[float] | list[list[float]]:
    values = [float(n), *[1.0] * 63]
    return [values, values] if multi else values


def store_many(http: httpx.Client, multi: bool) -> None:
    index = {"multivector": {"enabled": True}, "distance": "dot"} if multi else {"distance": "l2-squared"}
    given = {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": index}
    reply = http.post("/v1/schema", json={"class": "Flipped", "vectorConfig": {"v": given}})
    assert reply.status_code == 200, reply.text
    for first in range(0, ROWS, 300):
        objects = [
            {"class": "Flipped", "id": identifier(n), "vectors": {"v": vector_of(n, multi)}}
            for n in range(first, first + 300)
        ]
        reply = http.post("/v1/batch/objects", json={"objects": objects})
        assert all(one["result"]["status"] == "SUCCESS" for one in reply.json()), reply.text


def identifier(n: int) -> str:
    return f"00000000-0000-0000-0000-{n + 1:012d}"


@pytest.mark.parametrize("multi", [False, True], ids=["single", "multi"])
def test_vectors_that_changed_on_the_disk_are_not_returned(tmp_path: Path, multi: bool) -> None:
    """In the middle of the file, where the start does not look."""
    with Server(tmp_path / "data") as server:
        with httpx.Client(base_url=server.url(""), timeout=60) as http:
            store_many(http, multi)
            before = http.get(f"/v1/objects/Flipped/{identifier(7)}", params={"include": "vector"}).json()
            assert before["vectors"]["v"] == vector_of(7, multi)
        server.stop()
        (folder,) = folder_with(server, "store/vectors/0.0.f32")
        file = folder / "store/vectors/0.0.f32"
        data = bytearray(file.read_bytes())
        row_bytes = len(data) // ROWS
        data[7 * row_bytes + 3] ^= 0x40  # the exponent of the first number of object 7
        file.write_bytes(data)
        server.start()
        with httpx.Client(base_url=server.url(""), timeout=60) as http:
            message = refusal(http.get(f"/v1/objects/Flipped/{identifier(7)}", params={"include": "vector"}))
            assert "0.0.f32" in message and "checksum" in message
            last = http.get(f"/v1/objects/Flipped/{identifier(ROWS - 1)}", params={"include": "vector"})
            assert last.json()["vectors"]["v"] == vector_of(ROWS - 1, multi), "another block, which is whole"
            for _ in range(600):
                if shards(http)["Flipped/main"]["vectorIndexingStatus"] == "DAMAGED":
                    break
                time.sleep(0.1)
            near = f"nearVector: {{vectorPerTarget: {{v: {vector_of(7, multi)}}}}}"
            query = f"{{Get {{Flipped(limit: 1, {near}) {{_additional {{id}}}}}}}}"
            answer = http.post("/v1/graphql", json={"query": query})
            assert "0.0.f32" in answer.json()["errors"][0]["message"], "upkeep has read the block"
            assert found(http, "Flipped") == 100, "what needs no vector is served"


def test_a_collection_whose_folder_is_gone_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        with httpx.Client(base_url=server.url("")) as http:
            http.post("/v1/schema", json={"class": "Gone", "vectorizer": "none"})
            fill(http, "Gone")
        server.stop()
        (folder,) = folder_with(server, "store/objects.mdb")
        away = tmp_path / "away"
        folder.rename(away)
        server.start()
        with httpx.Client(base_url=server.url("")) as http:
            assert "missing" in refusal(http.get("/v1/objects", params={"class": "Gone"}))
        server.stop()
        assert not folder.exists()
        away.rename(folder)
        server.start()
        with httpx.Client(base_url=server.url("")) as http:
            assert found(http, "Gone") == OBJECTS


def test_a_damaged_tenant(tmp_path: Path) -> None:
    with Server(tmp_path / "data", ENVIRON | {"BACKUP_FILESYSTEM_PATH": str(tmp_path / "backups")}) as server:
        with httpx.Client(base_url=server.url("")) as http:
            http.post(
                "/v1/schema", json={"class": "Shared", "vectorizer": "none", "multiTenancyConfig": {"enabled": True}}
            )
            http.post("/v1/schema/Shared/tenants", json=[{"name": name} for name in ("broken", "whole", "uncounted")])
            for tenant in ("broken", "uncounted", "whole"):
                fill(http, "Shared", tenant)
        server.stop()
        for folder, file in zip(
            folder_with(server, "store/objects.mdb")[:2], ("store/vectors/0.0.f32", "store/objects.mdb"), strict=True
        ):
            flip(folder / file) if file.endswith("f32") else flip_header(folder / file)
        kept = (folder_with(server, "store/objects.mdb")[0] / "store/vectors/0.0.f32").read_bytes()
        server.start()
        with httpx.Client(base_url=server.url(""), timeout=60) as http:
            message = refusal(http.get("/v1/objects", params={"class": "Shared", "tenant": "broken"}))
            assert "tenant 'broken'" in message and "0.0.f32" in message and "delete the tenant" in message
            assert found(http, "Shared", "whole") == OBJECTS
            listed = shards(http)
            assert listed["Shared/broken"]["vectorIndexingStatus"] == "DAMAGED"
            assert listed["Shared/uncounted"]["vectorIndexingStatus"] == "DAMAGED", "its objects could not be counted"
            assert listed["Shared/whole"]["vectorIndexingStatus"] == "READY"
            assert 'weft_shards_damaged{collection="Shared"} 2.0' in http.get("/v1/metrics").text
            added = http.post("/v1/schema/Shared/properties", json={"name": "more", "dataType": ["text"]})
            assert added.status_code == 200, "the others go on"
            assert run("backup", "b", "--port", str(server.rest_port)).returncode == 1, "damage is not backed up"
            (flipped,) = [
                path
                for path in server.folder.glob("collections/*/*/store/vectors/0.0.f32")
                if path.read_bytes() == kept
            ]
            rows = bytearray(kept)
            rng = random.Random(SEED)
            for _ in range(8):
                rows[rng.randrange(len(rows))] ^= 1 << rng.randrange(8)
            flipped.write_bytes(rows)  # the same flips again: whole
            for status in ("INACTIVE", "ACTIVE"):
                http.put("/v1/schema/Shared/tenants", json=[{"name": "broken", "activityStatus": status}])
            assert found(http, "Shared", "broken") == OBJECTS, "the files were put back"
            assert http.request("DELETE", "/v1/schema/Shared/tenants", json=["uncounted"]).status_code == 200
            http.post("/v1/schema/Shared/tenants", json=[{"name": "uncounted"}])
            fill(http, "Shared", "uncounted")
            assert found(http, "Shared", "uncounted") == OBJECTS
            assert all("error" not in one for one in shards(http).values())
