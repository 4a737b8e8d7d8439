"""The backend ``filesystem``: a local or mounted folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.files import disk
from weft.jobs.backends.backend import Backend, BlobFolder, Location

_MAX_PATH_CHARS = 1000


class FilesystemFolder(BlobFolder):
    """Keys are paths below ``root``, which is created with the first blob. Only their owner may read blobs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = str(root)

    def put(self, key: str, data: bytes) -> None:
        path = self._made(key)
        disk.write_whole(path, data, sync=True, mode=disk.FILE_MODE)

    def put_file(self, key: str, path: Path) -> None:
        target = self._made(key)
        staged = target.with_name(target.name + ".tmp")
        with disk.explained(target):
            try:
                path.replace(staged)
            except OSError:  # another file system
                shutil.copyfile(path, staged)
            staged.chmod(disk.FILE_MODE)
            with staged.open("rb+") as file:
                disk.sync_file(file.fileno())
            staged.replace(target)
            disk.sync_folder(target.parent)

    def get(self, key: str) -> bytes | None:
        path = self.root / key
        with disk.explained(path):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        path = self.root / key
        with disk.explained(path):
            try:
                return disk.read_file(path, start, length)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def is_empty(self) -> bool:
        with disk.explained(self.root):
            try:
                with os.scandir(self.root) as entries:
                    return all(entry.name.endswith(".tmp") for entry in entries)  # left by a crash
            except FileNotFoundError:
                return True

    def clear(self, prefix: str) -> None:
        shutil.rmtree(self.root / prefix, ignore_errors=True)

    def _made(self, key: str) -> Path:
        path = self.root / key
        with disk.explained(path):
            if not path.parent.exists():
                disk.make_folder(path.parent, sync=True)
        return path


class FilesystemBackend(Backend):
    """``root``: the location if a request states none; None: a request must state one. No request may name a location
    within ``data``, the server's own folder."""

    name = "filesystem"
    module = "backup-filesystem"

    def __init__(self, root: Path | None, data: Path | None = None) -> None:
        self._root = root
        self._data = data

    def meta(self) -> dict[str, JsonValue]:
        return {"name": "Backups on the file system", "backupsPath": str(self._root or "")}

    def folder(self, id: str, location: Location) -> FilesystemFolder:
        """A bucket has no effect, as in Weaviate: clients send one to every backend."""
        root = self._named(location.path) if location.path else self._root
        if root is None or not root.is_absolute():
            raise Invalid(f"the path of a backup must be absolute, not {str(root or '')[:200]!r}")
        return FilesystemFolder(root / id)

    def holds(self, location: Location) -> bool:
        if not location.path:
            return True
        return self._root is not None and self._named(location.path).resolve().is_relative_to(self._root.resolve())

    def _named(self, path: str) -> Path:
        if len(path) > _MAX_PATH_CHARS or "\0" in path:
            raise Invalid(f"the path of a backup must have at most {_MAX_PATH_CHARS} characters, and no NUL")
        if self._data is not None and Path(path).resolve().is_relative_to(self._data.resolve()):
            raise Invalid("a backup cannot be in the server's own data folder; name a path elsewhere")
        return Path(path)

    def ids(self) -> list[str]:
        if self._root is None:
            return []
        with disk.explained(self._root):
            try:
                return [entry.name for entry in os.scandir(self._root) if entry.is_dir()]
            except FileNotFoundError:
                return []
