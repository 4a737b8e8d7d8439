"""From a batch of changes to what must be written: which objects are added, which are removed, which rows are new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap

from weft.domain.errors import Invalid, StorageFull
from weft.domain.objects import Vector
from weft.engine.embedded.storage.changes import Applied, Put, StoreChange
from weft.engine.embedded.storage.vector_file import StoredVectors

LAST_DOC_ID = (1 << 32) - 2


@dataclass(slots=True)
class NewRows:
    """Vectors of one name with their doc_ids, ascending. ``joined``: their numbers, one after the other."""

    doc_ids: list[int] = field(default_factory=list)
    vectors: list[Vector] = field(default_factory=list)
    joined: Vector | None = None


@dataclass(slots=True)
class CommitPlan:
    """``puts``: the objects to write, ascending by doc_id; ``removed``: the stored objects that are removed.

    An object that is put and replaced within the batch takes a doc_id and is never written: ``superseded``.
    """

    applied: list[Applied]
    next_doc_id: int
    puts: list[tuple[int, Put]]
    removed: list[int]
    superseded: list[int]
    uuids: dict[bytes, int | None]
    """The doc_id of each uuid that changes; None: the uuid is removed."""

    def live_after(self, live: BitMap, next_doc_id: int) -> BitMap:
        """What lives after this commit, where ``live`` and ``next_doc_id`` were so before it."""
        after = BitMap(live)
        after.add_range(next_doc_id, self.next_doc_id)
        after.difference_update(BitMap(self.removed), BitMap(self.superseded))
        return after


def plan_commit(changes: Sequence[StoreChange], present: dict[bytes, int], next_doc_id: int) -> CommitPlan:
    """``present`` is the doc_id of each stored uuid among the changes. Raises StorageFull when doc_ids run out."""
    if next_doc_id + len(changes) > LAST_DOC_ID:
        raise StorageFull(
            f"the shard has used all of its {LAST_DOC_ID} doc_ids; import its objects into a new collection"
        )
    first_new = next_doc_id
    current: dict[bytes, int | None] = {}
    applied: list[Applied] = []
    puts: list[tuple[int, Put]] = []
    died: list[int] = []
    for change in changes:
        uuid = change.uuid
        old = current[uuid] if uuid in current else present.get(uuid)
        if old is not None:
            died.append(old)
        if isinstance(change, Put):
            puts.append((next_doc_id, change))
            applied.append(Applied(next_doc_id, old))
            current[uuid] = next_doc_id
            next_doc_id += 1
        else:
            applied.append(Applied(None, old))
            current[uuid] = None
    superseded = {doc_id for doc_id in died if doc_id >= first_new}
    if superseded:
        puts = [put for put in puts if put[0] not in superseded]
    return CommitPlan(
        applied=applied,
        next_doc_id=next_doc_id,
        puts=puts,
        removed=[doc_id for doc_id in died if doc_id < first_new],
        superseded=sorted(superseded),
        uuids={uuid: doc_id for uuid, doc_id in current.items() if doc_id is not None or uuid in present},
    )


def valid_rows(
    plan: CommitPlan, changes: Sequence[StoreChange], files: Mapping[str, StoredVectors]
) -> dict[str, NewRows]:
    """The rows to write, by name of vector. Raises Invalid, with ``index``, for an invalid vector of the changes."""
    rows: dict[str, NewRows] = {}
    for doc_id, put in plan.puts:
        for name, vector in put.vectors.items():
            target = rows.get(name)
            if target is None:
                target = rows[name] = NewRows()
            target.doc_ids.append(doc_id)
            target.vectors.append(vector)
    if plan.superseded or not all(_join(files.get(name), new) for name, new in rows.items()):
        for index, error in problems(changes, files):
            error.facts["index"] = index
            raise error
    return rows


def _join(file: StoredVectors | None, new: NewRows) -> bool:
    """Sets ``joined``, and returns True, if all of the rows can be stored as they are."""
    shapes = {vector.shape[-1:] if file is not None and file.multi else vector.shape for vector in new.vectors}
    if file is None or len(shapes) != 1:
        return False
    try:
        for vector in new.vectors if file.multi else new.vectors[:1]:
            file.check_shape(vector, file.dims)
    except Invalid:
        return False
    joined = np.concatenate(new.vectors, axis=0)
    if np.isfinite(joined).all():
        new.joined = joined
    return new.joined is not None


def problems(changes: Sequence[StoreChange], files: Mapping[str, StoredVectors]) -> Iterator[tuple[int, Invalid]]:
    """``(index, error)`` of each Put whose vectors are invalid, assuming that the valid ones before it are stored."""
    dims: dict[str, int | None] = {}
    storable: dict[str, tuple[list[int], list[Vector]]] = {}
    bad: dict[int, Invalid] = {}
    for index, change in enumerate(changes):
        if not isinstance(change, Put):
            continue
        try:
            _check_shapes(change, files, dims)
        except Invalid as error:
            bad[index] = error
            continue
        for name, vector in change.vectors.items():
            indexes, vectors = storable.setdefault(name, ([], []))
            indexes.append(index)
            vectors.append(vector)
    for name, (indexes, vectors) in storable.items():
        if np.isfinite(np.concatenate(vectors, axis=0)).all():
            continue
        for index, vector in zip(indexes, vectors, strict=True):
            try:
                files[name].check_finite(vector)
            except Invalid as error:
                bad.setdefault(index, error)
    yield from sorted(bad.items())


def _check_shapes(put: Put, files: Mapping[str, StoredVectors], dims: dict[str, int | None]) -> None:
    """Records in ``dims`` the dimensions that the vectors fix, if all of them are valid."""
    fixed: list[tuple[str, int]] = []
    for name, vector in put.vectors.items():
        file = files.get(name)
        if file is None:
            known = ", ".join(sorted(files)) or "none"
            raise Invalid(f"there is no vector {name!r}; the vectors are: {known}", vector=name)
        expected = dims.get(name) or file.dims
        got = file.check_shape(vector, expected)
        if not expected:
            file.check_finite(vector)
            fixed.append((name, got))
    dims.update(fixed)
