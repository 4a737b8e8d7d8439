"""Media bytes (images, audio, video), each kept once, named by its SHA-256: ``blobs/<2 hex>/<62 hex>``.

A blob is whole and on the disk when ``put`` returns, so a commit may name it from then on. Blobs that no object names
are removed by a sweep:

    blobs.begin_sweep()            from here on, every put is spared
    live = {…}                     digests that stored objects name
    blobs.finish_sweep(live)

Safe on any thread. SHA-256 because the bytes are the user's: nobody can make two media that share a name.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Set
from pathlib import Path

from weft.storage import disk
from weft.storage.format import damaged

DIGEST_BYTES = 32
_STAGED_SUFFIX = ".tmp"


class BlobStore:
    def __init__(self, folder: Path, *, sync: bool = True) -> None:
        self.folder = folder
        self._sync = sync
        self._lock = threading.Lock()
        self._spared: set[bytes] | None = None
        with disk.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for staged in folder.glob(f"*/*{_STAGED_SUFFIX}"):
                staged.unlink()

    def put(self, data: bytes) -> bytes:
        """Keeps ``data``; returns its digest, 32 bytes. Raises StorageFull."""
        digest = hashlib.sha256(data).digest()
        path = self._path(digest)
        with self._lock:
            if self._spared is not None:
                self._spared.add(digest)
            with disk.explained(path):
                if path.exists() and path.stat().st_size == len(data):
                    return digest
                if not path.parent.is_dir():
                    path.parent.mkdir()
                    if self._sync:
                        disk.sync_folder(self.folder)
            disk.write_whole(path, data, sync=self._sync)
        return digest

    def get(self, digest: bytes) -> bytes:
        """The bytes of ``digest``. Raises CorruptData when they are missing or changed."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise damaged(path, "the file is missing") from None
        except OSError as error:
            raise disk.failure(error, path) from error
        if hashlib.sha256(data).digest() != digest:
            raise damaged(path, "its content does not match its name")
        return data

    def __contains__(self, digest: bytes) -> bool:
        return self._path(digest).exists()

    def begin_sweep(self) -> None:
        """From now on, what is put is spared by ``finish_sweep``. One sweep at a time."""
        with self._lock:
            assert self._spared is None, "a sweep is under way"
            self._spared = set()

    def finish_sweep(self, live: Set[bytes]) -> int:
        """Removes the blobs that are neither in ``live`` nor put since ``begin_sweep``; returns the bytes freed."""
        freed = 0
        with self._lock:
            spared, self._spared = self._spared, None
            assert spared is not None, "begin_sweep comes first"
            for path in list(self._files()):
                digest = bytes.fromhex(path.parent.name + path.name)
                if digest not in live and digest not in spared:
                    freed += path.stat().st_size
                    disk.remove_if_free(path)
        return freed

    def verify(self) -> None:
        """Reads every blob; raises CorruptData for the first that does not match its name."""
        for path in self._files():
            self.get(bytes.fromhex(path.parent.name + path.name))

    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self._files())

    def _files(self) -> Iterator[Path]:
        for path in self.folder.glob("*/*"):
            name = path.parent.name + path.name
            if len(name) == 2 * DIGEST_BYTES and not name.endswith(_STAGED_SUFFIX):
                yield path

    def _path(self, digest: bytes) -> Path:
        assert len(digest) == DIGEST_BYTES
        name = digest.hex()
        return self.folder / name[:2] / name[2:]
