from pathlib import Path

import pytest

from weft.catalog.catalog import Catalog
from weft.domain.errors import Conflict, CorruptData, NotFound


def reopened(catalog: Catalog) -> Catalog:
    catalog.close()
    return Catalog(catalog.folder, sync=False)


def test_everything_is_there_after_reopen(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, sync=False)
    first = catalog.put_collection("Article", {"class": "Article", "n": 1}, {"main": "ACTIVE"})
    catalog.put_collection("Article", {"class": "Article", "n": 2})
    catalog.put_collection("Ünïcode/../name", {"x": [1, None, "é"]}, {})
    catalog.put_shards("Article", {"t" * 2000: "INACTIVE", "main": "INACTIVE"})
    catalog.put_alias("Alias", "Article")
    catalog.put_settings({"a": {"b": 1}, "gone": 1})
    catalog.put_settings({"gone": None})
    for one in (catalog, catalog := reopened(catalog)):
        entry = one.collections()["Article"]
        assert entry.id == first.id
        assert entry.document == {"class": "Article", "n": 2}
        assert {name: shard.status for name, shard in entry.shards.items()} == {
            "main": "INACTIVE",
            "t" * 2000: "INACTIVE",
        }
        assert entry.shards["main"].id == first.shards["main"].id
        assert one.collections()["Ünïcode/../name"].document == {"x": [1, None, "é"]}
        assert dict(one.aliases()) == {"Alias": "Article"}
        assert dict(one.settings()) == {"a": {"b": 1}}
    catalog.close()


def test_a_dropped_collection_is_gone_with_its_shards_and_its_id_is_not_reused(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, sync=False)
    old = catalog.put_collection("A", {}, {"s": "ACTIVE"})
    assert catalog.drop_collection("A") == old
    new = catalog.put_collection("A", {}, {})
    assert new.id != old.id
    catalog = reopened(catalog)
    assert catalog.collections()["A"].shards == {}
    assert catalog.drop_shards("A", ["s", "s"]) == []
    with pytest.raises(NotFound):
        catalog.drop_collection("B")
    catalog.close()


def test_names_do_not_clash(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, sync=False)
    catalog.put_collection("A", {}, {})
    catalog.put_alias("X", "A")
    with pytest.raises(Conflict, match="alias"):
        catalog.put_collection("X", {}, {})
    with pytest.raises(Conflict, match="exists"):
        catalog.put_collection("A", {}, {"s": "ACTIVE"})
    with pytest.raises(Conflict, match="collection"):
        catalog.put_alias("A", "A")
    with pytest.raises(NotFound):
        catalog.put_alias("Y", "B")
    with pytest.raises(NotFound):
        catalog.put_shards("B", {"s": "ACTIVE"})
    catalog.drop_alias("X")
    with pytest.raises(NotFound):
        catalog.drop_alias("X")
    catalog.put_collection("X", {}, {})
    catalog.close()


def test_orphans_are_swept_and_nothing_else(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, sync=False)
    kept = catalog.put_collection("Kept", {}, {"a": "ACTIVE", "b": "ACTIVE"})
    gone = catalog.put_collection("Gone", {}, {"a": "ACTIVE"})
    folders = [catalog.shard_folder(e, s) for e in (kept, gone) for s in e.shards.values()]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x")
    other = catalog.collection_folder(kept) / "index"
    other.mkdir()
    catalog.drop_collection("Gone")
    catalog.drop_shards("Kept", ["b"])
    assert set(catalog.sweep()) == {folders[1], catalog.collection_folder(gone)}
    assert [folder.exists() for folder in folders] == [True, False, False]
    assert other.exists()
    catalog.close()


def test_snapshots_do_not_change(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, sync=False)
    before = catalog.collections()
    catalog.put_collection("A", {}, {})
    assert "A" not in before and "A" in catalog.collections()
    catalog.close()


def test_an_emptied_catalog_is_damage_not_a_fresh_start(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, sync=False)
    catalog.put_collection("A", {}, {})
    catalog.close()
    (tmp_path / "catalog.mdb").write_bytes(b"")
    with pytest.raises(CorruptData, match=r"catalog\.mdb"):
        Catalog(tmp_path, sync=False)
