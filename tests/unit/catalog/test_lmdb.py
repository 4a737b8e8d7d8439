from pathlib import Path

import pytest

from weft.catalog.catalog import commit
from weft.catalog.changes import (
    AddCollection,
    DropAlias,
    DropCollection,
    DropShards,
    PutAlias,
    PutSetting,
    PutShards,
    SetDocument,
    new_entry,
    with_statuses,
)
from weft.catalog.lmdb import LmdbCatalog
from weft.catalog.state import CatalogState
from weft.domain.errors import CorruptData
from weft.domain.tenants import TenantStatus

ACTIVE, INACTIVE = TenantStatus.ACTIVE, TenantStatus.INACTIVE


def reopened(catalog: LmdbCatalog, folder: Path) -> LmdbCatalog:
    catalog.close()
    return LmdbCatalog(folder, sync=False)


def test_everything_is_there_after_reopen(tmp_path: Path) -> None:
    catalog = LmdbCatalog(tmp_path, sync=False)
    entry = new_entry("Article", {"class": "Article", "n": 1}, {"main": ACTIVE, "gone": ACTIVE})
    commit(
        catalog,
        lambda state: [
            AddCollection(entry),
            SetDocument("Article", {"class": "Article", "n": 2}),
            PutShards("Article", with_statuses(entry, {"t" * 2000: INACTIVE, "main": INACTIVE})),
            DropShards("Article", ("gone",)),
            AddCollection(new_entry("Ünïcode/../name", {"x": [1, None, "é"]}, {})),
            AddCollection(new_entry("Dropped", {}, {"main": ACTIVE})),
            DropCollection("Dropped"),
            PutAlias("Alias", "Article"),
            PutAlias("Other", "Article"),
            DropAlias("Other"),
            PutSetting("a", {"b": 1}),
            PutSetting("gone", 1),
            PutSetting("gone", None),
        ],
    )
    before = catalog.read()
    catalog = reopened(catalog, tmp_path)
    after = catalog.read()
    assert after == CatalogState(0, before.collections, before.aliases, before.settings)
    assert after.aliases == {"Alias": "Article"} and after.settings == {"a": {"b": 1}}
    assert after.collections.keys() == {"Article", "Ünïcode/../name"}
    catalog.close()


def test_an_id_is_not_given_again(tmp_path: Path) -> None:
    catalog = LmdbCatalog(tmp_path, sync=False)
    old, new = new_entry("A", {}, {"s": ACTIVE}), new_entry("A", {}, {})
    commit(catalog, lambda state: [AddCollection(old), DropCollection("A"), AddCollection(new)])
    assert new.id != old.id
    catalog = reopened(catalog, tmp_path)
    assert catalog.read().collections == {"A": new}
    catalog.close()


def test_an_emptied_catalog_is_damage_not_a_fresh_start(tmp_path: Path) -> None:
    catalog = LmdbCatalog(tmp_path, sync=False)
    commit(catalog, lambda state: [AddCollection(new_entry("A", {}, {}))])
    catalog.close()
    (tmp_path / "catalog.mdb").write_bytes(b"")
    (tmp_path / "catalog-copy.mdb").unlink()
    with pytest.raises(CorruptData, match=r"catalog\.mdb"):
        LmdbCatalog(tmp_path, sync=False)
