"""Where backups and exports are kept: folders of blobs by key, on a file system or in an object store.

A blob is written atomically, and replaces one with the same key. Failures are OperatorError or StorageFull.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from weft.domain.json_values import JsonValue


@dataclass(frozen=True, slots=True)
class Location:
    """A location in a request that overrides the settings; empty: that of the settings."""

    bucket: str = ""
    path: str = ""


class BlobFolder(ABC):
    """The blobs of one backup or one export. ``home`` is its path in the protocol."""

    home: str

    @abstractmethod
    def put(self, key: str, data: bytes) -> None: ...

    @abstractmethod
    def put_file(self, key: str, path: Path) -> None:
        """Stores the content of a local file, which may be moved."""

    @abstractmethod
    def get(self, key: str) -> bytes | None:
        """None when there is no such blob."""

    @abstractmethod
    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        """Fewer bytes if the blob is shorter; None when there is no such blob."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether the folder holds nothing at all, not even foreign files."""

    @abstractmethod
    def clear(self, prefix: str) -> None:
        """Removes the blobs whose keys begin with ``prefix/``."""


class Backend(ABC):
    """One kind of storage. ``name`` is used in URLs, ``module`` is its name as a module of the protocol."""

    name: ClassVar[str]
    module: ClassVar[str]

    @abstractmethod
    def meta(self) -> dict[str, JsonValue]:
        """The module's entry in ``/v1/meta``."""

    @abstractmethod
    def folder(self, id: str, location: Location) -> BlobFolder:
        """The folder named ``id`` at ``location``, whether it exists or not. Raises Invalid for an invalid location."""

    def holds(self, location: Location) -> bool:
        """Whether ``location`` is that of the settings, or below it: requests may always name it."""
        return location == Location()

    @abstractmethod
    def ids(self) -> list[str]:
        """The names of all folders at the location of the settings, in no order."""
