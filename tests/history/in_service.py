"""The verbs of the service, in this process."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedded_engine import shard_of
from history.history import Refused
from history.judging import Answer, Figures, Presence, Question, Row, Rows
from history.things import (
    COMING,
    EVERY,
    GROUPS,
    PLACES,
    SINGLE,
    SOURCES,
    STEADY,
    TOKENS,
    document,
    properties,
    uuid_of,
    vector,
    vectors,
)
from in_process import InProcess
from weft.domain.aggregate import AggregatedGroup, AggregateMetric, Aggregation, PropertyAggregation
from weft.domain.answer import Hit
from weft.domain.boost import Boost, BoostCondition, NumericDecay
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Invalid, NotFound
from weft.domain.filters import Condition, Filter, Not, Operator, PropertyTarget
from weft.domain.objects import IncomingObject, Reference, format_uuid
from weft.domain.query import (
    Combination,
    GroupBy,
    Hybrid,
    Keyword,
    Mmr,
    NearObject,
    NearVector,
    Query,
    ReferenceSelection,
    Returns,
    Sort,
    Targets,
)

CALLER = Caller()
NAMES = (*SINGLE, TOKENS)

_METRICS = frozenset(AggregateMetric)


class InService:
    """``place``: the collection, and the tenant if it has any."""

    def __init__(self, process: InProcess, place: tuple[str, str | None]) -> None:
        self._service = process.service
        self._collection, self._tenant = place

    # -- writing

    def batch(self, versions: Mapping[int, int]) -> None:
        errors = self._service.objects.batch([self._object(n, version) for n, version in versions.items()], CALLER)
        assert not any(errors), errors

    def insert(self, number: int, version: int) -> None:
        try:
            self._service.objects.insert(self._object(number, version), CALLER)
        except (Conflict, Invalid) as error:
            assert "already exists" in str(error), error
            raise Refused from error

    def replace(self, number: int, version: int) -> None:
        try:
            self._service.objects.replace(self._object(number, version), CALLER)
        except NotFound as error:
            raise Refused from error

    def merge(self, number: int, version: int) -> None:
        try:
            self._service.objects.merge(self._object(number, version), CALLER)
        except NotFound as error:
            raise Refused from error

    def delete(self, number: int) -> None:
        try:
            self._service.objects.delete(self._collection, uuid_of(number), self._tenant)
        except NotFound as error:
            raise Refused from error

    def delete_many(self, group: str) -> None:
        deleted = self._service.objects.delete_many(
            self._collection, self._tenant, equal("group", group), dry_run=False, verbose=False
        )
        assert deleted.failed == 0 and deleted.successful == deleted.matches, deleted

    def link(self, number: int, targets: Sequence[int]) -> None:
        references = [Reference(self._collection, bytes.fromhex(uuid_of(one).replace("-", ""))) for one in targets]
        self._service.references.relink(self._collection, uuid_of(number), "to", references, self._tenant)

    def _object(self, number: int, version: int) -> IncomingObject:
        return IncomingObject(
            self._collection, uuid_of(number), properties(number, version), dict(vectors(number, version)), self._tenant
        )

    # -- reading

    def questions(self, rng: random.Random) -> list[Question]:
        asked_for = vector(rng.randrange(100), rng.randrange(100))
        near = {name: NearVector(targets=Targets((name,)), vectors=(asked_for,)) for name in SINGLE}
        tokens = NearVector(targets=Targets((TOKENS,)), vectors=(np.stack([asked_for, -asked_for]),))
        both = Targets(("flat", "hnsw"), Combination.SUM)
        word = Keyword("common", ("text",))
        hybrid = Hybrid(word, near=near["hnsw"], targets=Targets(("hnsw",)))
        steady = equal("group", "steady")
        boost = Boost((BoostCondition(NumericDecay("version", 0.0, 100.0)),))
        some = rng.sample(range(STEADY.stop), 10)
        this = NearObject(targets=Targets(("flat",)), uuid=uuid_of(some[0]))
        ids = Condition(Operator.CONTAINS_ANY, PropertyTarget("_id"), tuple(uuid_of(n) for n in some))
        group = {"group_by": GroupBy("group", 5, 100)}
        asked: list[tuple[str, dict[str, Any], frozenset[int]]] = [
            ("list", {"filter": EXIST}, EVERY),
            ("by ids", {"filter": ids}, frozenset(some)),
            ("filter", {"filter": steady}, frozenset(STEADY)),
            *((f"near {name}", {"search": one, "filter": EXIST}, EVERY) for name, one in near.items()),
            *((f"steady {name}", {"search": one, "filter": steady}, frozenset(STEADY)) for name, one in near.items()),
            ("tokens", {"search": tokens, "filter": EXIST}, EVERY),
            ("object", {"search": this, "filter": EXIST}, EVERY),
            ("keyword", {"search": word, "filter": EXIST}, EVERY),
            ("hybrid", {"search": hybrid, "filter": EXIST}, EVERY),
            ("targets", {"search": NearVector(targets=both, vectors=(asked_for, asked_for)), "filter": EXIST}, EVERY),
            ("boost", {"search": near["flat"], "filter": EXIST, "boost": boost}, EVERY),
            ("sort text", {"filter": EXIST, "sort": (Sort("word"),)}, EVERY),
            ("sort number", {"filter": EXIST, "sort": (Sort("version"),)}, EVERY),
            ("group", {"search": near["flat"], "filter": EXIST, **group}, EVERY),
            ("group words", {"search": word, "filter": EXIST, **group}, EVERY),
        ]  # fmt: skip
        made = [Question(name, self._rows(among, 200, **parts)) for name, parts, among in asked]
        made += [
            Question(f"{name}, 10", self._rows(among, 10, **parts))
            for name, parts, among in asked
            if "group_by" not in parts
        ]
        groups: dict[str | None, frozenset[int]] = {name: frozenset(numbers) for name, numbers in GROUPS.items()}
        joint = equal("group", "joint")
        mmr = NearVector(targets=Targets(("flat",)), vectors=(asked_for,), mmr=Mmr(10, 0.5))
        made += [
            Question("diversity", self._rows(EVERY | set(SOURCES), 30, search=mmr, exactly=10)),
            Question("near, whole", self._rows(EVERY | set(SOURCES), 200, search=near["hnsw"])),
            Question("keyword, whole", self._rows(EVERY | set(SOURCES), 10, search=word)),
            Question("links", self._rows(frozenset(SOURCES), 200, filter=equal("group", "source"), linked=True)),
            Question("pages", self._pages),
            Question("get", lambda: self._get(some[0])),
            Question("get coming", lambda: self._get(rng.choice(COMING))),
            Question("exists", lambda: self._exists(rng.choice(range(COMING.stop)))),
            Question("figures", lambda: self._figures(EXIST, None, {None: EVERY})),
            Question("figures by group", lambda: self._figures(EXIST, "group", groups)),
            Question("figures of a search", lambda: self._figures(EXIST, None, {None: EVERY}, near["flat"])),
            Question("figures of the joint", lambda: self._figures(joint, None, {None: groups["joint"]})),
        ]  # fmt: skip
        return made

    def _rows(
        self, among: frozenset[int], limit: int, *, exactly: int | None = None, linked: bool = False, **parts: Any
    ) -> Callable[[], Answer]:
        def ask() -> Answer:
            references = (ReferenceSelection("to", Returns(vectors=NAMES)),) if linked else ()
            returns = Returns(vectors=NAMES, references=references, distance=True, score=True)
            answer = self._service.search(
                Query(self._collection, self._tenant, limit=limit, returns=returns, **parts), CALLER
            )
            hits = [hit for group in answer.groups or () for hit in group.hits] or answer.hits
            by = parts["sort"][0].path if "sort" in parts else None
            return Rows([_row(hit, linked) for hit in hits], among, exactly or (limit if limit < 100 else None), by)

        return ask

    def _pages(self) -> Answer:
        rows: list[Row] = []
        while True:
            after = rows[-1].uuid if rows else "00000000-0000-0000-0000-000000000000"
            query = Query(self._collection, self._tenant, limit=100, after=after, returns=Returns(vectors=NAMES))
            hits = self._service.search(query, CALLER).hits
            rows += [_row(hit, False) for hit in hits]
            if len(hits) < 100:
                return Rows(rows, EVERY | set(SOURCES))

    def _get(self, number: int) -> Answer:
        try:
            found = self._service.objects.get(self._collection, uuid_of(number), self._tenant, vectors=True)
        except NotFound:
            return Presence(number, False)
        return Rows([Row(format_uuid(found.uuid), found.properties, found.vectors)], frozenset({number}))

    def _exists(self, number: int) -> Answer:
        return Presence(number, self._service.objects.exists(self._collection, uuid_of(number), self._tenant))

    def _figures(
        self, filter: Filter, by: str | None, among: Mapping[str | None, frozenset[int]], search: Any = None
    ) -> Sequence[Figures]:
        asked = (
            PropertyAggregation("version", _METRICS),
            PropertyAggregation("twice", _METRICS),
            PropertyAggregation("word", _METRICS, 1000),
        )
        limit = 1000 if search is not None else None
        answer = self._service.aggregate(
            Aggregation(
                self._collection, self._tenant, search, filter=filter, object_limit=limit, group_by=by, properties=asked
            ),
            CALLER,
        )
        return [_figures(group, among[group.value]) for group in answer.groups]


def equal(name: str, value: Any) -> Condition:
    return Condition(Operator.EQUAL, PropertyTarget(name), value)


EXIST = Not(equal("group", "source"))
"""All but the sources."""


def _row(hit: Hit, linked: bool) -> Row:
    links = [_row(one, False) for one in hit.references.get("to", ())] if linked else None
    return Row(format_uuid(hit.record.uuid), hit.record.properties, hit.vectors, links)


def _figures(group: AggregatedGroup, among: frozenset[int]) -> Figures:
    version, twice, word = (one.figures for one in group.properties)
    least, greatest = version.get(AggregateMetric.MINIMUM, 0), version.get(AggregateMetric.MAXIMUM, 0)
    words = dict(word.get(AggregateMetric.TOP_OCCURRENCES) or ())
    sums = twice.get(AggregateMetric.SUM, 0), version.get(AggregateMetric.SUM, 0)
    return Figures(among, group.count, *sums, least, greatest, words)


def opened(folder: Path) -> InProcess:
    process = InProcess(folder)
    for collection, tenant in PLACES:
        process.service.collections.create(document(collection, tenants=tenant is not None))
    return process


def tidy(process: InProcess) -> None:
    """A step of upkeep of everything, and its snapshots."""
    for collection, tenant in PLACES:
        shard = shard_of(process.database.get(collection), tenant)
        shard.maintain()
        shard.checkpoint()
