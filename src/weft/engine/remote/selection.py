"""RemoteSelection: what a filter selects of a remote view: two tests for the engine, a judge for what is between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from weft.domain.deadline import check
from weft.domain.errors import Unsupported
from weft.domain.filters import And, Filter
from weft.engine.remote.bounds import Bounds
from weft.engine.remote.handles import Handles
from weft.engine.remote.row_test import NOTHING, RowTest, all_of
from weft.engine.remote.store import AT_ONCE, RemoteRows
from weft.engine.results import DocIds
from weft.engine.selection import Resolve

MOST_READ = 100_000
"""How many objects are read to answer what the engine cannot answer by itself."""


class RemoteSelection:
    """``filter``: None for all objects; ``resolve`` has its conditions on referenced objects."""

    def __init__(
        self,
        rows: RemoteRows,
        handles: Handles,
        filter: Filter | None,
        bounds: Bounds,
        engine: str,
        resolve: Resolve | None = None,
    ) -> None:
        self._rows = rows
        self._handles = handles
        self._engine = engine
        self._resolve = resolve
        self._count: int | None = None
        self.filter = filter
        self.bounds = bounds

    def __len__(self) -> int:
        if self._count is None:
            (certain,) = self._rows.count([self.bounds.least])
            if not self.bounds.exact:
                certain += sum(len(page) for page in self._pages(self.bounds.open, None, AT_ONCE))
            self._count = certain
        return self._count

    def first(self, limit: int | None = None) -> DocIds:
        """In order of uuid."""
        return self.after(None, limit)

    def after(self, after: bytes | None, limit: int | None) -> DocIds:
        """``(n,)``: the first ``limit`` after the uuid ``after``. Raises Unsupported for too many."""
        most = MOST_READ if limit is None else limit
        found: list[DocIds] = []
        count = 0
        for page in self._pages(self.bounds.most, after, min(AT_ONCE, max(most, 1)) if self.bounds.exact else AT_ONCE):
            found.append(page)
            count += len(page)
            if count > most or (count == most and limit is not None):
                break
        if limit is None and count > most:
            raise self._too_many(f"a filter selects more than {MOST_READ} objects, which cannot all be read at once")
        return np.concatenate(found)[:limit] if found else np.zeros(0, np.uint32)

    def holds(self, doc_ids: DocIds) -> npt.NDArray[np.bool_]:
        """From the objects as they were seen; asks nothing of the engine."""
        if self.filter is None or not len(doc_ids):
            return np.ones(len(doc_ids), np.bool_)
        return self._handles.judge().selects(self.filter, doc_ids, self._resolve)

    def judged(self, doc_ids: DocIds) -> DocIds:
        """Those of ``doc_ids (n,)``, found by ``bounds.most``, that the filter selects; in order."""
        return doc_ids if self.bounds.exact else doc_ids[self.holds(doc_ids)]

    def _pages(self, where: RowTest, after: bytes | None, size: int) -> Iterator[DocIds]:
        """What the filter selects of the rows that satisfy ``where``, page by page in order of uuid.

        Raises Unsupported when most of the rows are read in vain.
        """
        read = 0
        while where != NOTHING:
            check()
            page = self._rows.scan(where, after, size)
            read += len(page)
            chosen = self.judged(self._handles.see_all(page))
            if len(chosen):
                yield chosen
            if len(page) < size:
                return
            after = page[-1].uuid
            if read >= MOST_READ and not self.bounds.exact:
                raise self._too_many(
                    f"{self.bounds.why or 'the filter'} is not something that the engine {self._engine!r} can answer, "
                    f"and more than {MOST_READ} objects would have to be read to answer it here; add a condition that "
                    "the engine can answer"
                )

    def _too_many(self, message: str) -> Unsupported:
        operator, _, name = self.bounds.why.partition(" of ")
        return Unsupported(message, engine=self._engine, operator=operator, property=name.strip("'"))


def narrowed(selection: RemoteSelection, filter: Filter, bounds: Bounds, resolve: Resolve | None) -> RemoteSelection:
    """Both ``filter`` and what selects ``selection``."""
    known = selection.filter
    return RemoteSelection(
        selection._rows,
        selection._handles,
        filter if known is None else And((filter, known)),
        Bounds(
            all_of((selection.bounds.least, bounds.least)),
            all_of((selection.bounds.most, bounds.most)),
            bounds.why or selection.bounds.why,
        ),
        selection._engine,
        resolve,
    )
