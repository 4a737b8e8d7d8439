"""The index's folder: segment files, and a manifest that says which of them count.

    manifest.json   ``{"version", "segments": [file names, ascending by doc_id], "fields": {name: fingerprint},
                    "unindexed": [text properties that had no index], "of": moment of the store, "check": xxh3-64
                    of the rest}``

The manifest is replaced atomically, so files that it does not name are left over from an unfinished or an earlier
change, and are removed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import xxhash

from weft.domain.errors import CorruptData
from weft.engine.embedded.index.inverted import segment_file
from weft.engine.embedded.index.inverted.fields import TextField
from weft.engine.embedded.index.inverted.segment import Segment
from weft.files import disk
from weft.files.lineage import UNKNOWN, Origin, stated_moment

log = logging.getLogger(__name__)

VERSION = 1
_MANIFEST = "manifest.json"
_OURS = (".segment", ".part")


class SegmentFolder:
    """``followed``: another process writes the folder, and nothing is changed here. ``origin``: the store."""

    def __init__(self, path: Path, *, followed: bool = False, origin: Origin = UNKNOWN) -> None:
        self._path = path
        self._origin = origin
        self._followed = followed
        if not followed:
            with disk.explained(path):
                path.mkdir(parents=True, exist_ok=True)
        self._next = 0

    def load(self, fields: Mapping[str, TextField], unindexed: frozenset[str]) -> tuple[Segment, ...]:
        """The segments up to the first that is missing or damaged; none when they were made for other properties."""
        segments: list[Segment] = []
        manifest = _manifest(self._path)
        if manifest is not None and _fits(manifest, fields):
            for name in manifest["segments"]:
                try:
                    segments.append(segment_file.read(self._path / name))
                except CorruptData as error:
                    log.warning("%s", error)
                    break
                if len(segments) > 1 and segments[-2].after != segments[-1].first:
                    segments.pop()
                    break
            if segments and not self._origin.includes(stated_moment(manifest.get("of")), segments[-1].after):
                log.warning("the index in %s has changes that its store lacks; it is rebuilt from storage", self._path)
                segments = []
        self._next = 1 + max((_number(path.name) for path in self._path.glob("*.segment")), default=0)
        kept = {segment.file for segment in segments}
        if manifest is None or kept != set(manifest["segments"]):
            self.publish(segments, fields, unindexed)
        self.sweep(kept)
        return tuple(segments)

    def write(self, segment: Segment) -> None:
        """Writes the segment to a file, which is valid only once ``publish`` names it."""
        name = f"{self._next:08d}.segment"
        self._next += 1
        segment_file.write(self._path / name, segment)
        segment.file = name

    def publish(self, segments: Sequence[Segment], fields: Mapping[str, TextField], unindexed: frozenset[str]) -> None:
        if self._followed:
            return
        content = {
            "version": VERSION,
            "segments": [segment.file for segment in segments],
            "fields": {name: field.fingerprint for name, field in fields.items()},
            "unindexed": sorted(unindexed),
            "of": self._origin.state(),
        }
        body = orjson.dumps(content)
        whole = orjson.dumps({**content, "check": xxhash.xxh3_64_hexdigest(body)})
        segment_file.write_whole(self._path / _MANIFEST, [whole])

    def sweep(self, kept: Iterable[str | None]) -> None:
        """Removes the index's files except the manifest and ``kept``; one that is held open stays until later."""
        if self._followed:
            return
        names = {_MANIFEST, *kept}
        for path in self._path.iterdir():
            if path.name in names or path.suffix not in _OURS:
                continue
            try:
                path.unlink()
            except PermissionError:
                log.info("%s is still in use and will be removed later", path.name)


def covers(path: Path, fields: Mapping[str, TextField], *, exactly: bool = False) -> bool:
    """Whether the index in ``path`` can be opened for ``fields`` without losing its segments; ``exactly``: it also has
    no others."""
    manifest = _manifest(path)
    if manifest is None or not _fits(manifest, fields):
        return False
    return not exactly or fields.keys() >= manifest["fields"].keys()


def remove(path: Path) -> None:
    """Removes the index in ``path``; what a crash leaves of it covers nothing."""
    disk.remove_if_free(path / _MANIFEST)
    disk.remove_folder(path)


def _manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / _MANIFEST
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
        check = content.pop("check")
        if content["version"] == VERSION and xxhash.xxh3_64_hexdigest(orjson.dumps(content)) == check:
            return content
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s cannot be used (%s); the index is rebuilt from storage", path, error)
        return None
    log.warning("%s cannot be used; the index is rebuilt from storage", path)
    return None


def _fits(manifest: Mapping[str, Any], fields: Mapping[str, TextField]) -> bool:
    """Whether the segments hold all postings that the fields need, made with the fields' settings."""
    made: Mapping[str, str] = manifest["fields"]
    unindexed = set(manifest["unindexed"])
    return all(
        made[name] == field.fingerprint if name in made else name not in unindexed for name, field in fields.items()
    )


def _number(name: str) -> int:
    stem = name.partition(".")[0]
    return int(stem) if stem.isdecimal() else 0
