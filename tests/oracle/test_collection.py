"""A shard against a dictionary: random changes, upkeep, checkpoints, reopenings and crashes from a printed seed.

The thresholds of the indexes are lowered, so that builds, merges, trainings and compactions happen within a few
hundred objects. Upkeep and searches also run beside the changes on threads of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from weft.domain.filters import And, Condition, Filter, Not, Operator, PropertyTarget
from weft.domain.objects import Object, Vector
from weft.domain.query import Keyword, Sort
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Metric,
    MultiVector,
    Property,
    Quantizer,
    QuantizerKind,
    Tokenization,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.changes import Change, Done, Remove, Upsert
from weft.engine.embedded import garbage, maintenance
from weft.engine.embedded import indexes as shard_indexes
from weft.engine.embedded.index.inverted import index as inverted
from weft.engine.embedded.index.multivector import index as multivector
from weft.engine.embedded.index.multivector import search as multivector_search
from weft.engine.embedded.index.multivector import writer as multivector_writer
from weft.engine.embedded.shard import Shard

DIMS = 16
IDS = 300
WORDS = 40
K = 10


def config_of(**index: Any) -> CollectionConfig:
    single = VectorIndexConfig(kind="dynamic", threshold=60, metric=Metric.L2, **index)
    tokens = VectorIndexConfig(metric=Metric.DOT, multivector=MultiVector())
    return CollectionConfig(
        "Thing",
        (
            Property("n", DataType.INT),
            Property("words", DataType.TEXT, index_searchable=True, tokenization=Tokenization.WORD),
        ),
        {"single": VectorConfig("single", index=single), "tokens": VectorConfig("tokens", index=tokens)},
    )


@dataclass
class Thing:
    n: int | None
    words: list[str]
    single: Vector | None
    tokens: Vector | None


Model = dict[bytes, Thing]


@pytest.fixture(autouse=True)
def low_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (garbage, "_DEAD_ROWS", 20),
        (maintenance, "_CHECKPOINT_AFTER", 150),
        (shard_indexes, "_REPLAY_CHUNK", 50),
        (inverted, "_SMALL_BATCH", 8),
        (inverted, "_TAIL_LIMIT", 16),
        (inverted, "_FREEZE_POSTINGS", 200),
        (inverted, "_SEGMENTS_ON_DISK", 2),
        (multivector, "EXACT_TOKENS", 200),
        (multivector_search, "EXACT_ALLOWED_TOKENS", 50),
        (multivector_search, "SCANNED_ROWS", 40),
        (multivector_writer, "TAIL_ROWS", 16),
    ):
        monkeypatch.setattr(module, name, value)


def thing_of(rng: np.random.Generator) -> Thing:
    return Thing(
        n=int(rng.integers(-50, 50)) if rng.random() < 0.9 else None,
        words=[f"w{w}" for w in rng.integers(0, WORDS, rng.integers(0, 6))],
        single=rng.normal(size=DIMS).astype(np.float32) if rng.random() < 0.9 else None,
        tokens=rng.normal(size=(int(rng.integers(1, 5)), DIMS)).astype(np.float32) if rng.random() < 0.9 else None,
    )


def upsert(uuid: bytes, thing: Thing) -> Upsert:
    properties: dict[str, Any] = {"words": " ".join(thing.words)}
    if thing.n is not None:
        properties["n"] = thing.n
    given = {"single": thing.single, "tokens": thing.tokens}
    obj = Object(uuid, properties, {name: v for name, v in given.items() if v is not None}, 1, 1)
    return Upsert(obj)


def change(shard: Shard, model: Model, rng: np.random.Generator) -> None:
    """One commit of inserts, replaces and deletes, also several of one object."""
    changes: list[Change] = []
    after = dict(model)
    for _ in range(int(rng.choice([1, 5, 30, 80]))):
        uuid = int(rng.integers(1, IDS)).to_bytes(16)
        if rng.random() < 0.3:
            changes.append(Remove(uuid))
            after.pop(uuid, None)
        else:
            after[uuid] = thing = thing_of(rng)
            changes.append(upsert(uuid, thing))
    assert all(isinstance(outcome, Done) for outcome in shard.write(changes))
    model.clear()
    model.update(after)


class Check:
    """What the shard answers beside what the model says. Approximate searches must find most of the best."""

    def __init__(self) -> None:
        self.found = self.wanted = 0

    def all(self, shard: Shard, model: Model, rng: np.random.Generator) -> None:
        view = shard.view()
        assert shard.count == len(model)
        ids = dict(shard.view().scan(None, 10_000))
        assert list(ids) == sorted(model)
        assert set(ids.values()) == set(view.live)
        by_id = {doc_id: model[uuid] for uuid, doc_id in ids.items()}
        assert shard.view().uuids(list(by_id)) == list(ids)
        for record, thing in zip(shard.view().records(list(by_id)), by_id.values(), strict=True):
            assert record is not None
            assert record.properties.get("n") == thing.n
            assert record.properties["words"] == " ".join(thing.words)
        for name in ("single", "tokens"):
            for got, thing in zip(shard.view().vectors(name, list(by_id)), by_id.values(), strict=True):
                expected = getattr(thing, name)
                assert (got is None) if expected is None else np.array_equal(got, expected)  # type: ignore[arg-type]
        self.words(shard, by_id, rng)
        self.filters(shard, by_id, rng)
        self.order(shard, by_id)
        self.near(shard, by_id, rng)

    def words(self, shard: Shard, by_id: dict[int, Thing], rng: np.random.Generator) -> None:
        for word in {f"w{w}" for w in rng.integers(0, WORDS, 5)}:
            found = shard.view().keyword(Keyword(word), 10_000, None)
            assert sorted(found.doc_ids.tolist()) == sorted(d for d, t in by_id.items() if word in t.words)
            assert np.all(np.diff(found.scores) <= 0)

    def filters(self, shard: Shard, by_id: dict[int, Thing], rng: np.random.Generator) -> None:
        n = int(rng.integers(-50, 50))
        greater = Condition(Operator.GREATER_THAN, PropertyTarget("n"), n)
        like = Condition(Operator.LIKE, PropertyTarget("words"), "w1*")
        is_greater: Callable[[Thing], bool] = lambda t: t.n is not None and t.n > n  # noqa: E731
        is_like: Callable[[Thing], bool] = lambda t: any(w.startswith("w1") for w in t.words)  # noqa: E731
        both: Callable[[Thing], bool] = lambda t: is_greater(t) and not is_like(t)  # noqa: E731
        filters: list[tuple[Filter, Callable[[Thing], bool]]] = [
            (greater, is_greater),
            (like, is_like),
            (And((greater, Not(like))), both),
        ]
        for filter, wanted in filters:
            allow = shard.view().select(filter)
            expected = sorted(d for d, t in by_id.items() if wanted(t))
            assert allow.ids.tolist() == expected
            self.near(shard, {d: by_id[d] for d in expected}, rng, filter)

    def order(self, shard: Shard, by_id: dict[int, Thing]) -> None:
        got = [by_id[d].n for d in shard.view().sorted(None, (Sort("n", True),), 0).tolist()]
        lowest = -1000
        assert got == sorted((t.n for t in by_id.values()), key=lambda n: lowest if n is None else n)

    def near(
        self, shard: Shard, by_id: dict[int, Thing], rng: np.random.Generator, filter: Filter | None = None
    ) -> None:
        allow = None if filter is None else shard.view().select(filter)
        single = rng.normal(size=DIMS).astype(np.float32)
        tokens = rng.normal(size=(3, DIMS)).astype(np.float32)
        exact = {d: float(np.square(t.single - single).sum()) for d, t in by_id.items() if t.single is not None}
        self.compare(shard.view().nearest("single", single, K, allow, None), exact)
        exact = {d: -float((tokens @ t.tokens.T).max(axis=1).sum()) for d, t in by_id.items() if t.tokens is not None}
        self.compare(shard.view().nearest("tokens", tokens, K, allow, None), exact)

    def compare(self, got: Any, exact: dict[int, float]) -> None:
        doc_ids = got.doc_ids.tolist()
        assert len(set(doc_ids)) == len(doc_ids) == min(K, len(exact))
        assert np.allclose(got.distances, [exact[d] for d in doc_ids], rtol=1e-4, atol=1e-4)
        assert np.all(np.diff(got.distances) >= 0)
        best = sorted(exact, key=exact.__getitem__)[:K]
        self.found += len(set(best) & set(doc_ids))
        self.wanted += len(best)


class Beside:
    """Upkeep, and searches whose answers cannot be foretold but must be possible, on threads of their own."""

    def __init__(self, shard: Shard, seed: int) -> None:
        self._shard = shard
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        runs = (self._maintain, lambda: self._search(np.random.default_rng(seed)))
        self._threads = [threading.Thread(target=self._guarded, args=(run,)) for run in runs]

    def _guarded(self, run: Any) -> None:
        try:
            while not self._stop.is_set():
                run()
        except BaseException as error:
            self._errors.append(error)

    def _maintain(self) -> None:
        if not self._shard.maintain():
            self._stop.wait(0.001)

    def _search(self, rng: np.random.Generator) -> None:
        view = self._shard.view()
        word = f"w{rng.integers(0, WORDS)}"
        hits = view.keyword(Keyword(word), 50, None).doc_ids.tolist()
        view.uuids(hits)
        for record in view.records(hits):
            assert word in record.properties["words"].split()
        n = int(rng.integers(-50, 50))
        allow = view.select(Condition(Operator.LESS_THAN, PropertyTarget("n"), n))
        for doc_id, record in zip(allow.ids.tolist(), view.records(allow.ids.tolist()), strict=True):
            assert record.properties["n"] < n, doc_id
        query: npt.NDArray[np.float32] = rng.normal(size=(2, DIMS)).astype(np.float32)
        for name, vector in (("single", query[0]), ("tokens", query)):
            for chosen in (None, allow):
                near = view.nearest(name, vector, K, chosen, None)
                assert np.all(np.diff(near.distances) >= 0)
                again = view.distances(name, vector, near.doc_ids)
                gone = np.isnan(again)  # compacted away since
                assert np.allclose(again[~gone], near.distances[~gone], rtol=1e-4, atol=1e-4)
                if chosen is not None:
                    assert set(near.doc_ids.tolist()) <= set(chosen.ids.tolist())
        view.sorted(allow, (Sort("words", True),), 5)

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a search or the upkeep hangs"
        if self._errors:
            raise self._errors[0]


def opened(folder: Path, config: CollectionConfig) -> Shard:
    return Shard(folder, config, durable=False, write_queue=10_000)


def changed(config: CollectionConfig, rng: np.random.Generator) -> CollectionConfig:
    """With another property, vector, quantizer or ef."""
    n = len(config.properties) + len(config.vectors)
    single = config.vectors["single"]
    match rng.integers(0, 4):
        case 0:
            return replace(config, properties=(*config.properties, Property(f"more{n}", DataType.TEXT)))
        case 1:
            return replace(config, vectors={**config.vectors, f"more{n}": VectorConfig(f"more{n}")})
        case 2:
            index = replace(single.index, ef=int(rng.integers(50, 200)))
        case _:
            index = replace(single.index, quantizer=Quantizer(rng.choice([QuantizerKind.NONE, QuantizerKind.RQ])))
    return replace(config, vectors={**config.vectors, "single": replace(single, index=index)})


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_histories(seed: int, beside: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    model: Model = {}
    config = config_of()
    shard = opened(tmp_path, config)
    check = Check()
    crashed: list[Shard] = []
    for _ in range(25):
        action = rng.random()
        if action < 0.5:
            if beside:
                with Beside(shard, seed):
                    for _ in range(4):
                        change(shard, model, rng)
            else:
                change(shard, model, rng)
        elif action < 0.65:
            while shard.maintain():
                pass
        elif action < 0.75:
            shard.checkpoint()
        elif action < 0.85:
            config = changed(config, rng)
            with Beside(shard, seed):
                shard.configure(config)
        elif action < 0.95:
            shard.close()
            shard = opened(tmp_path, config)
        else:
            # As a crash leaves it: nothing written at the end; LMDB and the lock of the folder are in this process.
            shard._lifetime.closed = True
            shard._store.close()
            crashed.append(shard)
            shard = opened(tmp_path, config)
        check.all(shard, model, rng)
    shard.close()
    assert "Error" not in caplog.text, "each snapshot is whole, even if it is not used"
    assert check.found >= 0.97 * check.wanted, f"recall {check.found / check.wanted:.3f}"
