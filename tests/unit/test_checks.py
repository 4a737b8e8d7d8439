"""``weft check``: what is damaged is found and said, and only what loses nothing is repaired."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from in_process import InProcess
from weft.access.store import AccessStore
from weft.catalog.catalog import commit
from weft.catalog.changes import SetDocument
from weft.catalog.lmdb import LmdbCatalog
from weft.checks import FolderCheck, check_folder
from weft.cli import main
from weft.domain.errors import Locked, Misconfigured, NotFound
from weft.domain.objects import Object, format_uuid
from weft.engine.changes import Upsert
from weft.engine.drivers import open_database
from weft.engine.embedded.storage import append_file, followed_vectors
from weft.files import format
from weft.service.schema.document import parse

BLOCK = 4096
OBJECTS = 200
DOCUMENT = {
    "class": "Thing",
    "properties": [{"name": "word", "dataType": ["text"]}, {"name": "n", "dataType": ["int"]}],
    "vectorConfig": {"v": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"}},
}
TENANTS = {**DOCUMENT, "class": "Shared", "multiTenancyConfig": {"enabled": True}}


def uuid(n: int) -> bytes:
    return (n + 1).to_bytes(16, "big")


def things() -> list[dict[str, Any]]:
    vectors = np.random.default_rng(1).standard_normal((OBJECTS, 16)).astype(np.float32)
    return [
        {
            "id": format_uuid(uuid(n)),
            "properties": {"word": f"word{n} common", "n": n},
            "vectors": {"v": vectors[n].tolist()},
        }
        for n in range(OBJECTS)
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(append_file, "BLOCK_BYTES", BLOCK)
        server = InProcess(folder)
        for document in (DOCUMENT, TENANTS):
            assert server.rest.post("/v1/schema", json=document).status_code == 200
        reply = server.rest.post("/v1/schema/Shared/tenants", json=[{"name": "used"}, {"name": "unused"}])
        assert reply.status_code == 200
        for name, tenant in (("Thing", {}), ("Shared", {"tenant": "used"})):
            objects = [{"class": name, **one, **tenant} for one in things()]
            reply = server.rest.post("/v1/batch/objects", json={"objects": objects})
            assert all(one["result"]["status"] == "SUCCESS" for one in reply.json()), reply.text
        server.close()
    AccessStore(folder / "data").close()
    return folder / "data"


@pytest.fixture
def folder(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(append_file, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(followed_vectors, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr("weft.engine.embedded.checking.BLOCK_BYTES", BLOCK)
    shutil.copytree(whole, tmp_path / "data")
    return tmp_path / "data"


def thing(folder: Path) -> Path:
    """The folder of the shard of Thing."""
    for path in folder.glob("collections/*/*"):
        if len(list(path.parent.iterdir())) == 1 and (path / "store").exists():
            state = check_state(folder)
            if path.parent.name == state["Thing"]:
                return path
    raise AssertionError


def check_state(folder: Path) -> dict[str, str]:
    catalog = LmdbCatalog(folder, sync=False)
    found = {name: entry.id for name, entry in catalog.read().collections.items()}
    catalog.close()
    return found


def flip(path: Path, at: int, bit: int = 4) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-lock") and path.name != "weft.lock"
    }


def said(found: FolderCheck) -> str:
    return "\n".join(found.lines())


def test_one_of_each_is_reported_as_one(tmp_path: Path) -> None:
    assert list(FolderCheck(1, 1, 1).lines()) == ["1 collection, 1 shard, 1 object: whole"]


def test_a_folder_that_is_whole(folder: Path) -> None:
    before = content(folder)
    found = check_folder(folder)
    assert found.is_whole and not found.findings, said(found)
    assert (found.collections, found.shards, found.objects) == (2, 3, 2 * OBJECTS)
    assert content(folder) == before
    assert said(found) == "2 collections, 3 shards, 400 objects: whole"


@pytest.mark.parametrize("name", ["Thing", "Shared"])
def test_a_configuration_that_the_shards_have_not_taken_in_yet(folder: Path, name: str) -> None:
    """A server that is killed while it adds a vector or a property: the catalog is ahead."""
    catalog = LmdbCatalog(folder, sync=False)
    document: dict[str, Any] = copy.deepcopy(dict(catalog.read().collections[name].document))
    document["vectorConfig"]["later"] = document["vectorConfig"]["v"]
    document["properties"].append({**document["properties"][0], "name": "later"})
    commit(catalog, lambda state: [SetDocument(name, document)])
    catalog.close()
    found = check_folder(folder)
    assert found.is_whole and not found.findings, said(found)
    database = open_database(folder, parse, durable=False, write_queue=1000)
    with database.get(name).use("used" if name == "Shared" else None) as part:
        part.write([Upsert(Object(uuid(5), {"later": "x"}, {"later": np.ones(3, np.float32)}, 1, 1))])
        assert part.view().dims("later") == 3
    database.close()
    assert check_folder(folder).is_whole


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


INDEXES: dict[str, Callable[[Path], None]] = {
    "a flipped filter index": lambda shard: flip(shard / "index/filter/columns.weft", 5000),
    "a flipped keyword index": lambda shard: flip(next((shard / "index/inverted").glob("*.segment")), 5000),
    "a cut manifest": lambda shard: cut(shard / "index/inverted/manifest.json"),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_indexes_are_removed_and_nothing_is_lost(folder: Path, kind: str) -> None:
    shard = thing(folder)
    INDEXES[kind](shard)
    before = content(folder)
    found = check_folder(folder)
    assert found.findings and not found.has_losses and not found.is_whole, said(found)
    assert content(folder) == before
    assert check_folder(folder, repair=True).is_whole
    assert not (shard / "index").exists()
    assert check_folder(folder).is_whole


def test_an_index_that_is_newer_than_its_store(folder: Path, tmp_path: Path) -> None:
    shard = thing(folder)
    shutil.copytree(shard / "store", tmp_path / "older")
    database = open_database(folder, parse, durable=False, write_queue=1000)
    with database.get("Thing").use(None) as part:
        part.write([Upsert(Object(uuid(5), {"word": "newer", "n": 5}, {}, 1, 1))])
    database.close()
    shutil.rmtree(shard / "store")
    shutil.copytree(tmp_path / "older", shard / "store")
    found = check_folder(folder)
    assert "changes that its store lacks" in said(found) and not found.has_losses
    assert check_folder(folder, repair=True).is_whole


def test_damaged_vectors_are_named_with_their_objects(folder: Path) -> None:
    path = thing(folder) / "store/vectors/0.0.f32"
    flip(path, 70 * 64)  # row 70 is in the block of the rows from 64 to 127
    found = check_folder(folder, repair=True)
    assert found.has_losses and not found.is_whole
    assert "vector 'v' of object 00000000-0000-0000-0000-000000000041" in said(found), said(found)
    assert "and 59 more" in said(found)
    assert "Thing: " in said(found) and "0.0.f32" in said(found)


def test_a_vector_file_that_is_gone(folder: Path) -> None:
    (thing(folder) / "store/vectors/0.0.f32").unlink()
    found = check_folder(folder)
    assert "the vectors 'v' of all objects" in said(found)


def test_a_damaged_record_is_named(folder: Path) -> None:
    path = thing(folder) / "store/objects.mdb"
    at = path.read_bytes().index(b"word77 common")
    flip(path, at)
    before = content(folder)
    found = check_folder(folder, repair=True)
    assert "lost: object 00000000-0000-0000-0000-00000000004e" in said(found), said(found)
    assert content(folder) == before, "what is lost is not removed"


def test_a_store_whose_pages_are_damaged(folder: Path) -> None:
    path = thing(folder) / "store/objects.mdb"
    cut(path)
    found = check_folder(folder)
    assert "all objects of it, unless a backup has them" in said(found) and found.has_losses
    assert found.objects == OBJECTS, "those of the tenant"


def test_a_wrong_number_of_a_commit_is_put_right(folder: Path) -> None:
    path = thing(folder) / "store/objects.mdb"
    whole = path.read_bytes()
    flip(path, 144 + 2)
    found = check_folder(folder)
    assert not found.has_losses and not found.is_whole, said(found)
    assert check_folder(folder, repair=True).is_whole
    assert path.read_bytes() == whole and path.with_name("objects.mdb.damaged").exists()
    assert check_folder(folder).is_whole


@pytest.mark.parametrize("name", ["catalog.mdb", "catalog-copy.mdb", format.MARKER])
def test_the_catalog_is_put_back(folder: Path, name: str) -> None:
    cut(folder / name)
    found = check_folder(folder)
    assert not found.has_losses and not found.is_whole and found.objects == 2 * OBJECTS
    assert check_folder(folder, repair=True).is_whole
    assert check_folder(folder).is_whole


def test_a_damaged_catalog_without_a_copy(folder: Path) -> None:
    cut(folder / "catalog.mdb")
    (folder / "catalog-copy.mdb").unlink()
    assert "the list of all collections" in said(check_folder(folder, repair=True))


def test_a_damaged_marker_of_a_shard(folder: Path) -> None:
    marker = thing(folder) / "store" / format.MARKER
    cut(marker)
    assert not check_folder(folder).is_whole
    assert check_folder(folder, repair=True).is_whole
    assert check_folder(folder).is_whole


def test_a_folder_that_is_gone(folder: Path) -> None:
    shutil.rmtree(thing(folder))
    found = check_folder(folder)
    assert found.has_losses and "the folder is missing" in said(found)


def test_damaged_roles_and_users(folder: Path) -> None:
    (folder / "access.json").write_bytes(b"{")
    assert "roles, users" in said(check_folder(folder))


def test_what_cannot_be_checked_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is not a data folder"):
        check_folder(tmp_path)
    assert not (tmp_path / "weft.lock").exists()
    database = open_database(folder, parse, durable=False, write_queue=1000)
    with pytest.raises(Locked):
        check_folder(folder)
    database.close()
    (folder / format.MARKER).write_bytes(orjson.dumps({"kind": "catalog", "format": format.FORMAT + 1}))
    with pytest.raises(Misconfigured, match="format"):
        check_folder(folder)


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder)]) == 0
    assert capsys.readouterr().out.strip().endswith("400 objects: whole")
    cut(folder / "catalog-copy.mdb")
    assert main(["check", str(folder), "--json"]) == 1
    report = orjson.loads(capsys.readouterr().out)
    assert not report["whole"] and not report["lost"] and len(report["findings"]) == 1
    assert main(["check", str(folder), "--repair"]) == 0
    flip(thing(folder) / "store/vectors/0.0.f32", 10)
    assert main(["check", str(folder)]) == 3
    assert main(["check", str(folder / "collections")]) == 1
