"""The description of a backup: a small blob with its state, and a large one with its contents.

    weft-backup.json   the state, replaced at the end; JSON, sealed with the XXH3-64 of the rest
    contents           one zstd frame of JSON, written once; its SHA-256 is in the state
    packs/…            see `pack`

``contents`` names each collection (its schema document, its aliases, its shards with their status and, in ``objects``,
how many each has; backups of the first versions lack that), and for each shard
the chunk that holds its manifest: a zstd frame of one line of JSON, ``{"files": [{path, size, chunk, chunks}]}``,
followed by the `pack.Refs` of all files, one after the other.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import orjson
import xxhash

from weft import __version__
from weft.domain.errors import CorruptData, Unsupported
from weft.domain.jobs import JobStatus
from weft.domain.json_cost import decoded_bytes
from weft.domain.json_values import JsonObject
from weft.jobs.backends.backend import BlobFolder
from weft.jobs.backup.pack import REF, Refs, unpacked_at_most
from weft.jobs.backup.zstd import ZstdError, compress, decompressed

FORMAT = 1
STATE, CONTENTS = "weft-backup.json", "contents"
_MOST_STATE_BYTES = 64 << 20
_MOST_CONTENTS_BYTES = 256 << 20
_MOST_DECODED_BYTES = 2 << 30
_PATH = re.compile(r"(?!.*(?:^|/)\.)(?:store|index)/[A-Za-z0-9._/-]+")


@dataclass(frozen=True, slots=True)
class BackupState:
    """Times are ISO 8601 in UTC; ``completed_at`` is empty until the end, and ``status`` is WAITING until then: only
    the backup's server, ``server``, knows its progress. ``size_bytes``: of the files, uncompressed; ``stored_bytes``:
    what this backup takes. ``backups``: those that it builds on, the base first."""

    id: str
    server: str
    status: JobStatus
    started_at: str
    classes: tuple[str, ...]
    error: str = ""
    completed_at: str = ""
    base: str = ""
    backups: tuple[str, ...] = ()
    size_bytes: int = 0
    stored_bytes: int = 0
    contents: str = ""
    weft: str = __version__
    format: int = FORMAT


def write_state(folder: BlobFolder, state: BackupState) -> None:
    body = orjson.dumps(asdict(state) | {"status": state.status.outcome})
    folder.put(STATE, orjson.dumps({"check": xxhash.xxh3_64_hexdigest(body), "state": orjson.Fragment(body)}))


def read_state(folder: BlobFolder) -> BackupState | None:
    """None when there is no backup. Raises CorruptData, and Unsupported for one from a newer version of Weft."""
    raw = folder.get_range(STATE, 0, _MOST_STATE_BYTES + 1)
    if raw is None:
        return None
    if len(raw) > _MOST_STATE_BYTES:
        raise _damaged(folder, STATE)
    try:
        whole = orjson.loads(raw)
        given = whole["state"]
        if given["format"] != FORMAT:
            raise Unsupported(
                f"{folder.home} was written in format {given['format']!r} by Weft {given['weft']}, but this version "
                f"reads format {FORMAT}; restore it with the version that wrote it"
            )
        if whole["check"] != xxhash.xxh3_64_hexdigest(orjson.dumps(given)):
            raise _damaged(folder, STATE)
        known = {one.name for one in fields(BackupState)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if k in known}
        return BackupState(**values | {"status": JobStatus.of_outcome(given["status"])})
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise _damaged(folder, STATE) from None


@dataclass(slots=True)
class StoredShard:
    """``size_bytes``: of its files; ``manifest``: the chunk of its manifest, None for a shard without files.
    ``objects``: counted just after its files were copied; None: unknown."""

    name: str
    status: str
    size_bytes: int
    manifest: Refs | None
    objects: int | None = None


@dataclass(slots=True)
class StoredCollection:
    name: str
    document: JsonObject
    aliases: list[str]
    shards: list[StoredShard]


@dataclass(slots=True)
class BackupContents:
    """``parts``: blobs from other rooms, by name: roles, users."""

    collections: list[StoredCollection] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)


def write_contents(folder: BlobFolder, contents: BackupContents) -> str:
    """Returns the SHA-256 for the state."""
    document = {
        "parts": contents.parts,
        "collections": [
            {
                "name": one.name,
                "document": one.document,
                "aliases": one.aliases,
                "shards": [
                    [s.name, s.status, s.size_bytes, "" if s.manifest is None else s.manifest.tobytes().hex()]
                    for s in one.shards
                ],
                "objects": [s.objects for s in one.shards],
            }
            for one in contents.collections
        ],
    }
    data = compress(orjson.dumps(document), 3)
    folder.put(CONTENTS, data)
    return hashlib.sha256(data).hexdigest()


def read_contents(folder: BlobFolder, state: BackupState) -> BackupContents:
    """Raises CorruptData."""
    data = folder.get_range(CONTENTS, 0, _MOST_CONTENTS_BYTES + 1)
    if data is None or len(data) > _MOST_CONTENTS_BYTES or hashlib.sha256(data).hexdigest() != state.contents:
        raise _damaged(folder, CONTENTS)
    try:
        return _contents(orjson.loads(_unpacked(data)))
    except (ZstdError, ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(folder, CONTENTS) from None


def _unpacked(frame: bytes) -> bytes:
    """Raises ZstdError for what unpacks to more than a description has, in bytes or in values of JSON."""
    found = decompressed(frame, unpacked_at_most(len(frame)))
    if decoded_bytes(found.partition(b"\n")[0]) > _MOST_DECODED_BYTES:
        raise ZstdError("its JSON has too many values")
    return found


def _contents(document: Any) -> BackupContents:
    return BackupContents(
        [
            StoredCollection(
                one["name"],
                one["document"],
                one["aliases"],
                [_shard(*shard) for shard in zip(one["shards"], _counts(one), strict=True)],
            )
            for one in document["collections"]
        ],
        document["parts"],
    )


def _shard(stored: tuple[str, str, int, str], objects: int | None) -> StoredShard:
    name, status, size_bytes, manifest = stored
    refs = np.frombuffer(bytes.fromhex(manifest), REF) if manifest else None
    return StoredShard(name, status, size_bytes, refs, objects)


def _counts(collection: Any) -> list[int | None]:
    """Of the objects of each shard. Raises ValueError."""
    found: list[int | None] = collection.get("objects", [None] * len(collection["shards"]))
    if not all(one is None or (type(one) is int and one >= 0) for one in found):
        raise ValueError("a number of objects is none")
    return found


@dataclass(frozen=True, slots=True)
class StoredFile:
    path: str
    size: int
    chunk_bytes: int
    refs: Refs


def is_shard_file(path: str) -> bool:
    """Whether ``path`` may be a file of a shard, so that nothing is ever written outside its folder."""
    return _PATH.fullmatch(path) is not None


def pack_manifest(files: list[StoredFile]) -> bytes:
    head = [{"path": f.path, "size": f.size, "chunk": f.chunk_bytes, "chunks": len(f.refs)} for f in files]
    body = orjson.dumps({"files": head}) + b"\n" + b"".join(f.refs.tobytes() for f in files)
    return compress(body, 3)


def unpack_manifest(data: bytes) -> list[StoredFile]:
    """Raises CorruptData for a path outside a shard's folder, and for what is no manifest."""
    files: list[StoredFile] = []
    at = 0
    try:
        head, _, body = _unpacked(data).partition(b"\n")
        refs = np.frombuffer(body, REF)
        for one in orjson.loads(head)["files"]:
            if not is_shard_file(one["path"]):
                raise CorruptData(f"the backup holds a file {one['path'][:200]!r}, which no shard has")
            files.append(StoredFile(one["path"], one["size"], one["chunk"], refs[at : at + one["chunks"]]))
            at += one["chunks"]
    except (ZstdError, ValueError, KeyError, TypeError):
        raise CorruptData("the backup holds a list of files that cannot be read; use another backup") from None
    return files


def _damaged(folder: BlobFolder, key: str) -> CorruptData:
    path = f"{folder.home}/{key}"
    return CorruptData(f"{path} is missing or damaged; use another backup", path=path)
