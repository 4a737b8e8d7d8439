"""Requests for backups, restores and exports: decoded, but not yet validated."""

from __future__ import annotations

from dataclasses import dataclass, field

from weft.jobs.backends.backend import Location
from weft.service.archives.collection_choice import CollectionChoice

__all__ = ["CollectionChoice", "Location", "NewBackup", "NewExport", "NewRestore"]


@dataclass(frozen=True, slots=True)
class NewBackup:
    """``compression`` is one of Weaviate's names, ``cpu_percentage`` the share of the cores that may compress.
    ``base``: the id of the backup to build on. ``roles`` and ``users``: names and patterns to include; empty: all."""

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
    """``roles`` and ``users`` are ``all`` or ``noRestore``; empty means ``noRestore``."""

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
