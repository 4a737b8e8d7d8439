"""The frozen part on disk, from which it is served.

    frozen.json          one line of JSON, then its xxh3-64 in hex on the second line
    frozen-<n>.faiss     what FAISS writes, when there is a FAISS index
    frozen-<n>.codes     raw little-endian arrays, each at a multiple of 64 bytes

The JSON holds ``version`` 2, ``shape``, ``dims``, ``until`` (every object below this doc_id has a label, or was dead),
``of`` (the store's moment, see ``files.lineage``), ``error``, ``greatest``, ``rotated``, ``files`` (name, bytes,
xxh3-64) and ``arrays`` (name, dtype, shape, offset). The arrays are ``doc_ids`` (u32) and ``prints`` (two u64, see
``labels.py``) of the labels, ``squares``, and the codes where they are not in the FAISS index. A snapshot that does not
match is not loaded, and the index is rebuilt. In version 1, which is still read, ``covered`` and ``to_row`` state rows,
and ``generation`` and ``print`` which ones.

What another process may rely on: a file is written once, under a number that was not used before, and synced before the
JSON names it; the JSON is replaced as a whole, last. Files that the JSON no longer names are removed after that: who
fails to open one reads the JSON again. What has been mapped stays readable. The labels are doc_ids, so a snapshot
remains valid when the vectors are compacted, and may be older than them or newer than the reader's view of them.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from weft.domain.errors import StorageFull
from weft.engine.embedded.index.vector.builder import GraphBuilder, byte_codes
from weft.engine.embedded.index.vector.codes import BitCodes, ByteCodes, Codes
from weft.engine.embedded.index.vector.frozen import Built, Frozen, Shape
from weft.engine.embedded.index.vector.graph import Graph
from weft.engine.embedded.index.vector.labels import IndexLabels, prints_of
from weft.engine.embedded.index.vector.snapshot_files import (
    SyncedFile,
    draft_of,
    hash_of,
    map_arrays,
    sync,
    write_arrays,
)
from weft.engine.embedded.index.vector.training import Check
from weft.engine.embedded.storage.rows import VectorRows
from weft.files.lineage import Origin, stated_moment

_log = logging.getLogger(__name__)
_VERSION = 2
_ROWS_VERSION = 1
_MANIFEST = "frozen.json"
_TRIES = 3


class SnapshotFolder(NamedTuple):
    """Where the snapshots of an index lie, and the store that they are of."""

    path: Path
    origin: Origin


def save(place: SnapshotFolder, built: Built, graph: GraphBuilder | Graph | None, check: Check) -> Built:
    """``built`` with the FAISS index ``graph`` (its file is kept if it has one), mapped.

    Raises StorageFull, and what ``check`` raises between two pieces; the earlier snapshot then remains valid.
    """
    folder = place.path
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + max((_number(p) for p in folder.glob("frozen-*")), default=0)
    stem = folder / f"frozen-{number}"
    codes = built.codes
    try:
        files = []
        if isinstance(graph, GraphBuilder):
            with SyncedFile(stem.with_suffix(".faiss"), check) as out:
                graph.write(out.write)
                files.append(out.finish())
        elif graph is not None:
            earlier = _read_manifest(folder) or {"files": []}
            files.append(next(f for f in earlier["files"] if f["name"] == graph.path.name))
        with SyncedFile(stem.with_suffix(".codes"), check) as out:
            arrays = write_arrays(out, _arrays_of(built))
            files.append(out.finish())
        manifest = {
            "version": _VERSION,
            "shape": built.shape.name,
            "dims": built.dims,
            "until": built.until,
            "of": place.origin.state(),
            "error": codes.error if isinstance(codes, ByteCodes) else 0.0,
            "greatest": codes.greatest if isinstance(codes, ByteCodes) else 0.0,
            "rotated": isinstance(codes, BitCodes) and codes.rotated,
            "files": files,
            "arrays": arrays,
        }
        _write_manifest(folder, manifest)
    except BaseException as error:
        for suffix in (".faiss", ".codes"):
            stem.with_suffix(suffix).unlink(missing_ok=True)
            draft_of(stem.with_suffix(suffix)).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"the vector index in {folder} could not be written: {error}; free some space") from error
        raise
    if os.name == "posix":
        sync(folder)  # outside, because the files are named by now
    _sweep(folder, {f["name"] for f in files})
    paths = _paths(folder, manifest)
    kept = graph if isinstance(graph, Graph) else None
    return _open(paths, manifest, built.shape, built.until, map_arrays(paths[".codes"], arrays), kept)


def clear(folder: Path) -> bool:
    """Removes the snapshot in ``folder``; False if there is none."""
    if not (folder / _MANIFEST).exists():
        return False
    (folder / _MANIFEST).unlink()  # first: files without it are what a crash leaves
    _sweep(folder, set())
    return True


def load(place: SnapshotFolder, shape: Shape, rows: VectorRows) -> Frozen | None:
    """The snapshot of ``place``, mapped, if it is intact and fits ``shape`` and the source."""
    for _ in range(_TRIES):
        try:
            return _loaded(place, shape, rows)
        except FileNotFoundError:
            continue  # another one was published, and this one removed
    return _loaded(place, shape, rows, missing=False)


def _loaded(place: SnapshotFolder, shape: Shape, rows: VectorRows, *, missing: bool = True) -> Frozen | None:
    """``missing``: raises FileNotFoundError when a file is not there."""
    folder = place.path
    try:
        manifest = _read_manifest(folder)
        if manifest is None:
            return None
        fault = _misfit(manifest, shape, rows)
        if not place.origin.includes(stated_moment(manifest.get("of")), 0):
            fault = "it has changes that its store lacks"
        if fault is None:
            frozen = Frozen.over(_checked(folder, manifest, shape, rows), rows)
            if frozen is not None and _is_of(frozen, rows):
                return frozen
            fault = "it covers other vectors"
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if missing and isinstance(error, FileNotFoundError):
            raise
        fault = f"{type(error).__name__}: {error}"
    _log.warning("the vector index snapshot in %s is not used (%s); it will be rebuilt", folder, fault)
    return None


def _misfit(manifest: Mapping[str, Any], shape: Shape, rows: VectorRows) -> str | None:
    version = manifest["version"]
    if version not in (_ROWS_VERSION, _VERSION):
        return f"version {version}"
    if manifest["shape"] != shape.name:
        return f"it was made for {manifest['shape']}, not for {shape.name}"
    if manifest["dims"] != rows.vectors.shape[1]:
        return "it covers other vectors"
    if version == _VERSION:
        # Objects that the store does not have any more, after a loss of power, may have been replaced by others.
        return "it covers later vectors" if manifest["until"] > int(rows.doc_ids[-1]) + 1 else None
    covered = int(manifest["covered"])
    if covered < 1 or covered > len(rows):
        return "it covers other vectors"
    if manifest["generation"] != rows.generation or manifest["print"] != _print(rows, covered):
        return "the vectors have been rewritten"
    return None


def _checked(folder: Path, manifest: Mapping[str, Any], shape: Shape, rows: VectorRows) -> Built:
    paths = _paths(folder, manifest)
    for file in manifest["files"]:
        path = folder / Path(str(file["name"])).name
        if path.stat().st_size != file["bytes"] or hash_of(path) != file["xxh3"]:
            raise ValueError(f"{path.name} fails its checksum")
    arrays = map_arrays(paths[".codes"], manifest["arrays"])
    if manifest["version"] == _VERSION:
        until = int(manifest["until"])
    else:
        covered, to_row = int(manifest["covered"]), arrays["to_row"]
        until = int(rows.doc_ids[covered - 1]) + 1
        arrays["doc_ids"] = rows.doc_ids[to_row if len(to_row) else slice(covered)]
        arrays["prints"] = np.zeros((len(arrays["doc_ids"]), 2), np.uint64)
    return _open(paths, manifest, shape, until, arrays, None)


def _open(
    paths: Mapping[str, Path],
    manifest: Mapping[str, Any],
    shape: Shape,
    until: int,
    arrays: Mapping[str, npt.NDArray[Any]],
    graph: Graph | None,
) -> Built:
    labels = IndexLabels(arrays["doc_ids"], arrays["prints"])
    error, greatest = float(manifest["error"]), float(manifest["greatest"])
    codes: Codes | None = None
    if shape.recipe is not None:
        graph = graph or Graph(paths[".faiss"], shape.recipe)
        if graph.size != len(labels):
            raise ValueError("the FAISS index has another number of rows")
        inside = graph.bytes_codes
        if inside is not None:
            codes = byte_codes(*inside, arrays["squares"], error, greatest)
    elif shape.codes == "bytes":
        codes = ByteCodes(arrays["data"], arrays["scales"], arrays["squares"], error, greatest)
    else:
        codes = BitCodes(arrays["data"], bool(manifest["rotated"]))
    return Built(shape, labels, until, int(manifest["dims"]), graph, codes)


def _is_of(frozen: Frozen, rows: VectorRows) -> bool:
    """Whether the vectors of some labels are the stored ones, as far as these are there and the prints are known."""
    known = frozen.present if frozen.present is not None else np.arange(frozen.size)
    spread = known[np.linspace(0, len(known) - 1, min(len(known), 64)).astype(np.int64)]
    prints = frozen.built.labels.prints[spread]
    stored = prints_of(rows.vectors, frozen.rows(spread))
    return bool(((prints == stored) | (prints == 0)).all())


def _paths(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Path]:
    """The files by their suffix."""
    return {Path(f["name"]).suffix: folder / Path(str(f["name"])).name for f in manifest["files"]}


def _arrays_of(built: Built) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {"doc_ids": built.labels.doc_ids, "prints": built.labels.prints}
    codes = built.codes
    arrays["squares"] = codes.squares if isinstance(codes, ByteCodes) else np.zeros(0, np.float32)
    if built.shape.recipe is None and codes is not None:
        arrays["data"] = codes.data
        if isinstance(codes, ByteCodes):
            arrays["scales"] = codes.scales
    return arrays


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    line = json.dumps(manifest, separators=(",", ":"))
    aside = folder / (_MANIFEST + ".tmp")
    aside.write_text(f"{line}\n{xxhash.xxh3_64_hexdigest(line.encode())}\n", encoding="utf-8")
    sync(aside)
    aside.replace(folder / _MANIFEST)


def _read_manifest(folder: Path) -> Mapping[str, Any] | None:
    path = folder / _MANIFEST
    if not path.exists():
        return None
    line, _, rest = path.read_text(encoding="utf-8").partition("\n")
    if rest.strip() != xxhash.xxh3_64_hexdigest(line.encode()):
        raise ValueError(f"{path.name} fails its checksum")
    manifest: Mapping[str, Any] = json.loads(line)
    return manifest


def _print(rows: VectorRows, covered: int) -> str:
    digest = xxhash.xxh3_64(np.ascontiguousarray(rows.doc_ids[:covered]).data)
    spread = np.linspace(0, covered - 1, min(covered, 64)).astype(np.int64)
    digest.update(np.ascontiguousarray(rows.vectors[spread]).data)
    return str(digest.hexdigest())


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("frozen-")
    return int(digits) if digits.isdigit() else 0


def _sweep(folder: Path, keep: set[str]) -> None:
    """Removes older files; one that is still mapped, which Windows does not delete, is removed the next time."""
    for path in folder.glob("frozen-*"):
        if path.name not in keep:
            try:
                path.unlink()
            except PermissionError:
                _log.debug("%s is still in use", path)
