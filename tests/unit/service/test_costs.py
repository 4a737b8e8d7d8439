"""What requests cost below the service, counted: look-ups, records read, objects decoded. None grows with the hits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.access.access import Access
from weft.config import Settings
from weft.domain.boost import Boost, BoostCondition, NumericDecay, PropertyValue, TimeDecay
from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import IncomingObject, Vector, format_uuid
from weft.domain.query import Hybrid, Keyword, NearVector, Query, Sort, Targets
from weft.engine import record
from weft.engine.drivers import open_database
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.shard_view import ShardView
from weft.engine.embedded.storage import ShardStore
from weft.modules.base import ModuleInput, Vectorizer
from weft.modules.registry import Registry
from weft.service.schema.document import parse
from weft.service.service import Service

CALLER = Caller()
COUNT = 60


class Lengths(Vectorizer):
    """The length of the text, twice."""

    name = "text2vec-lengths"
    title = "Lengths"

    def __init__(self) -> None:
        self.made = 0

    def fingerprint(self, settings: Any) -> str:
        return f"{self.name}|lengths"

    def embed_objects(self, inputs: Sequence[ModuleInput], settings: Any, caller: Caller) -> list[Vector | WeftError]:
        self.made += len(inputs)
        return [self.embed_query(one.texts, settings, caller) for one in inputs]

    def embed_query(self, texts: Sequence[str], settings: Any, caller: Caller) -> Vector:
        return np.full(2, len(" ".join(texts)), np.float32)


MODULE = Lengths()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """With ``COUNT`` notes: a text, a number, a date, a vector of the caller's and one of a module."""
    settings = Settings()
    registry = Registry({Lengths.name: lambda: MODULE})
    database = open_database(tmp_path, parse, durable=False, write_queue=1_000)
    made = Service(settings, database, registry, Access(settings.access, database.folder, durable=False))
    types = {"text": "text", "n": "int", "at": "date"}
    document = {
        "class": "Note",
        "properties": [{"name": name, "dataType": [kind]} for name, kind in types.items()],
        "vectorConfig": {
            "own": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"},
            "made": {"vectorizer": {Lengths.name: {"properties": ["text"]}}, "vectorIndexType": "flat"},
        },
    }
    made.collections.create(document)
    assert made.objects.batch(notes(), CALLER) == [None] * COUNT
    yield made
    database.close()
    registry.close()


def notes() -> list[IncomingObject]:
    return [
        IncomingObject(
            "Note",
            format_uuid(bytes(15) + bytes([n + 1])),
            {"text": f"word {n % 7}", "n": n, "at": f"20{n:02}-05-13T09:30:00.25+02:00"},
            {"own": np.asarray([n, 1], np.float32)},
        )
        for n in range(COUNT)
    ]


def counted(monkeypatch: pytest.MonkeyPatch, *places: tuple[Any, str]) -> Counter[str]:
    """How often each is called from now on."""
    calls: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def counting(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return real(*args, **options)

        monkeypatch.setattr(owner, name, counting)

    for owner, name in places:
        count(owner, name)
    return calls


NEAR = NearVector(Targets(("own",)), vectors=(np.asarray([0, 1], np.float32),))


def near(**more: Any) -> Query:
    return Query("Note", search=NEAR, limit=10, **more)


@pytest.mark.parametrize(
    "condition",
    [
        PropertyValue("n"),
        NumericDecay("n", origin=40.0, scale=5.0),
        TimeDecay("at", origin="2040-05-13T07:30:00Z", scale="365d"),
    ],
)
def test_a_boost_by_a_value_decodes_no_object(
    service: Service, monkeypatch: pytest.MonkeyPatch, condition: Any
) -> None:
    calls = counted(monkeypatch, (record, "decode_properties"))
    answer = service.search(near(boost=Boost((BoostCondition(condition),), weight=1.0)), CALLER)
    assert not calls
    best = answer.hits[0].record.properties["n"]
    assert best == (59 if isinstance(condition, PropertyValue) else 40)


def test_a_new_property_costs_one_decoding_for_all_older_objects(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.collections.add_property("Note", {"name": "later", "dataType": ["int"]})
    calls = counted(monkeypatch, (record, "decode_properties"))
    for _ in range(3):
        hits = service.search(Query("Note", limit=COUNT), CALLER).hits
        assert len({hit.record.encoded_properties for hit in hits}) == COUNT
    assert calls["decode_properties"] == 1


def test_an_import_of_what_is_stored_reads_it_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up, a reading and one of the vectors of each name, for the batch; a look-up and a reading to write it."""
    before = MODULE.made
    calls = counted(monkeypatch, (ShardStore, "lookup"), (ShardStore, "read"), (ShardStore, "get_vectors"))
    assert service.objects.batch(notes(), CALLER) == [None] * COUNT
    assert MODULE.made == before, "every object keeps its vector"
    assert calls["get_vectors"] == 2
    assert calls["lookup"] <= 3
    assert calls["read"] == 2


def test_nothing_is_embedded_for_a_vector_whose_index_was_dropped(service: Service) -> None:
    service.collections.drop_vector_index("Note", "made")
    made, fresh = MODULE.made, IncomingObject("Note", None, {"text": "new"})
    stored = service.objects.insert(fresh, CALLER)
    assert service.objects.batch([fresh], CALLER) == [None]
    assert (MODULE.made, dict(stored.vectors)) == (made, {})


def test_uuids_are_read_of_what_ties_alone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = ShardView.uuids

    def uuids(view: ShardView, doc_ids: Sequence[int]) -> list[bytes]:
        asked.extend(doc_ids)
        return real(view, doc_ids)

    monkeypatch.setattr(ShardView, "uuids", uuids)
    service.search(near(boost=Boost((BoostCondition(NumericDecay("n", 100.0, 50.0)),), weight=0.9)), CALLER)
    assert not asked, "no two distances, and no two scores, are equal"
    hits = service.search(Query("Note", search=Hybrid(Keyword("3"), alpha=0.0), limit=COUNT), CALLER).hits
    assert sorted(set(asked)) == sorted({hit.doc_id for hit in hits}), "equal words, equal scores"
    asked.clear()
    hybrid = Hybrid(Keyword("3"), alpha=1.0, near=NEAR, targets=NEAR.targets)
    service.search(Query("Note", search=hybrid, limit=5), CALLER)
    assert not asked


def test_what_is_live_is_listed_once_for_a_view(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.search(Query("Note", sort=(Sort("n", True),), limit=5), CALLER)
    calls = counted(monkeypatch, (AllowList, "__init__"))
    for _ in range(3):
        hits = service.search(Query("Note", sort=(Sort("n", False),), limit=5), CALLER).hits
        assert [hit.record.properties["n"] for hit in hits] == [59, 58, 57, 56, 55]
    assert not calls
    greater = Condition(Operator.GREATER_THAN, PropertyTarget("n"), 50)
    hits = service.search(near(boost=Boost((BoostCondition(greater),), weight=1.0)), CALLER).hits
    assert [hit.record.properties["n"] for hit in hits] == [*range(51, 60), 0]
