"""A part in plain Python: a dict of objects, every question answered by going through all of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from reference.figures import aggregated
from reference.keyword_index import ReferenceIndex
from reference.selecting import check, in_order_of, selects
from weft.domain import instants
from weft.domain.aggregate import AggregatedGroup, PropertyAggregation
from weft.domain.clock import now_ms
from weft.domain.errors import Conflict, Inapplicable, Invalid, NotFound, WeftError
from weft.domain.filters import Condition, Filter, Operator, PropertyTarget
from weft.domain.objects import Object, Vector, format_uuid
from weft.domain.query import Keyword, Sort
from weft.domain.schema import CollectionConfig, DataType, Metric
from weft.engine.changes import Change, Done, Edit, Outcome, Remove, Removed, Upsert
from weft.engine.record import RecordCodec, Records, created_of, with_created
from weft.engine.results import DocIds, Matches, Neighbours, TokenMatches, WordShare
from weft.engine.selection import Referenced, Resolve, Selection
from weft.engine.view import find_objects

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

_ATTEMPTS, _FREE_ATTEMPTS = 20, 3


@dataclass(slots=True)
class Stored:
    uuid: bytes
    record: bytes
    vectors: Mapping[str, Vector]


class ReferenceSelection:
    def __init__(self, doc_ids: Sequence[int]) -> None:
        self._doc_ids = sorted(doc_ids)

    def __len__(self) -> int:
        return len(self._doc_ids)

    def first(self, limit: int | None = None) -> DocIds:
        return np.asarray(self._doc_ids[:limit], np.uint32)

    def holds(self, doc_ids: DocIds) -> npt.NDArray[np.bool_]:
        return np.asarray([doc_id in self._doc_ids for doc_id in doc_ids.tolist()], np.bool_)


@dataclass
class State:
    """What is stored; each change replaces it. ``stored`` has every object that ever was, by its number."""

    config: CollectionConfig
    stored: Mapping[int, Stored] = field(default_factory=dict)
    live: Mapping[bytes, int] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


class ReferencePart:
    """``gone``: deleted or deactivated, so every call is NotFound."""

    def __init__(self, config: CollectionConfig) -> None:
        self.state = State(config)
        self.read_only = False
        self.gone = False
        self._turn = threading.RLock()

    @property
    def config(self) -> CollectionConfig:
        return self.state.config

    @property
    def count(self) -> int:
        return len(self.state.live)

    @property
    def models(self) -> Mapping[str, str]:
        return self.state.models

    def configure(self, config: CollectionConfig) -> None:
        with self._turn:
            self.state = State(config, self.state.stored, self.state.live, self.state.models)

    def check(self) -> None:
        if self.gone:
            raise NotFound(f"the objects of class {self.config.name} are gone")

    def view(self, *, expired: bool = False) -> ReferenceView:
        state = self.state
        live = dict(state.live)
        expiry = state.config.expiry
        if expiry is not None and expiry.hidden and not expired:
            until = instants.to_text((now_ms() - expiry.after_s * 1000) * 1_000_000)
            condition = Condition(Operator.LESS_THAN_EQUAL, PropertyTarget(expiry.property), until)
            whole = ReferenceView(self, state, live)
            live = {u: d for u, d in live.items() if not selects(state.config, condition, whole.object(d), None)}
        return ReferenceView(self, state, live)

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        return self._write([(change, None) for change in changes])

    def edit(self, edits: Mapping[bytes, Edit], *, exclusive: bool = True) -> dict[bytes, WeftError]:
        errors: dict[bytes, WeftError] = {}
        waiting = dict(edits)
        for attempt in range(_ATTEMPTS):
            with self._turn if exclusive and attempt >= _FREE_ATTEMPTS else nullcontext():
                changes: list[tuple[Change, int | None]] = []
                found = find_objects(self.view(expired=True), list(waiting), vectors=True)
                for (uuid, edit), one in zip(waiting.items(), found, strict=True):
                    errors.pop(uuid, None)
                    try:
                        if one is None:
                            raise NotFound(f"no object with id '{format_uuid(uuid)}' in class {self.config.name}")
                        edited = edit(one[1])
                    except WeftError as error:
                        errors[uuid] = error
                        continue
                    if edited is not None:
                        changes.append((Upsert(edited), one[0]))
                for (change, _), outcome in zip(changes, self._write(changes), strict=True):
                    if isinstance(outcome, WeftError) and isinstance(change, Upsert):
                        errors[change.object.uuid] = outcome
            waiting = {uuid: edits[uuid] for uuid, error in errors.items() if isinstance(error, Conflict)}
            if not waiting:
                break
        return errors

    def remove(self, filter: Filter, limit: int, *, dry_run: bool = False, resolve: Resolve | None = None) -> Removed:
        view = self.view()
        chosen = view.select(filter, resolve)
        doc_ids = chosen.first(limit).tolist()
        uuids = view.uuids(doc_ids)
        if dry_run:
            return Removed(len(chosen), [(uuid, None) for uuid in uuids])
        with self._turn:
            now = self.view(expired=True)
            left = set(now.uuids(now.select(filter, resolve).first().tolist()))
            removed = [uuid for uuid in uuids if uuid in left]
            self._write([(Remove(uuid), None) for uuid in removed])
        return Removed(len(chosen) - len(uuids) + len(removed), [(uuid, None) for uuid in removed])

    def _write(self, changes: Sequence[tuple[Change, int | None]]) -> list[Outcome]:
        """Each change with the number of the object that it expects to find, None: any."""
        with self._turn:
            self.check()
            if self.read_only:
                raise Invalid("store is read-only")
            stored, live = dict(self.state.stored), dict(self.state.live)
            models = dict(self.state.models) if live else {}
            outcomes: list[Outcome] = []
            for change, expected in changes:
                uuid = change.object.uuid if isinstance(change, Upsert) else change.uuid
                known = live.get(uuid)
                if expected is not None and expected != known:
                    outcomes.append(Conflict(f"object {format_uuid(uuid)} was changed by another request"))
                elif isinstance(change, Upsert):
                    if change.insert_only and known is not None:
                        outcomes.append(Conflict(f"id '{format_uuid(uuid)}' already exists"))
                        continue
                    obj = change.object
                    record = RecordCodec(self.config).encode(obj)
                    if known is not None:
                        record = with_created(record, created_of(stored[known].record))
                    obj.created_ms = created_of(record)
                    live.pop(uuid, None)
                    live[uuid] = len(stored)
                    vectors = {name: vector.copy() for name, vector in obj.vectors.items()}
                    stored[len(stored)] = Stored(uuid, record, vectors)
                    models |= obj.models
                    outcomes.append(Done(known is not None))
                else:
                    live.pop(uuid, None)
                    outcomes.append(Done(known is not None))
            self.state = State(self.config, stored, live, models)
            return outcomes


class ReferenceView:
    def __init__(self, part: ReferencePart, state: State, live: Mapping[bytes, int]) -> None:
        self._part = part
        self._state = state
        self._live = live
        self._codec = RecordCodec(state.config)

    @property
    def config(self) -> CollectionConfig:
        return self._state.config

    def dims(self, name: str, expected: int | None = None) -> int | None:
        self._check(name)
        present = (self._state.stored[doc_id].vectors for doc_id in self._state.live.values())
        return next((vectors[name].shape[-1] for vectors in present if name in vectors), None)

    def object(self, doc_id: int) -> Object:
        return self._codec.open(self._state.stored[doc_id].record).to_object()

    # -- which objects

    def find(self, uuids: Sequence[bytes]) -> list[int | None]:
        self._part.check()
        return [self._state.live.get(uuid) for uuid in uuids]

    def page(self, after: bytes | None, limit: int) -> DocIds:
        self._part.check()
        uuids = sorted(uuid for uuid in self._live if after is None or uuid > after)
        return np.asarray([self._live[uuid] for uuid in uuids[:limit]], np.uint32)

    def select(self, filter: Filter, resolve: Resolve | None = None) -> ReferenceSelection:
        once = None if resolve is None else _once(resolve)
        check(self.config, filter, once)
        return ReferenceSelection(
            [d for d in self._live.values() if selects(self.config, filter, self.object(d), once)]
        )

    def sorted(self, within: Selection | None, keys: Sequence[Sort], limit: int) -> DocIds:
        chosen = [(doc_id, self.object(doc_id)) for doc_id in self._within(within)]
        return np.asarray(in_order_of(self.config, chosen, keys)[: limit or None], np.uint32)

    def nearest(
        self,
        name: str,
        query: Vector,
        k: int,
        within: Selection | None,
        max_distance: float | None,
        *,
        depth: int | None = None,
        head: int | None = None,
    ) -> Neighbours:
        doc_ids = np.asarray(self._within(within), np.uint32)
        distances = self.distances(name, query, doc_ids)
        inside = ~np.isnan(distances) if max_distance is None else distances <= max_distance
        doc_ids, distances = doc_ids[inside], distances[inside]
        order = sorted(range(len(doc_ids)), key=lambda i: (distances[i], self.uuids([int(doc_ids[i])])[0]))[:k]
        return Neighbours(doc_ids[order], distances[order])

    def keyword(self, query: Keyword, k: int, within: Selection | None) -> Matches:
        index = ReferenceIndex(self.config)
        present = list(self._live.values())
        index.add(present, [self.object(doc_id).properties for doc_id in present])
        unknown = {one.partition("^")[0] for one in query.properties} - self.config.by_name.keys()
        if unknown:
            raise Inapplicable(f"class {self.config.name} has no searchable property {sorted(unknown)}")
        found = index.search(query, k, self._within(within), present, lambda doc_id: self.uuids([doc_id])[0])
        return Matches(np.asarray([d for d, _ in found], np.uint32), np.asarray([s for _, s in found], np.float32))

    def _within(self, within: Selection | None) -> list[int]:
        chosen: list[int] = sorted(self._live.values()) if within is None else within.first().tolist()
        return chosen

    # -- what they are

    def uuids(self, doc_ids: Sequence[int]) -> list[bytes]:
        return [self._state.stored[doc_id].uuid for doc_id in doc_ids]

    def records(self, doc_ids: Sequence[int]) -> Records:
        self._part.check()
        return self._codec.open_all([self._state.stored[doc_id].record for doc_id in doc_ids])

    def vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        self._check(name)
        stored = [self._state.stored[doc_id].vectors.get(name) for doc_id in doc_ids]
        return [None if vector is None else vector.copy() for vector in stored]

    def distances(self, name: str, query: Vector, doc_ids: DocIds) -> npt.NDArray[np.float32]:
        metric, multi = self._check(name)
        measure = _maxsim if multi else _distance
        found = [
            np.nan if vector is None else measure(metric, query.astype(np.float64), vector.astype(np.float64))
            for vector in self.vectors(name, doc_ids.tolist())
        ]
        return np.asarray(found, np.float32)

    def numbers(self, property: str, doc_ids: DocIds) -> npt.NDArray[np.float64]:
        values = [self.object(doc_id).properties.get(property) for doc_id in doc_ids.tolist()]
        if self.config.by_name[property].data_type is DataType.DATE:
            values = [None if v is None else instants.to_ns(instants.parse(v)) / 1e9 for v in values]
        return np.asarray([np.nan if value is None else value for value in values], np.float64)

    def aggregate(
        self,
        over: Selection | DocIds | None,
        properties: Sequence[PropertyAggregation],
        group_by: str | None,
        groups: int,
    ) -> list[AggregatedGroup]:
        doc_ids = over.tolist() if isinstance(over, np.ndarray) else self._within(over)
        return aggregated(self.config, [self.object(d) for d in sorted(doc_ids)], properties, group_by, groups)

    def explain_keyword(self, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
        found = self.keyword(query, len(self._live), None)
        scores = dict(zip(found.doc_ids.tolist(), found.scores.tolist(), strict=True))
        return [f"BM25F {scores.get(doc_id, 0.0)}" for doc_id in doc_ids]

    def word_shares(self, query: Keyword, doc_id: int) -> list[WordShare]:
        return []

    def explain_tokens(self, name: str, query: Vector, doc_id: int, *, matrix: bool = False) -> TokenMatches:
        metric, multi = self._check(name)
        if not multi:
            raise Invalid(f"vector {name!r} is a single vector; only multi-vectors have tokens to explain")
        (document,) = self.vectors(name, [doc_id])
        assert document is not None
        table = _similarities(metric, query, document).astype(np.float32)
        best = table.max(axis=1)
        total = float(best.sum())
        shares = best / np.float32(total) if total else np.zeros_like(best)
        return TokenMatches(doc_id, -total, table.argmax(axis=1), best, shares, table if matrix else None)

    def _check(self, name: str) -> tuple[Metric, bool]:
        vector = self.config.vectors.get(name)
        if vector is None:
            raise NotFound(f"collection {self.config.name} has no vector {name!r}")
        return vector.index.metric, vector.index.multivector is not None


def _once(resolve: Resolve) -> Resolve:
    """``resolve``, asked once for each condition of a filter, not for each object."""
    known: dict[tuple[str, int, str], Referenced] = {}

    def resolved(property: str, inner: Filter, collection: str) -> Referenced:
        assert isinstance(inner, Condition)
        key = property, id(inner.target), f"{inner.operator}{inner.value!r}{collection}"
        if key not in known:
            known[key] = resolve(property, inner, collection)
        return known[key]

    return resolved


def _distance(metric: Metric, query: Floats, vector: Floats) -> float:
    match metric:
        case Metric.COSINE:
            return 1 - float(_unit(query) @ _unit(vector))
        case Metric.DOT:
            return -float(query @ vector)
        case Metric.L2:
            return float(np.square(query - vector).sum())
        case Metric.MANHATTAN:
            return float(np.abs(query - vector).sum())
        case Metric.HAMMING:
            return float((query != vector).sum())


def _maxsim(metric: Metric, query: Floats, document: Floats) -> float:
    return -float(_similarities(metric, query, document).max(axis=1).sum())


def _similarities(
    metric: Metric, query: npt.NDArray[np.floating], document: npt.NDArray[np.floating]
) -> npt.NDArray[np.floating]:
    return _unit(query) @ _unit(document).T if metric is Metric.COSINE else query @ document.T


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)
