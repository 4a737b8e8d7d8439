"""Copies of a store while it is written: its last commit, with the vectors of that commit."""

from __future__ import annotations

import threading
from pathlib import Path

from weft.engine.embedded.storage.vector_folder import VectorFolder
from weft.files import disk, format
from weft.files.environment import Environment


class StoreCopier:
    """``counting`` is held from when a commit may be in the tables until its rows are published in the vector files;
    ``version`` is the format of the store. No vector file is replaced meanwhile."""

    def __init__(self, env: Environment, vectors: VectorFolder, counting: threading.Lock, version: int) -> None:
        self._env = env
        self._vectors = vectors
        self._counting = counting
        self._version = version

    def copy_to(self, folder: Path) -> None:
        """See ``ShardStore.copy_to``."""
        with disk.explained(folder):
            folder.mkdir(parents=True)
        self._env.copy_to(folder / "objects.mdb")
        self._wait_for_rows()
        self._vectors.copy_to(folder / "vectors")
        format.mark(folder, "shard", sync=True, version=self._version)

    def link_to(self, folder: Path) -> dict[str, int]:
        """See ``ShardStore.link_to``."""
        with disk.explained(folder):
            folder.mkdir(parents=True)
        self._env.copy_to(folder / "objects.mdb", sync=False)
        self._wait_for_rows()
        sizes = {f"vectors/{name}": size for name, size in self._vectors.link_to(folder / "vectors").items()}
        format.mark(folder, "shard", sync=False, version=self._version)
        return {name: (folder / name).stat().st_size for name in ("objects.mdb", format.MARKER)} | sizes

    def _wait_for_rows(self) -> None:
        """Waits until the rows of every commit in the tables are published; later commits do no harm."""
        with self._counting:
            return
