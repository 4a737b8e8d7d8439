"""Where backups and exports are kept: folders of blobs by key, on a file system or in an object store.

A blob is put whole or not at all; a blob of the same key is replaced. Failures are OperatorError or StorageFull.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from weft.domain.json_values import JsonValue


@dataclass(frozen=True, slots=True)
class Location:
    """What a request names in place of the settings; empty: as the settings say."""

    bucket: str = ""
    path: str = ""


class BlobFolder(ABC):
    """The blobs of one backup or one export. ``home`` is what the protocol calls its path."""

    home: str

    @abstractmethod
    def put(self, key: str, data: bytes) -> None: ...

    @abstractmethod
    def put_file(self, key: str, path: Path) -> None:
        """The content of a local file, which may be taken away for it."""

    @abstractmethod
    def get(self, key: str) -> bytes | None:
        """None when there is no such blob."""

    @abstractmethod
    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        """Fewer bytes where the blob ends before; None when there is no such blob."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether nothing at all is there, of ours or of others."""

    @abstractmethod
    def clear(self, prefix: str) -> None:
        """Removes the blobs whose keys begin with ``prefix/``."""


class Backend(ABC):
    """One kind of place. ``name`` stands in URLs, ``module`` is what the protocol enables."""

    name: ClassVar[str]
    module: ClassVar[str]

    @abstractmethod
    def meta(self) -> dict[str, JsonValue]:
        """What ``/v1/meta`` says of the module."""

    @abstractmethod
    def folder(self, id: str, location: Location) -> BlobFolder:
        """The folder named ``id`` at ``location``, whether it exists or not. Raises Invalid for a location that
        cannot be."""

    @abstractmethod
    def ids(self) -> list[str]:
        """The names of all folders where the settings say; in no order."""
