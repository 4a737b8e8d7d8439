"""The on-disk format: its version, and the seal that every stored value carries.

A folder that Weft wrote holds ``weft-format.json`` (``{"kind": "shard" | "catalog", "format": 2}``); a folder of a
newer or unknown format is refused. The formats:

    1   the first
    2   each commit states its ``lineage``; a catalog states its version, and has a copy

A sealed value is

    offset  size  content
    0       8     XXH3-64 of the rest, little-endian; the seed is XXH3-64 of table name and key
    8       n     payload

so that a value that has changed, or is stored under a wrong key, is detected when it is read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import orjson
import xxhash

from weft.domain.errors import CorruptData, Misconfigured, StorageFull
from weft.files import disk

_log = logging.getLogger(__name__)

FORMAT = 2
UNNUMBERED = 1
"""The last format whose commits need not state their lineage."""
MARKER = "weft-format.json"
SEAL_BYTES = 8


class Writable(Protocol):
    """The ``Environment`` of a folder."""

    def write(self, body: Callable[[Any], None]) -> None: ...


def mark(folder: Path, kind: str, *, sync: bool, version: int = FORMAT) -> None:
    """Records in ``folder`` that it holds a ``kind`` of that format."""
    disk.write_whole(folder / MARKER, orjson.dumps({"kind": kind, "format": version}), sync=sync)


def bring_up(folder: Path, kind: str, found: int, tables: Writable, *, sync: bool) -> int:
    """Brings ``tables`` of the format ``found`` (0: new) to the present one, and marks it; returns its format.

    On a full disk it keeps its format, which is served as well. Raises OperatorError.
    """
    if found == FORMAT:
        return FORMAT
    try:
        if found:
            tables.write(lambda _: None)  # a commit, which states its lineage
        mark(folder, kind, sync=sync)
    except StorageFull:
        if not found:
            raise
        _log.info("%s keeps format %d until there is space", folder, found)
        return found
    return FORMAT


def marked(folder: Path, kind: str) -> int:
    """The format of the ``kind`` that ``folder`` holds; 0 if it holds none. Raises Misconfigured for another kind or a
    newer format, CorruptData for no JSON."""
    path = folder / MARKER
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return 0
    try:
        found = orjson.loads(raw)
        stated, version = str(found["kind"]), found["format"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise damaged(path, "it does not state a format") from None
    if stated != kind:
        raise Misconfigured(f"{folder} holds a {stated[:40]}, not a {kind}; choose another data folder")
    if type(version) is not int or not 1 <= version <= FORMAT:
        raise Misconfigured(
            f"{folder} was written in format {version!r}, but this version of Weft reads formats up to {FORMAT}; "
            "open it with the version of Weft that wrote it, or a newer one",
            found_format=version,
            known_format=FORMAT,
        )
    return version


def seal(table: bytes, key: bytes, payload: bytes) -> bytes:
    """``payload`` with its checksum in front."""
    return xxhash.xxh3_64_digest(payload, xxhash.xxh3_64_intdigest(table + key))[::-1] + payload


def unseal(table: bytes, key: bytes, value: bytes, path: Path) -> bytes:
    """The payload of a sealed value. Raises CorruptData when it is not what was sealed."""
    payload = value[SEAL_BYTES:]
    if xxhash.xxh3_64_digest(payload, xxhash.xxh3_64_intdigest(table + key))[::-1] != value[:SEAL_BYTES]:
        raise damaged(path, f"an entry of its table {table.decode()} fails its checksum")
    return payload


def seal_json(table: bytes, key: bytes, value: Any) -> bytes:
    return seal(table, key, orjson.dumps(value))


def unseal_json(table: bytes, key: bytes, value: bytes, path: Path) -> Any:
    return orjson.loads(unseal(table, key, value, path))


def damaged(path: Path, what: str) -> CorruptData:
    """The error for damage in ``path``."""
    return CorruptData(f"{path} is damaged: {what}; restore it from a backup", path=str(path), what=what)
