"""What earlier versions wrote as backups is restored by this one."""

import zipfile
from pathlib import Path

import pytest
from weaviate.classes.query import Filter

import weft
from formats.make_backup import COUNT, MORE
from weft.jobs.backup.descriptor import FORMAT

GOLDEN = sorted(Path(__file__).parent.glob("backup-v*.zip"))


def test_each_version_has_its_golden_file() -> None:
    assert [path.name for path in GOLDEN] == [f"backup-v{version}.zip" for version in range(1, FORMAT + 1)]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_file_is_restored(golden: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(golden) as archive:
        archive.extractall(tmp_path / "backups")
    with weft.connect(tmp_path / "data", backup_filesystem_path=str(tmp_path / "backups")) as client:
        for id, count in (("base", COUNT), ("increment", COUNT + MORE)):
            client.collections.delete("Golden")
            client.backup.restore(id, "filesystem", wait_for_completion=True)
            found = client.collections.use("Golden")
            assert sorted(o.properties["n"] for o in found.iterator()) == list(range(count))
            n = count - 1
            assert [o.properties["n"] for o in found.query.bm25(f"word{n}").objects] == [n]
            (one,) = found.query.fetch_objects(filters=Filter.by_property("n").equal(n), include_vector=True).objects
            assert one.vector["multi"] == [[float(n), 1.0], [0.5, -1.0]]
            assert one.vector["single"] == [float(n), 1.0, 0.5]
            near = found.query.near_vector([float(n), 1.0, 0.5], target_vector="single", limit=1)
            assert near.objects[0].properties["n"] == n
        alias = client.alias.get(alias_name="Gold")
        assert alias is not None
        assert alias.collection == "Golden"
