"""The index's folder: ``index`` (the list of files), one file for the centroids, one for each segment.

``index`` is replaced last, so a crash leaves the previous state. Files that it does not name are removed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from weft.domain.errors import CorruptData
from weft.domain.schema import Muvera
from weft.engine.embedded.index.multivector.array_file import Array, ArrayFile, write
from weft.engine.embedded.index.multivector.codebook import Codebook
from weft.engine.embedded.index.multivector.muvera import MuveraPlan, MuveraStage
from weft.engine.embedded.index.multivector.segments import TokenSegment
from weft.engine.embedded.index.multivector.writer import MuveraWriter, ResidualWriter
from weft.engine.embedded.storage.rows import TokenRows
from weft.files.lineage import Origin, stated_moment

_log = logging.getLogger(__name__)

MAIN = "index.weft"
_BOOK = ("centroids", "spread", "weights", "sizes", "groups", "group_starts")
_SEGMENT = ("starts", "centroids", "sizes", "row_starts", "row_centroids", "list_starts", "list_rows")


def fingerprint(rows: TokenRows, count: int) -> str:
    """Of the first ``count`` rows' doc_ids and lengths."""
    digest = xxhash.xxh3_64(np.ascontiguousarray(rows.doc_ids[:count]).view(np.uint8).data)
    digest.update(np.ascontiguousarray(rows.offsets[: count + 1]).view(np.uint8).data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Saved:
    """The object stored in the file ``name``; referenced, so that its ``id`` is not reused."""

    name: str
    thing: Codebook | TokenSegment


class IndexFolder:
    """Saves and loads the writers; keeps track of which segment is in which file."""

    def __init__(self, folder: Path, origin: Origin) -> None:
        self._folder = folder
        self._origin = origin
        self._saved: dict[int, _Saved] = {}
        """By ``id`` of what was saved."""
        self._next = 0

    # -- saving

    def save(self, writer: ResidualWriter | MuveraWriter, rows: TokenRows, settings: dict[str, Any]) -> None:
        """Everything that ``writer`` holds, durable at return; its arrays are mapped from the files afterwards."""
        self._folder.mkdir(parents=True, exist_ok=True)
        end = writer.stage.end_row
        meta = {"settings": settings, "generation": rows.generation, "rows": end, "fingerprint": fingerprint(rows, end)}
        meta["of"] = self._origin.state()
        if isinstance(writer, MuveraWriter):
            _write_muvera(self._folder / MAIN, meta, writer.stage)
            return
        writer.seal()
        book = self._name("book", writer.book, partial(_write_book, book=writer.book))
        names = [self._name("segment", s, partial(_write_segment, segment=s)) for s in writer.segments]
        meta |= {"added_tokens": writer.added_tokens, "added_energy": writer.added_energy}
        write(self._folder / MAIN, meta | {"book": book, "segments": names}, {})
        mapped = [_read_segment(ArrayFile(self._folder / name), check=False) for name in names]
        self._saved = {id(writer.book): _Saved(book, writer.book)}
        self._saved |= {id(s): _Saved(name, s) for name, s in zip(names, mapped, strict=True)}
        writer.replace_segments(mapped)
        self._clean({MAIN, book, *names})

    def _name(self, kind: str, thing: Codebook | TokenSegment, save: Callable[[Path], None]) -> str:
        """The name of the file that holds ``thing``, which is saved if none does."""
        known = self._saved.get(id(thing))
        if known is not None:
            return known.name
        while True:
            name = f"{kind}-{self._next}.weft"
            self._next += 1
            if not (self._folder / name).exists():
                break
        save(self._folder / name)
        return name

    def clear(self) -> None:
        """Removes what was saved."""
        self._clean(set())

    def _clean(self, kept: set[str]) -> None:
        for path in self._folder.glob("*.weft*"):
            if path.name not in kept:
                # Windows keeps files that are mapped; the next cleaning removes them.
                with suppress(PermissionError):
                    path.unlink()

    # -- loading

    def load(self, rows: TokenRows, settings: dict[str, Any], cosine: bool) -> ResidualWriter | MuveraWriter | None:
        """What was saved, as far as it is intact and belongs to ``rows`` and ``settings``.

        A writer without segments if only the centroids can be used; None if nothing can, as for rows of other
        dimensions.
        """
        if not (self._folder / MAIN).exists():
            return None
        try:
            main = ArrayFile(self._folder / MAIN)
            if main.meta["settings"] != settings:
                return None
            fits = self._fits(main, rows)
            if settings["muvera"] is not None:
                return self._load_muvera(main, rows, cosine) if fits else None
            book = _read_book(ArrayFile(self._folder / main.meta["book"]))
            if not len(rows) or book.dims != rows.tokens.shape[1]:
                return None
            self._saved[id(book)] = _Saved(main.meta["book"], book)
        except (CorruptData, OSError, KeyError) as damage:
            _log.warning("the multi-vector index in %s is rebuilt: %s", self._folder, damage)
            return None
        writer = ResidualWriter(book, cosine)
        if not fits:
            _log.info("the multi-vector index in %s belongs to other rows; these are encoded again", self._folder)
            return writer
        try:
            return self._load_segments(main, book, cosine)
        except (CorruptData, OSError, KeyError) as damage:
            _log.warning("the rows of the multi-vector index in %s are encoded again: %s", self._folder, damage)
            return writer

    def _fits(self, main: ArrayFile, rows: TokenRows) -> bool:
        end = main.meta["rows"]
        if not self._origin.includes(stated_moment(main.meta.get("of")), 0):
            return False
        if main.meta["generation"] != rows.generation or end > len(rows.doc_ids):
            return False
        return bool(main.meta["fingerprint"] == fingerprint(rows, end))

    def _load_segments(self, main: ArrayFile, book: Codebook, cosine: bool) -> ResidualWriter:
        segments: list[TokenSegment] = []
        for name in main.meta["segments"]:
            file = ArrayFile(self._folder / name)
            segment = _read_segment(file, check=True)
            segments.append(segment)
            self._saved[id(segment)] = _Saved(name, segment)
        meta = main.meta
        return ResidualWriter(book, cosine, segments, meta["added_tokens"], meta["added_energy"])

    def _load_muvera(self, main: ArrayFile, rows: TokenRows, cosine: bool) -> MuveraWriter:
        planes, projections = main.array("planes"), main.array("projections")
        settings = Muvera(**main.meta["settings"]["muvera"])
        plan = MuveraPlan(settings, planes.shape[2], main.meta["seed"], planes, projections)
        stage = MuveraStage(plan, main.meta["rows"], main.array("codes"), main.array("scales"))
        return MuveraWriter(stage.of_rows(np.arange(stage.end_row)), cosine)


def _write_muvera(path: Path, meta: dict[str, Any], stage: MuveraStage) -> None:
    arrays: dict[str, Array] = {"codes": stage.codes[: stage.end_row], "scales": stage.scales[: stage.end_row]}
    arrays |= {"planes": stage.plan.planes, "projections": stage.plan.projections}
    write(path, meta | {"seed": stage.plan.seed}, arrays)


def _write_book(path: Path, book: Codebook) -> None:
    meta = {"dims": book.dims, "bits": book.bits, "energy": book.energy, "tokens": book.tokens}
    write(path, meta, {name: getattr(book, name) for name in _BOOK})


def _read_book(file: ArrayFile) -> Codebook:
    arrays: dict[str, Any] = {name: np.array(file.array(name)) for name in _BOOK}
    return Codebook(**arrays, **file.meta)


def _write_segment(path: Path, segment: TokenSegment) -> None:
    arrays = {name: getattr(segment, name) for name in (*_SEGMENT, "codes")}
    write(path, {"first_row": segment.first_row}, arrays)


def _read_segment(file: ArrayFile, *, check: bool) -> TokenSegment:
    arrays = {name: file.array(name, check=check) for name in (*_SEGMENT, "codes")}
    return TokenSegment(first_row=file.meta["first_row"], **arrays)
