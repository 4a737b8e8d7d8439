"""A data folder checked while no server has it: what is damaged, what is lost, and what can be mended without loss.

It takes the folder's lock. Nothing else is changed before ``mend`` of a finding is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft.access.store import AccessStore
from weft.catalog.lmdb import COPY, FILE, LmdbCatalog
from weft.catalog.servers import RegisteredServer
from weft.catalog.state import CatalogEntry, CatalogState
from weft.catalog.tables import TABLES, stored_state, stored_version
from weft.domain.counts import counted
from weft.domain.errors import CorruptData, Misconfigured, NotFound, WeftError
from weft.domain.findings import Finding
from weft.engine.embedded.checking import check_shard
from weft.engine.embedded.folders import Folders
from weft.files import format, meta_pages
from weft.files.folder_lock import FolderLock
from weft.files.followed_environment import FollowedEnvironment
from weft.files.lineage import check_lineage
from weft.files.structure import check_structure
from weft.jobs.ledger import JobLedger
from weft.service.schema.document import parse

_KINDS = ("backup", "restore", "export", "reindex", "classification")


@dataclass(slots=True)
class FolderCheck:
    """What was looked at, and what was found."""

    collections: int = 0
    shards: int = 0
    objects: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to be done."""
        return all(one.mended for one in self.findings)

    @property
    def has_losses(self) -> bool:
        """Whether some of what was stored cannot be read any more."""
        return any(one.lost and not one.mended for one in self.findings)

    def lines(self) -> Iterator[str]:
        """In words, one finding after the other."""
        for one in self.findings:
            yield f"{one.where}: {one.what}"
            if one.lost:
                yield f"  lost: {one.lost}"
            if one.mended:
                yield "  repaired"
            elif one.way_out:
                yield f"  {one.way_out}"
        end = "whole" if self.is_whole else "some of what was stored is lost" if self.has_losses else "nothing is lost"
        numbers = ((self.collections, "collection"), (self.shards, "shard"), (self.objects, "object"))
        yield f"{', '.join(counted(number, noun) for number, noun in numbers)}: {end}"


def check_folder(folder: Path, *, repair: bool = False) -> FolderCheck:
    """``repair``: what can be mended without loss is. Raises Locked while a server has the folder, NotFound where there
    is none, Misconfigured for a newer format or another engine."""
    if not (folder / FILE).exists() and not (folder / format.MARKER).exists():
        raise NotFound(f"{folder} is not a data folder: it has neither {FILE} nor {format.MARKER}")
    found = FolderCheck()
    with FolderLock(folder):
        state = _catalog(folder, found)
        if state is not None:
            if state.settings.get("engine", "embedded") != "embedded":
                raise Misconfigured(f"the collections of {folder} are in the engine {state.settings['engine']!r}")
            for entry in state.collections.values():
                _collection(folder, entry, found)
            _jobs(state, found)
        _access(folder, found)
        if repair:
            for finding in found.findings:
                if finding.mend is not None:
                    finding.mend()
                    finding.mended = True
    return found


def _catalog(folder: Path, found: FolderCheck) -> CatalogState | None:
    """The newer of the catalog and its copy that are whole."""
    try:
        marked = format.marked(folder, "catalog")
    except CorruptData as error:
        marked = format.FORMAT
        found.findings.append(_mended_by_opening(folder, format.MARKER, _what(error), "it is written again"))
    read: dict[str, tuple[int, CatalogState]] = {}
    faults: dict[str, str] = {}
    for name in (FILE, COPY) if marked > format.UNNUMBERED else (FILE,):
        try:
            read[name] = _tables(folder / name, marked)
        except (WeftError, OSError) as error:
            faults[name] = _what(error)
    for name, what in faults.items():
        if read:
            found.findings.append(_mended_by_opening(folder, name, what, "it is made again from the other one"))
        elif name == FILE:
            lost = "the list of all collections, tenants and aliases"
            found.findings.append(Finding(str(folder / name), what, lost, "restore the folder from a backup"))
    if len(read) == 2 and read[FILE][0] != read[COPY][0]:
        older = min(read, key=lambda name: read[name][0])
        found.findings.append(_mended_by_opening(folder, older, "it lacks the last changes", "the other one has them"))
    return max(read.values(), key=lambda one: one[0])[1] if read else None


def _tables(path: Path, marked: int) -> tuple[int, CatalogState]:
    if not path.exists():
        raise format.damaged(path, "the file is missing")
    meta_pages.check(path)
    check_structure(path)
    with closing(FollowedEnvironment(path, TABLES)) as env:
        snapshot = env.begin()
        if marked > format.UNNUMBERED:
            snapshot.read(lambda txn: check_lineage(txn, path))
        return stored_version(snapshot), stored_state(snapshot, 0)


def _mended_by_opening(folder: Path, name: str, what: str, how: str) -> Finding:
    way_out = f"{how} at the next start, or by weft check --repair"
    return Finding(str(folder / name), what, way_out=way_out, mend=lambda: LmdbCatalog(folder).close())


def _collection(folder: Path, entry: CatalogEntry, found: FolderCheck) -> None:
    found.collections += 1
    try:
        config = parse(entry.document)
    except (WeftError, KeyError, TypeError, ValueError) as error:
        what = f"the configuration of {entry.name} cannot be read: {_what(error)}"
        found.findings.append(Finding(str(folder / FILE), what, way_out="use the version of Weft that wrote it"))
        return
    folders = Folders(folder)
    for shard in entry.shards.values():
        found.shards += 1
        required = not config.tenancy.enabled
        called = entry.name if required else f"{entry.name}, tenant {shard.name}"
        checked = check_shard(folders.shard(entry, shard), config, required=required)
        found.objects += checked.objects
        for finding in checked.findings:
            finding.where = f"{called}: {finding.where}"
            found.findings.append(finding)


def _access(folder: Path, found: FolderCheck) -> None:
    try:
        AccessStore(folder)
    except (CorruptData, Misconfigured) as error:
        lost = "roles, users of the database and their keys" if isinstance(error, CorruptData) else ""
        found.findings.append(Finding(str(folder / "access.json"), error.message, lost))


class _ReadSettings:
    """The settings that a ledger reads; nothing is put."""

    def __init__(self, state: CatalogState) -> None:
        self._state = state

    def settings(self) -> Mapping[str, Any]:
        return self._state.settings

    @property
    def server(self) -> str:
        return ""

    def servers(self) -> Sequence[RegisteredServer]:
        return ()

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def put_settings(self, changes: Mapping[str, Any]) -> None:
        raise AssertionError("a check changes no settings")


def _jobs(state: CatalogState, found: FolderCheck) -> None:
    ledger = JobLedger(_ReadSettings(state))
    for kind in _KINDS:
        try:
            ledger.records(kind)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            found.findings.append(Finding(f"records of jobs of the kind {kind}", f"they cannot be read: {error!r}"))


def _what(error: Exception) -> str:
    if isinstance(error, WeftError):
        return str(error.facts.get("what", error.message))
    return str(error)
