"""What callers ask of backups, restores and exports, read from their requests and not yet checked for sense."""

from __future__ import annotations

from dataclasses import dataclass, field

from weft.jobs.backends.backend import Location
from weft.service.archives.collection_choice import CollectionChoice

__all__ = ["CollectionChoice", "Location", "NewBackup", "NewExport", "NewRestore"]


@dataclass(frozen=True, slots=True)
class NewBackup:
    """``compression`` is one of Weaviate's names, ``cpu_percentage`` how much of the cores may compress. ``base``: the
    id of the backup to build on. ``roles`` and ``users``: names and patterns of those to take along; empty: all."""

    id: str
    choice: CollectionChoice = field(default_factory=CollectionChoice)
    place: Location = field(default_factory=Location)
    compression: str = ""
    cpu_percentage: int | None = None
    base: str = ""
    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewRestore:
    """``roles`` and ``users`` are ``all``, or ``noRestore``, or empty, which means the same."""

    choice: CollectionChoice = field(default_factory=CollectionChoice)
    place: Location = field(default_factory=Location)
    cpu_percentage: int | None = None
    overwrite_alias: bool = False
    roles: str = ""
    users: str = ""


@dataclass(frozen=True, slots=True)
class NewExport:
    id: str
    file_format: str
    choice: CollectionChoice = field(default_factory=CollectionChoice)
