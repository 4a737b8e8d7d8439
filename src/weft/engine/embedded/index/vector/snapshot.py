"""The frozen part on disk.

    frozen.json          one line of JSON, then its xxh3-64 in hex on the second line
    frozen-<n>.faiss     what FAISS writes, when there is a FAISS index
    frozen-<n>.codes     raw little-endian arrays, each at a multiple of 64 bytes

The JSON holds ``version`` 1, ``shape``, ``dims``, ``covered``, ``generation``, ``print`` (xxh3-64 of the first
``covered`` doc_ids and of 64 vectors spread over them), ``error``, ``greatest``, ``rotated``, ``files`` (name, bytes,
xxh3-64) and ``arrays`` (name, dtype, shape, offset). Files are written to temporary names, synced and renamed, the
JSON last. A snapshot that does not match is not loaded, and the index is rebuilt.
"""

from __future__ import annotations

import errno
import json
import logging
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from weft.domain.errors import StorageFull
from weft.engine.embedded.index.vector.codes import BitCodes, ByteCodes
from weft.engine.embedded.index.vector.frozen import Frozen, Shape, byte_codes_of
from weft.engine.embedded.index.vector.graph import Graph
from weft.engine.embedded.storage.rows import VectorRows

_log = logging.getLogger(__name__)
_VERSION = 1
_MANIFEST = "frozen.json"
_ALIGN = 64


def save(folder: Path, frozen: Frozen, rows: VectorRows) -> None:
    """Raises StorageFull; the earlier snapshot then remains valid."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + max((_number(p) for p in folder.glob("frozen-*")), default=0)
    stem = folder / f"frozen-{number}"
    codes = frozen.codes
    try:
        files = []
        if frozen.graph is not None:
            graph_path = stem.with_suffix(".faiss")
            frozen.graph.write(graph_path)
            _sync(graph_path)
            files.append(_describe(graph_path))
        codes_path = stem.with_suffix(".codes")
        arrays = _write_arrays(codes_path, _arrays_of(frozen))
        files.append(_describe(codes_path))
        manifest = {
            "version": _VERSION,
            "shape": frozen.shape.name,
            "dims": rows.vectors.shape[1],
            "covered": frozen.covered,
            "generation": rows.generation,
            "print": _print(rows, frozen.covered),
            "error": codes.error if isinstance(codes, ByteCodes) else 0.0,
            "greatest": codes.greatest if isinstance(codes, ByteCodes) else 0.0,
            "rotated": isinstance(codes, BitCodes) and codes.rotated,
            "files": files,
            "arrays": arrays,
        }
        _write_manifest(folder, manifest)
    except (OSError, RuntimeError) as error:
        for suffix in (".faiss", ".codes"):
            stem.with_suffix(suffix).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFull(f"the vector index in {folder} could not be written: {error}; free some space") from error
    _sweep(folder, {f["name"] for f in files})


def load(folder: Path, shape: Shape, rows: VectorRows) -> Frozen | None:
    """The snapshot of ``folder``, mapped, if it is intact and fits ``shape`` and the source."""
    try:
        manifest = _read_manifest(folder)
        if manifest is None:
            return None
        fault = _misfit(manifest, shape, rows)
        if fault is None:
            return _open(folder, manifest, shape)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        fault = f"{type(error).__name__}: {error}"
    _log.warning("the vector index snapshot in %s is not used (%s); it will be rebuilt", folder, fault)
    return None


def _misfit(manifest: Mapping[str, Any], shape: Shape, rows: VectorRows) -> str | None:
    if manifest["version"] != _VERSION:
        return f"version {manifest['version']}"
    if manifest["shape"] != shape.name:
        return f"it was made for {manifest['shape']}, not for {shape.name}"
    covered = int(manifest["covered"])
    if covered < 1 or covered > len(rows) or manifest["dims"] != rows.vectors.shape[1]:
        return "it covers other vectors"
    if manifest["generation"] != rows.generation or manifest["print"] != _print(rows, covered):
        return "the vectors have been rewritten"
    return None


def _open(folder: Path, manifest: Mapping[str, Any], shape: Shape) -> Frozen:
    for file in manifest["files"]:
        path = folder / Path(str(file["name"])).name
        if path.stat().st_size != file["bytes"] or _hash(path) != file["xxh3"]:
            raise ValueError(f"{path.name} fails its checksum")
    paths = {Path(f["name"]).suffix: folder / Path(str(f["name"])).name for f in manifest["files"]}
    arrays = _map_arrays(paths[".codes"], manifest["arrays"])
    covered, to_row = int(manifest["covered"]), arrays["to_row"]
    error, greatest = float(manifest["error"]), float(manifest["greatest"])
    if shape.recipe is not None:
        graph = Graph.open(paths[".faiss"], shape.recipe)
        if graph.size != (len(to_row) or covered):
            raise ValueError("the FAISS index has another number of rows")
        return Frozen(shape, covered, to_row, graph, byte_codes_of(graph, arrays["squares"], error, greatest))
    if shape.codes == "bytes":
        codes = ByteCodes(arrays["data"], arrays["scales"], arrays["squares"], error, greatest)
        return Frozen(shape, covered, to_row, None, codes)
    return Frozen(shape, covered, to_row, None, BitCodes(arrays["data"], bool(manifest["rotated"])))


def _arrays_of(frozen: Frozen) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {"to_row": frozen.to_row}
    codes = frozen.codes
    arrays["squares"] = codes.squares if isinstance(codes, ByteCodes) else np.zeros(0, np.float32)
    if frozen.graph is None and codes is not None:
        arrays["data"] = codes.data
        if isinstance(codes, ByteCodes):
            arrays["scales"] = codes.scales
    return arrays


def _write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> list[dict[str, Any]]:
    described = []
    with path.open("wb") as out:
        out.write(b"weft vector codes\n".ljust(_ALIGN))
        for name, array in arrays.items():
            out.write(bytes(-out.tell() % _ALIGN))
            shape = list(array.shape)
            described.append({"name": name, "dtype": array.dtype.str, "shape": shape, "offset": out.tell()})
            out.write(np.ascontiguousarray(array).data)
        out.flush()
        os.fsync(out.fileno())
    return described


def _map_arrays(path: Path, described: list[dict[str, Any]]) -> dict[str, npt.NDArray[Any]]:
    with path.open("rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    arrays = {}
    for a in described:
        shape = tuple(int(n) for n in a["shape"])
        count = int(np.prod(shape))
        flat = np.frombuffer(whole, np.dtype(a["dtype"]), count, a["offset"]) if count else np.zeros(0, a["dtype"])
        arrays[a["name"]] = flat.reshape(shape)
    return arrays


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    line = json.dumps(manifest, separators=(",", ":"))
    aside = folder / (_MANIFEST + ".tmp")
    aside.write_text(f"{line}\n{xxhash.xxh3_64_hexdigest(line.encode())}\n", encoding="utf-8")
    _sync(aside)
    aside.replace(folder / _MANIFEST)
    if os.name == "posix":
        _sync(folder)


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


def _describe(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "xxh3": _hash(path)}


def _hash(path: Path) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return str(xxhash.xxh3_64_hexdigest(whole))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
