"""MediaFolders: files below the folders that the operator lists.

A path is walked from its folder on, one name at a time, and no symbolic link is followed: whatever is changed
meanwhile, nothing outside is opened. Only plain files are read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from weft.domain.errors import Invalid
from weft.service.media_references.room import Room

SCHEME: Final = "file:"
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FOLDER: Final = getattr(os, "O_DIRECTORY", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
"""A named pipe would keep the opening waiting for a writer."""


class MediaFolders:
    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = [Path(one) for one in folders]

    def read(self, reference: str, room: Room) -> bytes:
        """The file's bytes. Raises Invalid where it may not be read or is not there, and what ``room`` raises."""
        folder, names = self._place(reference)
        try:
            fd = _opened(folder, names)
        except OSError as error:
            raise Invalid(f"{reference[:200]} cannot be read: {error.strerror}; links are not followed") from error
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise Invalid(f"{reference[:200]} is not a file; name a file")
            room.take(found.st_size, reference)
            with os.fdopen(os.dup(fd), "rb") as file:
                return file.read(found.st_size)
        except OSError as error:
            raise Invalid(f"{reference[:200]} cannot be read: {error.strerror}") from error
        finally:
            os.close(fd)

    def _place(self, reference: str) -> tuple[Path, Sequence[str]]:
        """The folder, and the names below it."""
        if not self._folders:
            raise Invalid(
                "this server reads no files that objects name; its operator can list folders with WEFT_MEDIA_FOLDERS"
            )
        try:
            parts = urlsplit(reference)
        except ValueError:
            raise _wrong(reference) from None
        path = unquote(parts.path)
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or "\0" in path:
            raise _wrong(reference)
        if os.name == "nt":
            path = path.lstrip("/")
        if ".." in PurePosixPath(path).parts or not Path(path).is_absolute():
            raise _wrong(reference)
        for folder in self._folders:
            if Path(path).is_relative_to(folder) and Path(path) != folder:
                return folder, Path(path).relative_to(folder).parts
        raise Invalid(
            f"{reference[:200]} is not below a folder that this server's operator lists in WEFT_MEDIA_FOLDERS"
        )


def _wrong(reference: str) -> Invalid:
    return Invalid(
        f"{reference[:200]!r} names no file; write file:///folder/name with an absolute path, and write characters "
        "that an address cannot have with %"
    )


def _opened(folder: Path, names: Sequence[str]) -> int:
    if os.open not in os.supports_dir_fd:  # Windows, where making links takes a right
        path = folder.joinpath(*names)
        if path.resolve() != folder.resolve().joinpath(*names):
            raise PermissionError(None, "it is behind a link")
        return os.open(path, _FLAGS)
    at = os.open(folder, os.O_RDONLY | _FOLDER)
    for i, name in enumerate(names):
        try:
            kind = _FOLDER if i + 1 < len(names) else _NO_WAIT
            below = os.open(name, _FLAGS | kind, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at
