"""The on-disk format: its version, and the seal that every stored value carries.

A folder that Weft wrote holds ``weft-format.json`` (``{"kind": "shard" | "catalog", "format": 1}``); a folder of a
newer or unknown format is refused. A sealed value is

    offset  size  content
    0       8     XXH3-64 of the rest, little-endian; the seed is XXH3-64 of table name and key
    8       n     payload

so that a value that has changed, or is stored under a wrong key, is detected when it is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import xxhash

from weft.domain.errors import CorruptData, Misconfigured
from weft.files import disk

FORMAT = 1
MARKER = "weft-format.json"
SEAL_BYTES = 8


def mark(folder: Path, kind: str, *, sync: bool) -> None:
    """Records in ``folder`` that it holds a ``kind`` of the current format."""
    disk.write_whole(folder / MARKER, orjson.dumps({"kind": kind, "format": FORMAT}), sync=sync)


def is_marked(folder: Path, kind: str) -> bool:
    """Whether ``folder`` holds a ``kind``. Raises Misconfigured for another kind or format, CorruptData for no JSON."""
    path = folder / MARKER
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return False
    try:
        found = orjson.loads(raw)
        stated, version = str(found["kind"]), found["format"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise damaged(path, "it does not state a format") from None
    if stated != kind:
        raise Misconfigured(f"{folder} holds a {stated[:40]}, not a {kind}; choose another data folder")
    if version != FORMAT:
        raise Misconfigured(
            f"{folder} was written in format {version!r}, but this version of Weft reads format {FORMAT}; "
            "open it with the version of Weft that wrote it",
            found_format=version,
            known_format=FORMAT,
        )
    return True


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
