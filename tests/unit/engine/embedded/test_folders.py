from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from weft.catalog.changes import new_entry
from weft.domain.tenants import TenantStatus
from weft.engine.embedded.folders import Folders


def test_orphans_are_swept_and_nothing_else(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    kept = new_entry("Kept", {}, {"a": TenantStatus.ACTIVE, "b": TenantStatus.ACTIVE})
    gone = new_entry("Gone", {}, {"a": TenantStatus.ACTIVE})
    made = [folders.shard(entry, shard) for entry in (kept, gone) for shard in entry.shards.values()]
    for folder in made:
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x")
    other = folders.collection(kept) / "index"
    other.mkdir()
    assert set(folders.sweep([replace(kept, shards={"a": kept.shards["a"]})])) == {made[1], folders.collection(gone)}
    assert [folder.exists() for folder in made] == [True, False, False]
    assert other.exists()
