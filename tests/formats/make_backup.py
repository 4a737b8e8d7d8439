"""Writes the golden file of the backups' format: ``python -m tests.formats.make_backup``.

``backup-v<format>.zip`` holds two backups as this version writes them: ``base``, and ``increment``, which builds on it.
Make one when the format version grows and keep the old ones as they are: each version of Weft must read what earlier
ones wrote.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject

import weft
from weft.jobs.backup.descriptor import FORMAT

COUNT, MORE = 20, 3


def row(n: int) -> DataObject:
    tokens = [[float(n), 1.0], [0.5, -1.0]]
    return DataObject({"n": n, "text": f"word{n} all"}, vector={"single": [float(n), 1.0, 0.5], "multi": tokens})


def make(folder: Path, backups: Path) -> None:
    with weft.connect(folder, backup_filesystem_path=str(backups)) as client:
        golden = client.collections.create(
            "Golden",
            properties=[Property(name="n", data_type=DataType.INT), Property(name="text", data_type=DataType.TEXT)],
            vector_config=[
                Configure.Vectors.self_provided(name="single"),
                Configure.MultiVectors.self_provided(name="multi"),
            ],
        )
        client.alias.create(alias_name="Gold", target_collection="Golden")
        golden.data.insert_many([row(n) for n in range(COUNT)])
        client.backup.create("base", "filesystem", wait_for_completion=True)
        golden.data.insert_many([row(n) for n in range(COUNT, COUNT + MORE)])
        client.backup.create("increment", "filesystem", incremental_base_backup_id="base", wait_for_completion=True)


def main() -> None:
    target = Path(__file__).parent / f"backup-v{FORMAT}.zip"
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
        backups = Path(scratch) / "backups"
        make(Path(scratch) / "data", backups)
        for path in sorted(backups.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(backups))


if __name__ == "__main__":
    main()
