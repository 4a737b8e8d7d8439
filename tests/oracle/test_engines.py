"""The service over the embedded engine and over every other: each verb and query has the same answer."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from contract.kinds import REMOTE, driver_of
from reference.driver import ReferenceDriver
from weft.access.access import Access
from weft.catalog.lmdb import LmdbCatalog
from weft.config import Settings
from weft.domain.aggregate import AggregateMetric, Aggregation, PropertyAggregation
from weft.domain.answer import Answer
from weft.domain.boost import Boost, BoostCondition, NumericDecay, PropertyValue, TimeDecay
from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.filters import And, Condition, Filter, Not, Operator, PropertyTarget, ReferenceTarget
from weft.domain.objects import IncomingObject, IncomingReference, Reference, format_uuid, parse_uuid
from weft.domain.query import (
    Combination,
    Fusion,
    GroupBy,
    Hybrid,
    Keyword,
    MatchOperator,
    Mmr,
    NearObject,
    NearVector,
    Query,
    ReferenceSelection,
    Returns,
    Sort,
    Targets,
)
from weft.domain.tenants import Tenant
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.files.folder_lock import FolderLock
from weft.modules import build_registry
from weft.modules.registry import Registry
from weft.service.explain import TokenQuestion
from weft.service.schema.document import parse
from weft.service.service import Service

CALLER = Caller()
COUNT = 60
IDS = [format_uuid(bytes(15) + bytes([n * 11 % 251 + 1])) for n in range(COUNT + 5)]


@dataclass
class Running:
    """One service with what it stands on."""

    service: Service
    database: Database
    registry: Registry
    access: Access

    def close(self) -> None:
        self.service.close()
        self.access.close()
        self.database.close()
        self.registry.close()


def embedded(folder: Path) -> Database:
    return open_database(folder, parse, durable=False, write_queue=10_000)


def reference(folder: Path) -> Database:
    return Database(FolderLock(folder), LmdbCatalog(folder, sync=False), ReferenceDriver(), parse)


def serving(folder: Path, open_: Callable[[Path], Database]) -> Running:
    settings = Settings()
    database, registry = open_(folder), build_registry()
    access = Access(settings.access, database.folder, durable=False)
    return Running(Service(settings, database, registry, access), database, registry, access)


def remote(kind: str, folder: Path) -> Database:
    driver = driver_of(REMOTE[kind](folder / "engine")())
    return Database(FolderLock(folder), LmdbCatalog(folder, sync=False), driver, parse)


OTHERS: Mapping[str, Callable[[Path], Database]] = {
    "reference": reference,
    **{kind: partial(remote, kind) for kind in REMOTE},
}
"""What is compared with the embedded engine."""


@contextmanager
def running(folder: Path, kind: str) -> Iterator[tuple[Service, Service]]:
    """Filled alike: things that refer to others, and parts of tenants."""
    both = serving(folder / "embedded", embedded), serving(folder / "other", OTHERS[kind])
    for one in both:
        fill(one.service)
    yield both[0].service, both[1].service
    for one in both:
        for config in one.service.collections.all():
            one.service.collections.delete(config.name)
        one.close()


@pytest.fixture(params=OTHERS)
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    with running(tmp_path, request.param) as both:
        yield both


@pytest.fixture(scope="module", params=OTHERS)
def readable(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, Service]]:
    """Which nothing changes."""
    with running(tmp_path_factory.mktemp("readable"), request.param) as both:
        yield both


def fill(service: Service) -> None:
    types = {
        "n": "int",
        "x": "number",
        "at": "date",
        "flag": "boolean",
        "text": "text",
        "title": "text",
        "ints": "int[]",
    }
    document: dict[str, Any] = {
        "class": "Thing",
        "properties": [{"name": name, "dataType": [kind]} for name, kind in types.items()],
        "vectorConfig": {
            "a": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"},
            "b": {
                "vectorizer": {"none": {}},
                "vectorIndexType": "flat",
                "vectorIndexConfig": {"distance": "l2-squared"},
            },
            "many": {
                "vectorizer": {"none": {}},
                "vectorIndexType": "hnsw",
                "vectorIndexConfig": {"multivector": {"enabled": True}, "distance": "dot"},
            },
        },
    }
    service.collections.create(document)
    service.collections.add_property("Thing", {"name": "next", "dataType": ["Thing"]})
    service.collections.create({"class": "Shared", "multiTenancyConfig": {"enabled": True}, "properties": []})
    service.tenants.create("Shared", [Tenant("one"), Tenant("two")])
    for some in (range(1, COUNT, 2), range(0, COUNT, 2)):
        assert service.objects.batch([thing(n) for n in some], CALLER) == [None] * len(some)


def thing(n: int) -> IncomingObject:
    rng = np.random.default_rng(n)
    words = rng.choice(["red", "green", "blue", "tree", "house", "river"], int(rng.integers(1, 9)))
    properties: dict[str, Any] = {
        "n": int(rng.integers(0, 12)),
        "x": float(rng.normal()),
        "at": f"20{n % 60:02}-03-0{1 + n % 9}T10:00:00.5Z",
        "flag": bool(n % 3),
        "text": " ".join(words),
        "title": str(words[0]),
        "ints": [int(i) for i in rng.integers(0, 5, int(rng.integers(0, 4)))],
    }
    for name in list(properties)[:: int(rng.integers(1, 4))]:
        if n % 5 == 0 and name != "n":
            del properties[name]
    if (
        n % 2 == 0
    ):  # those that it points to are stored before it, so nothing is replaced: replaced texts count in BM25F
        properties["next"] = [Reference("", parse_uuid(IDS[n + 1]))]
    vectors = {
        "a": rng.normal(size=6).astype(np.float32),
        "b": rng.normal(size=4).astype(np.float32),
        "many": rng.normal(size=(int(rng.integers(1, 4)), 4)).astype(np.float32),
    }
    return IncomingObject("Thing", IDS[n], properties, vectors)


def vector(dims: int, seed: int = 7, *, tokens: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(tokens, dims) if tokens else dims).astype(np.float32)


def near(name: str = "a", **more: Any) -> NearVector:
    query = {"a": vector(6), "b": vector(4), "many": vector(4, tokens=3)}[name]
    return NearVector(Targets((name,)), vectors=(query,), **more)


def both_targets(combination: Combination, *weights: float) -> NearVector:
    return NearVector(Targets(("a", "b"), combination, weights), vectors=(vector(6), vector(4)))


def at_least(name: str, value: Any) -> Condition:
    return Condition(Operator.GREATER_THAN_EQUAL, PropertyTarget(name), value)


def boosted(by: Any, weight: float = 0.5) -> Boost:
    return Boost((BoostCondition(by),), weight=weight)


RED: Filter = Condition(Operator.EQUAL, PropertyTarget("text"), "red")
BOTH: Filter = And((at_least("n", 4), Not(RED)))
THROUGH: Filter = Condition(Operator.GREATER_THAN, ReferenceTarget("next", PropertyTarget("n")), 6)
WORDS = Keyword("red house")
ONE = Targets(("a",))
SURE = Returns(certainty=True)
AROUND_2030 = TimeDecay("at", "900d", "2030-01-01T00:00:00Z")

QUERIES: dict[str, Query] = {
    "near": Query("Thing", search=near(), limit=9),
    "near L2": Query("Thing", search=near("b"), limit=9, returns=Returns(vector=True)),
    "near within a filter": Query("Thing", search=near(), filter=BOTH, limit=9),
    "near through references": Query("Thing", search=near(), filter=THROUGH, limit=9),
    "near, offset": Query("Thing", search=near(), limit=5, offset=7),
    "near, autocut": Query("Thing", search=near(), limit=20, autocut=2),
    "near, a distance at most": Query("Thing", search=near(max_distance=0.8), limit=60),
    "near, a certainty at least": Query(
        "Thing", search=near(min_certainty=0.6), limit=60, returns=Returns(certainty=True)
    ),
    "near nothing": Query("Thing", search=near(), filter=Condition(Operator.EQUAL, PropertyTarget("n"), 99), limit=5),
    "near an object": Query("Thing", search=NearObject(ONE, uuid=IDS[5]), limit=9),
    "MaxSim": Query("Thing", search=near("many"), limit=9),
    "MaxSim within a filter": Query("Thing", search=near("many"), filter=RED, limit=9),
    "the least of two": Query("Thing", search=both_targets(Combination.MINIMUM), limit=9),
    "the mean of two": Query("Thing", search=both_targets(Combination.AVERAGE), limit=9),
    "two, relative": Query("Thing", search=both_targets(Combination.RELATIVE_SCORE, 0.3, 0.7), limit=9),
    "diverse": Query("Thing", search=near(mmr=Mmr(6, 0.4)), limit=12),
    "grouped": Query("Thing", search=near(), limit=30, group_by=GroupBy("n", 4, 3)),
    "grouped by an array": Query("Thing", search=near(), limit=30, group_by=GroupBy("ints", 3, 2)),
    "words": Query("Thing", search=WORDS, limit=15),
    "words, all": Query("Thing", search=Keyword("red house", operator=MatchOperator.AND), limit=15),
    "words, weighted": Query("Thing", search=Keyword("red", ("title^3", "text")), limit=15),
    "words within a filter": Query("Thing", search=WORDS, filter=BOTH, limit=15),
    "hybrid": Query("Thing", search=Hybrid(WORDS, 0.5, near=near(), targets=ONE), limit=12),
    "hybrid, ranked": Query("Thing", search=Hybrid(WORDS, 0.4, Fusion.RANKED, near(), ONE), limit=12),
    "hybrid within a filter": Query("Thing", search=Hybrid(WORDS, 0.7, near=near(), targets=ONE), filter=RED, limit=12),
    "boost by a number": Query("Thing", search=near(), limit=9, boost=boosted(PropertyValue("n"))),
    "boost by a decay": Query("Thing", search=WORDS, limit=9, boost=boosted(NumericDecay("x", 0.5, 0.4))),
    "boost by a date": Query("Thing", search=near(), limit=9, boost=boosted(AROUND_2030)),
    "boost by a filter": Query("Thing", search=near(), limit=9, boost=boosted(RED, 0.8)),
    "listed": Query("Thing", limit=20),
    "listed, a cursor": Query("Thing", limit=20, after=IDS[3]),
    "filtered": Query("Thing", filter=BOTH, limit=40),
    "filtered through references": Query("Thing", filter=THROUGH, limit=40),
    "sorted": Query("Thing", sort=(Sort("n", True), Sort("at", False)), limit=25),
    "sorted within a filter": Query(
        "Thing", sort=(Sort("title", False), Sort("x", True)), filter=at_least("n", 3), limit=25
    ),
    "references": Query("Thing", limit=20, returns=Returns(references=(ReferenceSelection("next", Returns(("n",))),))),
}

IN_ORDER_OF_INSERTION = ("filtered", "filtered through references")

Seen: TypeAlias = list[Any]


def seen(answer: Answer) -> Seen:
    """What callers see of an answer."""
    groups = None if answer.groups is None else [(one.name, len(one.hits), one.min_distance) for one in answer.groups]
    hits = answer.hits if answer.groups is None else [hit for group in answer.groups for hit in group.hits]
    return [
        groups,
        [
            (
                format_uuid(hit.record.uuid),
                hit.record.properties,
                hit.distance,
                hit.score,
                hit.certainty,
                {name: vector.ravel().tolist() for name, vector in hit.vectors.items()},
                {name: [one.record.uuid for one in linked] for name, linked in hit.references.items()},
            )
            for hit in hits
        ],
    ]


def alike(ours: Any, theirs: Any) -> bool:
    """Equal, floats up to a small difference."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return ours == pytest.approx(theirs, rel=1e-5, abs=1e-5)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(alike(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    return bool(ours == theirs)


