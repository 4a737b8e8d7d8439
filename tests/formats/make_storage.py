"""Writes the golden file of the storage format: ``python -m tests.formats.make_storage``.

``storage-v<format>.zip`` holds a data folder as this version writes it: a catalog, one shard. Make one when
the format version grows and keep the old ones as they are: each version of Weft must read what earlier ones wrote.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import numpy as np

from weft.catalog.changes import AddCollection, PutAlias, PutSetting, new_entry
from weft.catalog.lmdb import LmdbCatalog
from weft.domain.tenants import TenantStatus
from weft.engine.embedded.folders import Folders
from weft.engine.embedded.storage import Delete, Put, ShardStore, VectorLayout
from weft.files.format import FORMAT

LAYOUTS = {"single": VectorLayout(), "multi": VectorLayout(multi=True)}


def uuid(i: int) -> bytes:
    return bytes(range(i, i + 16))


def changes() -> list[list[Put | Delete]]:
    first: list[Put | Delete] = [
        Put(uuid(i), b"record %d" % i, {"single": np.array([i, 0.5, -i], np.float32)}) for i in range(5)
    ]
    vectors = {"multi": np.arange(6, dtype=np.float32).reshape(3, 2), "single": np.array([1, 0.5, -1], np.float32)}
    return [first, [Put(uuid(1), b"again", vectors), Delete(uuid(2))]]


def make(folder: Path) -> None:
    catalog = LmdbCatalog(folder)
    entry = new_entry("Golden", {"class": "Golden"}, {"main": TenantStatus.ACTIVE})
    setting = PutSetting("key", [1, "two", None])
    catalog.change(0, [AddCollection(entry), PutAlias("Alias", "Golden"), setting])
    store = ShardStore(Folders(folder).shard(entry, entry.shards["main"]), LAYOUTS)
    for batch in changes():
        store.commit(batch)
    store.close()
    catalog.close()


def main() -> None:
    target = Path(__file__).parent / f"storage-v{FORMAT}.zip"
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
        make(Path(scratch))
        for path in sorted(Path(scratch).rglob("*")):
            if path.is_file() and not path.name.endswith("-lock"):
                archive.write(path, path.relative_to(scratch))


if __name__ == "__main__":
    main()
