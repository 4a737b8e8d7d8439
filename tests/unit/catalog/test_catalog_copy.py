"""A catalog that is damaged, or lost its last changes, is put back from its copy, and a damaged copy is made again."""

import shutil
from pathlib import Path

import pytest

from weft.catalog.changes import AddCollection, DropCollection, PutSetting, new_entry
from weft.catalog.lmdb import LmdbCatalog
from weft.catalog.state import CatalogState
from weft.domain.errors import CorruptData, StorageFull
from weft.domain.tenants import TenantStatus
from weft.files.environment import Environment
from weft.files.format import MARKER


def filled(folder: Path, names: str = "ABC") -> CatalogState:
    catalog = LmdbCatalog(folder, sync=False)
    for name in names:
        entry = new_entry(name, {"class": name}, {"main": TenantStatus.ACTIVE})
        catalog.change(catalog.read().version, [AddCollection(entry)])
    state = catalog.read()
    catalog.close()
    return state


def collections(folder: Path) -> set[str]:
    catalog = LmdbCatalog(folder, sync=False)
    found = set(catalog.read().collections)
    catalog.change(catalog.read().version, [PutSetting("still", "writable")])
    catalog.close()
    return found


def damage(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def test_damage_anywhere_in_the_catalog_or_in_its_copy_loses_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "whole")
    size = (tmp_path / "whole" / "catalog.mdb").stat().st_size
    for name in ("catalog.mdb", "catalog-copy.mdb"):
        for at in (*range(0, 160, 8), *range(4096, 4256, 8), *range(8192, size, 1009)):
            folder = tmp_path / "tried"
            shutil.copytree(tmp_path / "whole", folder)
            damage(folder / name, at)
            assert collections(folder) == {"A", "B", "C"}, (name, at)
            assert collections(folder) == {"A", "B", "C"}, (name, at)
            shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["catalog.mdb", "catalog-copy.mdb", MARKER])
@pytest.mark.parametrize("how", ["gone", "empty", "cut"])
def test_a_file_that_is_gone_or_short_is_made_again(tmp_path: Path, name: str, how: str) -> None:
    filled(tmp_path)
    data = (tmp_path / name).read_bytes()
    if how == "gone" and name == MARKER:
        return  # a folder without its marker is not one of a catalog yet
    if how == "gone":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(data[: 0 if how == "empty" else len(data) // 2])
    assert collections(tmp_path) == {"A", "B", "C"}
    assert collections(tmp_path) == {"A", "B", "C"}


def test_what_was_damaged_is_kept(tmp_path: Path) -> None:
    filled(tmp_path)
    for _ in range(2):
        damage(tmp_path / "catalog.mdb", 16)
        assert collections(tmp_path) == {"A", "B", "C"}
    assert sorted(path.name for path in tmp_path.glob("*.damaged*")) == ["catalog.mdb.damaged", "catalog.mdb.damaged-2"]


def test_an_older_catalog_in_its_place_loses_no_collection(tmp_path: Path) -> None:
    filled(tmp_path, "A")
    older = (tmp_path / "catalog.mdb").read_bytes()
    filled(tmp_path, "BC")
    (tmp_path / "catalog.mdb").write_bytes(older)
    assert collections(tmp_path) == {"A", "B", "C"}


def test_damage_in_both_is_reported(tmp_path: Path) -> None:
    filled(tmp_path)
    damage(tmp_path / "catalog.mdb", 16)
    damage(tmp_path / "catalog-copy.mdb", 16)
    with pytest.raises(CorruptData, match=r"catalog\.mdb"):
        LmdbCatalog(tmp_path, sync=False)


class Full:
    """The disk is full while the reserve is there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write = Environment.write

        def fail(env: Environment, body: object) -> object:
            if (folder / "catalog.reserve").exists():
                raise StorageFull("full")
            return write(env, body)  # type: ignore[arg-type]

        monkeypatch.setattr(Environment, "write", fail)


def test_a_collection_can_be_dropped_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    catalog = LmdbCatalog(tmp_path, sync=False)
    reserve = tmp_path / "catalog.reserve"
    assert reserve.stat().st_blocks * 512 >= 1 << 18
    with monkeypatch.context() as patch:
        Full(tmp_path, patch)
        with pytest.raises(StorageFull):
            catalog.change(0, [AddCollection(new_entry("D", {}, {}))])
        assert reserve.exists()
        catalog.change(0, [DropCollection("A")])
        assert not reserve.exists()
    catalog.change(1, [PutSetting("a", 1)])
    assert reserve.exists()
    catalog.close()
    assert collections(tmp_path) == {"B", "C"}


def test_a_copy_that_cannot_be_written_costs_nothing_but_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    catalog = LmdbCatalog(tmp_path, sync=False)
    write = Environment.write
    copy = Environment.copy_to

    def fail(env: Environment, body: object) -> object:
        if env.path.name == "catalog-copy.mdb":
            raise StorageFull("full")
        return write(env, body)  # type: ignore[arg-type]

    def fail_copy(env: Environment, path: Path, *, sync: bool = True) -> None:
        raise StorageFull("full")

    with monkeypatch.context() as patch:
        patch.setattr(Environment, "write", fail)
        patch.setattr(Environment, "copy_to", fail_copy)
        catalog.change(0, [DropCollection("A")])
        catalog.change(1, [DropCollection("B")])
    assert copy is Environment.copy_to
    catalog.change(2, [PutSetting("a", 1)])
    catalog.close()
    (tmp_path / "catalog.mdb").unlink()
    assert collections(tmp_path) == {"C"}
