"""Requests for backups, restores and exports: decoded, but not yet validated."""

from __future__ import annotations

from dataclasses import dataclass, field

from weft.jobs.backends.backend import Location
from weft.jobs.backup.restore import RestoredAlias
from weft.service.archives.collection_choice import CollectionChoice

__all__ = ["CollectionChoice", "Location", "NewBackup", "NewExport", "NewRestore", "RestoredAlias"]


@dataclass(frozen=True, slots=True)
class NewBackup:
    """``compression`` is one of Weaviate's names, ``cpu_percentage`` the share of the cores that may compress.
    ``base``: the id of the backup to build on. ``accounts``: whether roles and users are included, as far as the caller
    may; ``roles`` and ``users``: names and patterns of them, empty: all."""

    id: str
    choice: CollectionChoice = field(default_factory=CollectionChoice)
    place: Location = field(default_factory=Location)
    compression: str = ""
    cpu_percentage: int | None = None
    base: str = ""
    accounts: bool = True
    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewRestore:
    """``roles`` and ``users`` are ``all`` or ``noRestore``; empty means ``noRestore``. ``aliases``: those that the
    caller may have restored; None: all."""

    choice: CollectionChoice = field(default_factory=CollectionChoice)
    place: Location = field(default_factory=Location)
    cpu_percentage: int | None = None
    overwrite_alias: bool = False
    roles: str = ""
    users: str = ""
    aliases: frozenset[RestoredAlias] | None = None

    @property
    def restores_accounts(self) -> bool:
        return any(option not in ("", "noRestore") for option in (self.roles, self.users))


@dataclass(frozen=True, slots=True)
class NewExport:
    id: str
    file_format: str
    choice: CollectionChoice = field(default_factory=CollectionChoice)