@pytest.mark.parametrize("name", list(QUERIES))
def test_a_query_finds_the_same(readable: tuple[Service, Service], name: str) -> None:
    ours, theirs = (seen(service.search(QUERIES[name], CALLER)) for service in readable)
    if name in IN_ORDER_OF_INSERTION:  # where the engine has that order, see Capabilities
        ours[1].sort(key=operator.itemgetter(0))
        theirs[1].sort(key=operator.itemgetter(0))
    assert alike(ours, theirs), (ours, theirs)
    assert ours[1] or name == "near nothing"


EVERY = frozenset(AggregateMetric)
FIGURES = tuple(PropertyAggregation(name, EVERY) for name in ("n", "x", "flag", "at", "title", "next"))
AGGREGATIONS: dict[str, Aggregation] = {
    "all": Aggregation("Thing", properties=FIGURES),
    "filtered": Aggregation("Thing", filter=BOTH, properties=FIGURES),
    "grouped": Aggregation("Thing", group_by="n", properties=FIGURES[1:3]),
    "grouped by texts": Aggregation("Thing", group_by="title", limit=3, properties=FIGURES[:1]),
    "of a search": Aggregation("Thing", search=near(), object_limit=15, properties=FIGURES),
    "of words": Aggregation("Thing", search=WORDS, group_by="flag", properties=FIGURES[:2]),
}


