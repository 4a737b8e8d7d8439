"""Removing what a filter selects, although others overwrite it meanwhile.

What was changed between being chosen and being removed is judged again, by its new state, while writers wait.
Conditions on referenced objects are resolved before that, as nothing of another collection may be waited for then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress

import numpy as np

from weft.domain.deadline import unbounded
from weft.domain.errors import Conflict, WeftError
from weft.domain.filters import Filter
from weft.engine.changes import Outcome, Remove, Removed
from weft.engine.embedded.shard_view import ShardView
from weft.engine.embedded.shard_writer import ShardWriter
from weft.engine.embedded.staged import Staged
from weft.engine.selection import Referenced, Resolve


def remove_matching(
    writer: ShardWriter,
    current: Callable[[], ShardView],
    filter: Filter,
    limit: int,
    *,
    dry_run: bool,
    resolve: Resolve | None,
) -> Removed:
    """See ``Part.remove``; in order of insertion. ``current`` returns the view that searches have."""
    view = current()
    known = None if resolve is None else _Known(resolve)
    chosen = view.select(filter, known)
    doc_ids = chosen.first(limit).tolist()
    uuids = view.uuids(doc_ids)
    if dry_run:
        return Removed(len(chosen), [(uuid, None) for uuid in uuids])
    del view  # so that what is removed need not be retained for it
    with unbounded():
        outcomes = dict(zip(uuids, writer.submit(removals(uuids, doc_ids)), strict=True))
        changed = [uuid for uuid, outcome in outcomes.items() if isinstance(outcome, Conflict)]
        if changed:
            again = _judged_again(writer, current, filter, known, changed)
            outcomes = {uuid: one for uuid, one in outcomes.items() if not isinstance(one, Conflict)} | again
    errors = [(uuid, one if isinstance(one, WeftError) else None) for uuid in uuids if (one := outcomes.get(uuid))]
    return Removed(len(chosen) - len(uuids) + len(outcomes), errors)


def _judged_again(
    writer: ShardWriter,
    current: Callable[[], ShardView],
    filter: Filter,
    known: _Known | None,
    uuids: Sequence[bytes],
) -> dict[bytes, Outcome]:
    """The outcomes of those that the filter still selects; they are removed."""
    while True:
        try:
            with writer.turn:
                view = current()
                there = {
                    uuid: doc_id for uuid, doc_id in zip(uuids, view.find(uuids), strict=True) if doc_id is not None
                }
                doc_ids = np.fromiter(there.values(), np.uint32, len(there))
                selected = view.select(filter, None if known is None else known.answer).holds(doc_ids)
                left = dict(compress(there.items(), selected))
                del view
                outcomes = writer.submit(removals(list(left), list(left.values())), first=True)
            return dict(zip(left, outcomes, strict=True))
        except _Unknown as unknown:
            assert known is not None
            known(*unknown.asked)


def removals(uuids: Sequence[bytes], doc_ids: Sequence[int]) -> list[Staged]:
    """Of these objects unless they are changed before."""
    return [Staged(Remove(uuid), expected=doc_id) for uuid, doc_id in zip(uuids, doc_ids, strict=True)]


class _Unknown(Exception):
    """What is asked must be resolved before."""

    def __init__(self, property: str, inner: Filter, collection: str) -> None:
        self.asked = property, inner, collection


class _Known:
    """A ``Resolve`` that remembers its answers; ``answer`` gives these only."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._answers: dict[tuple[str, str, str], Referenced] = {}

    def __call__(self, property: str, inner: Filter, collection: str) -> Referenced:
        found = self._answers[property, repr(inner), collection] = self._resolve(property, inner, collection)
        return found

    def answer(self, property: str, inner: Filter, collection: str) -> Referenced:
        found = self._answers.get((property, repr(inner), collection))
        if found is None:
            raise _Unknown(property, inner, collection)
        return found
