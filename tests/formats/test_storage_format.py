"""What earlier versions of the storage format wrote is read by this one."""

import zipfile
from pathlib import Path

import pytest

from formats.make_storage import LAYOUTS, changes, uuid
from weft.catalog.lmdb import LmdbCatalog
from weft.engine.embedded.folders import Folders
from weft.engine.embedded.storage import Put, ShardStore, TokenRows
from weft.files.format import FORMAT

GOLDEN = sorted(Path(__file__).parent.glob("storage-v*.zip"))


def test_each_version_has_its_golden_file() -> None:
    assert [path.name for path in GOLDEN] == [f"storage-v{version}.zip" for version in range(1, FORMAT + 1)]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_file_is_read_and_can_be_written(golden: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(golden) as archive:
        archive.extractall(tmp_path)
    catalog, folders = LmdbCatalog(tmp_path), Folders(tmp_path)
    state = catalog.read()
    entry = state.collections["Golden"]
    assert entry.document == {"class": "Golden"} and entry.shards["main"].status == "ACTIVE"
    assert state.aliases == {"Alias": "Golden"}
    assert state.settings == {"key": [1, "two", None]}
    assert folders.sweep(state.collections.values()) == []
    store = ShardStore(folders.shard(entry, entry.shards["main"]), LAYOUTS)
    store.verify(full=True)
    assert store.scan(None, 10) == [(uuid(0), 0), (uuid(1), 5), (uuid(3), 3), (uuid(4), 4)]
    assert store.read([0, 5, 3, 4]) == [b"record 0", b"again", b"record 3", b"record 4"]
    singles = store.get_vectors("single", [0, 5, 4])
    assert [v if v is None else v.tolist() for v in singles] == [[0, 0.5, 0], [1, 0.5, -1], [4, 0.5, -4]]
    assert [v is None for v in store.get_vectors("multi", [0, 5])] == [True, False]
    rows = store.vectors("multi").rows
    assert isinstance(rows, TokenRows) and rows.tokens.tolist() == [[0, 1], [2, 3], [4, 5]]
    (first, *_) = changes()[0]
    assert isinstance(first, Put)
    assert store.commit([first])[0].doc_id == 6
    store.close()
    catalog.close()