@pytest.mark.parametrize("name", list(AGGREGATIONS))
def test_an_aggregation_has_the_same_figures(readable: tuple[Service, Service], name: str) -> None:
    answers = []
    for service in readable:
        groups = service.aggregate(AGGREGATIONS[name], CALLER).groups
        figures = [{k: v for one in group.properties for k, v in one.figures.items()} for group in groups]
        answers.append([[(group.value, group.count) for group in groups], figures])
    assert alike(*answers), answers


def outcome(action: Callable[[], Any]) -> Any:
    """What a verb gives back, or the kind of its error."""
    try:
        return action()
    except WeftError as error:
        return type(error)


def verbs(service: Service) -> Sequence[Callable[[], Any]]:
    objects = service.objects

    def stored(n: int) -> Any:
        found = objects.get("Thing", IDS[n], None, vectors=True)
        return found.properties, {name: vector.ravel().tolist() for name, vector in found.vectors.items()}

    def kinds(errors: Sequence[WeftError | None]) -> list[str]:
        return [type(error).__name__ for error in errors]

    fresh = thing(COUNT + 1)
    wrong = IncomingObject("Thing", IDS[1], {"n": 1}, {"a": vector(5)})
    nan = IncomingObject("Thing", IDS[2], {"n": 1}, {"a": np.full(6, np.nan, np.float32)})
    first = Reference("", parse_uuid(IDS[0]))
    patch = IncomingObject("Thing", IDS[6], {"n": 500, "title": None, "next": [first]})
    return (
        lambda: [float(one) for one in explained(service)],
        lambda: objects.insert(fresh, CALLER).properties,
        lambda: objects.insert(fresh, CALLER).properties,
        lambda: objects.replace(IncomingObject("Thing", IDS[4], {"n": 77}), CALLER).properties,
        lambda: objects.replace(IncomingObject("Thing", IDS[COUNT + 2], {"n": 77}), CALLER).properties,
        lambda: stored(4),
        lambda: objects.merge(patch, CALLER).properties,
        lambda: stored(6),
        lambda: objects.merge(IncomingObject("Thing", IDS[COUNT + 3], {"n": 1}), CALLER).properties,
        lambda: kinds(objects.batch([thing(1), wrong, nan, thing(3), IncomingObject("Thing", "x")], CALLER)),
        lambda: objects.delete("Thing", IDS[8], None),
        lambda: objects.delete("Thing", IDS[8], None),
        lambda: [objects.exists("Thing", id_, None) for id_ in IDS],
        lambda: kinds(service.references.link([IncomingReference("Thing", IDS[9], "next", "", IDS[1])] * 2)),
        lambda: service.references.unlink(IncomingReference("Thing", IDS[9], "next", "", IDS[1])),
        lambda: service.references.relink("Thing", IDS[10], "next", [first], None),
        lambda: [stored(n) for n in (1, 2, 3, 9, 10)],
        lambda: deleted(service, dry_run=True),
        lambda: deleted(service, dry_run=False),
        lambda: seen(service.search(Query("Thing", limit=100), CALLER)),
        lambda: seen(service.search(Query("Thing", search=near(), limit=100), CALLER)),
        lambda: objects.insert(IncomingObject("Shared", IDS[0], {}, tenant="one"), CALLER).properties,
        lambda: objects.insert(IncomingObject("Shared", IDS[0], {}), CALLER).properties,
        lambda: objects.insert(IncomingObject("Shared", IDS[0], {}, tenant="three"), CALLER).properties,
        lambda: [objects.exists("Shared", IDS[0], tenant) for tenant in ("one", "two")],
        lambda: service.tenants.delete("Shared", ["one"]),
        lambda: objects.exists("Shared", IDS[0], "one"),
        lambda: service.collections.delete("Thing"),
        lambda: objects.exists("Thing", IDS[0], None),
    )


def deleted(service: Service, *, dry_run: bool) -> Any:
    found = service.objects.delete_many("Thing", None, RED, dry_run=dry_run, verbose=True)
    return found.matches, found.successful, found.failed, sorted(found.objects)


def explained(service: Service) -> Any:
    question = TokenQuestion("Thing", IDS[12], None, "many", vector(4, tokens=2))
    return service.explain(question, CALLER).matches.similarities


def test_every_verb_has_the_same_outcome(services: tuple[Service, Service]) -> None:
    for n, (ours, theirs) in enumerate(zip(verbs(services[0]), verbs(services[1]), strict=True)):
        one, other = outcome(ours), outcome(theirs)
        assert alike(one, other), (n, one, other)
