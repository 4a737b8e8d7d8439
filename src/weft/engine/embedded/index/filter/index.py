"""FilterIndex: which doc_ids satisfy a condition, in which order they sort, and what values they have.

Columns are filled by one writer; readers take a ``FilterView`` once and never lock. The file on disk is a snapshot of
the last ``checkpoint``; ``covered`` says from where the collection must replay storage.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from pyroaring import BitMap

from weft.domain.deadline import checked
from weft.domain.errors import CorruptData
from weft.domain.filters import ID, Filter
from weft.domain.objects import Object, Reference
from weft.domain.query import Sort
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.filter import fields, plan, snapshot, sorting
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.cache import FilterCache
from weft.engine.embedded.index.filter.column import Column
from weft.engine.embedded.index.filter.fields import Field
from weft.engine.embedded.index.filter.gathered import Gathered, gather
from weft.engine.embedded.index.filter.kinds import TOKEN, UUID
from weft.engine.embedded.index.filter.nested import columns as nested_columns
from weft.engine.embedded.index.filter.nested.path import is_object
from weft.engine.embedded.index.filter.nested.token_numbers import ITEM, TokenNumbers
from weft.engine.embedded.index.filter.planner import Planner
from weft.engine.embedded.index.filter.view import FilterView, ReadTexts, ReferenceResolver, TextIndex
from weft.engine.embedded.index.held import Held
from weft.engine.embedded.index.ties import Ties
from weft.files import disk
from weft.files.lineage import UNKNOWN, Origin

log = logging.getLogger(__name__)

ReadValues = Callable[[Ids, str], Sequence[Any]]
"""``(doc_ids, property)`` → one value each, None where absent; how values without a column are read from storage."""

_FILE = "columns.weft"
_WORD_BYTES = 200
"""Of a token of nested texts, in a list and a dictionary."""
_AT_ONCE = 4096
"""How many references are looked up between two looks at the deadline."""
_DEAD_SHARE = 0.25
"""A checkpoint removes the dead rows of a column when they are more than this share."""


class FilterIndex:
    """The filter index of one shard, in ``folder``; an unusable snapshot is dropped (``covered`` is then 0).

    ``followed``: another process writes the folder; this index takes changes in, but is never written. ``origin``: the
    store.
    """

    def __init__(
        self,
        folder: Path,
        config: CollectionConfig,
        inverted: TextIndex,
        *,
        followed: bool = False,
        origin: Origin = UNKNOWN,
    ) -> None:
        self._path = folder / _FILE
        self._origin = origin
        self._followed = followed
        self._inverted = inverted
        self._cache = FilterCache()
        if not followed:
            with disk.explained(folder):
                folder.mkdir(parents=True, exist_ok=True)
        covered, self._columns, self._words = self._load(config)
        self._fields: list[Field] = []
        self._roots: list[Property] = []
        self._view = FilterView(0, covered, config, {})
        self._written = -1
        self.configure(config)
        self._written = self._view.version if covered else -1

    @property
    def covered(self) -> int:
        """Every doc_id below it has been added."""
        return self._view.covered

    @property
    def version(self) -> int:
        """Changes with every ``add`` and ``configure``."""
        return self._view.version

    def configure(self, config: CollectionConfig) -> None:
        """Applies added and dropped properties and changed index settings.

        A new property has no values for older objects. One that is dropped, or changes its type, loses its values.
        """
        wanted = fields.fields_of(config)
        columns = {}
        for field in wanted:
            known = self._columns.get(field.name)
            if known is None or known.kind is not field.kind or known.multi != field.multi:
                known = Column(field.kind, field.multi)
            columns[field.name] = known
        for name, kind in nested_columns.columns_of(config).items():
            columns[name] = self._columns.get(name) or Column(kind, True)
            if kind is TOKEN:
                self._words.setdefault(name, TokenNumbers())
        self._words = {name: words for name, words in self._words.items() if name in columns}
        self._columns, self._fields = columns, wanted
        self._roots = [prop for prop in config.properties if is_object(prop)]
        self._publish(self._view.covered, config)

    def beside(self, inverted: TextIndex, config: CollectionConfig) -> FilterIndex:
        """The same columns with another index of texts, under a changed configuration.

        It takes the place of this one, which answers its readers as before and is not written any more.
        """
        made = copy(self)
        made._inverted, made._cache = inverted, FilterCache()
        made.configure(config)
        return made

    def add(self, doc_ids: Sequence[int] | Ids, objects: Sequence[Object]) -> None:
        """Adds objects under ``doc_ids`` (ascending, beyond all added before); visible at return. All or nothing."""
        ids = np.asarray(doc_ids, np.uint32)
        assert len(ids) == len(objects), "one doc_id for each object"
        if len(ids) == 0:
            return
        assert int(ids[0]) >= self._view.covered and np.all(ids[1:] > ids[:-1]), "doc_ids grow"
        rows = [(f.name, *f.rows(ids, objects)) for f in self._fields]
        rows += nested_columns.rows_of(self._roots, ids, objects, self._words)
        for name, docs, values in rows:
            self._columns[name].append(docs, values)
        self._publish(int(ids[-1]) + 1, self._view.config)

    def evaluate(
        self,
        filter: Filter,
        live: BitMap,
        resolve: ReferenceResolver | None = None,
        read: ReadTexts | None = None,
    ) -> BitMap:
        """The doc_ids of ``live`` that ``filter`` selects; raises Invalid for an invalid filter.

        ``resolve`` evaluates conditions on referenced objects (see ``referring``); None refuses them. ``read``
        provides texts from storage, for patterns of symbols.
        """
        return self._evaluate(self._view, filter, live, resolve, read)

    def allow(
        self,
        filter: Filter,
        live: BitMap,
        resolve: ReferenceResolver | None = None,
        read: ReadTexts | None = None,
    ) -> AllowList:
        """As ``evaluate``; the same object as before while nothing was written and ``live`` is the same object."""
        view = self._view
        return self._cache.get(filter, view.version, live, lambda: self._evaluate(view, filter, live, resolve, read))

    def check(self, filter: Filter, *, references: bool) -> None:
        """Raises Invalid as ``evaluate`` does, and searches nothing. ``references``: whether they could be resolved."""
        Planner(self._view, self._inverted, _nothing if references else None, _no_texts).plan(filter)

    def referring(self, property: str, uuids: Sequence[bytes], collection: str) -> BitMap:
        """The doc_ids whose reference ``property`` points to one of ``uuids`` in ``collection``; live or dead."""
        view = self._view
        prop = view.config.by_name[property]
        assert prop.data_type is DataType.REFERENCE, f"{property} is not a reference"
        if not uuids:
            return BitMap()
        keys = [fields.reference_key(prop, Reference(collection, uuid)) for uuid in checked(uuids, _AT_ONCE)]
        return view.columns[property].equal_any(np.frombuffer(b"".join(keys), UUID.dtype))

    def sort(self, doc_ids: Ids, keys: Sequence[Sort], limit: int, read: ReadValues) -> Ids:
        """The first ``limit`` (0: all) of ``doc_ids (n,)`` in the order of ``keys``; ties by uuid.

        No value comes first ascending and last descending. ``read`` provides values that have no column.
        """
        return sorting.sort(self._view, np.asarray(doc_ids, np.uint32), keys, limit, read)

    def gather(self, property: str, doc_ids: Ids) -> Gathered | None:
        """The column values of ``doc_ids (n,)`` as arrays; None when the property has no column of values (text)."""
        return gather(self._view, property, np.asarray(doc_ids, np.uint32))

    def ties(self) -> Ties:
        """All objects that were added, in order of uuid."""
        return self._view.ties

    def uuids(self, doc_ids: Ids) -> list[bytes]:
        """The 16 bytes of each of ``doc_ids (n,)``, which must have been added."""
        found, has = self._view.columns[ID].scalars(np.asarray(doc_ids, np.uint32))
        assert bool(has.all()), "every doc_id asked for was added"
        raw = found.tobytes()
        return [raw[i : i + 16] for i in range(0, len(raw), 16)]

    def checkpoint(self, live: BitMap) -> None:
        """Writes a snapshot, without most rows of dead doc_ids; does nothing when nothing changed since the last."""
        if self._written == self._view.version:
            return
        for name, column in self._columns.items():
            if column.dead_rows(live) > _DEAD_SHARE * len(column.view.docs):
                column.compact(live)
                if name in self._words:
                    self._columns[name], self._words[name] = _renumbered(column, self._words[name])
        self._publish(self._view.covered, self._view.config)
        view = self._view
        snapshot.write(self._path, view.covered, view.columns, view.words, self._origin)
        self._written = self._view.version

    def held(self) -> Held:
        arrays: list[Any] = []
        cached: list[Any] = self._cache.kept()
        for column in list(self._columns.values()):
            arrays += column.arrays()
            if (ordered := column.view.shared.sorted) is not None:
                cached += list(ordered.runs.values())
        words = sum(len(words) for words in list(self._words.values()))
        return Held(arrays, cached, words * _WORD_BYTES)

    def close(self) -> None:
        """Releases everything in memory; writes nothing."""
        self._cache.clear()

    def _evaluate(
        self,
        view: FilterView,
        filter: Filter,
        live: BitMap,
        resolve: ReferenceResolver | None,
        read: ReadTexts | None,
    ) -> BitMap:
        return plan.run(Planner(view, self._inverted, resolve, read).plan(filter), live)

    def _publish(self, covered: int, config: CollectionConfig) -> None:
        columns = {name: column.view for name, column in self._columns.items()}
        version, words = self._view.version + 1, dict(self._words)
        self._view = FilterView(version, covered, config, columns, words, has_elements=bool(self._roots))

    def _load(self, config: CollectionConfig) -> tuple[int, dict[str, Column], dict[str, TokenNumbers]]:
        """What the snapshot has; nothing if it lacks a column of nested properties, which storage then fills."""
        if not self._path.exists():
            return 0, {}, {}
        try:
            covered, columns, words = snapshot.read(self._path, self._origin)
        except CorruptData as error:
            log.warning("%s", error.message)
            if not self._followed:
                snapshot.remove(self._path)
            return 0, {}, {}
        missing = nested_columns.columns_of(config).keys() - columns.keys()
        if missing:
            log.info("%s has no columns yet for %s; they are filled from storage", self._path, ", ".join(missing))
            return 0, {}, {}
        return covered, columns, words


def _nothing(property: str, inner: Filter, collection: str) -> BitMap:
    return BitMap()


def _no_texts(doc_ids: Ids, property: str, needle: bytes) -> Sequence[Any]:
    return []


def _renumbered(column: Column, words: TokenNumbers) -> tuple[Column, TokenNumbers]:
    """A column of tokens without the words that it has no row of any more."""
    view = column.view
    used = np.unique(np.append(view.values, np.uint32(ITEM)))
    numbers = np.zeros(len(words), np.uint32)
    numbers[used] = np.arange(len(used), dtype=np.uint32)
    return Column(view.kind, view.multi, view.docs, numbers[view.values]), words.chosen(used[1:].tolist())
