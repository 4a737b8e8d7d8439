"""The Milvus store on the real Milvus 2.3.5: how many requests it makes, and how its collections change."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import grpc._channel
import numpy as np
import pytest

from weft.catalog.changes import new_entry
from weft.conformance.things import condition, key
from weft.domain.errors import Misconfigured, TooLarge, Unsupported
from weft.domain.filters import Operator
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Metric,
    MultiVector,
    Property,
    Quantizer,
    QuantizerKind,
    VectorConfig,
    VectorIndexConfig,
)
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Done, Upsert
from weft.engine.collection import ONLY_SHARD
from weft.engine.milvus.address import parse_address
from weft.engine.milvus.store import MilvusStore
from weft.engine.remote.driver import RemoteDriver
from weft.engine.remote.row_test import EVERYTHING, AnyOf, Except, HasVector, Key, KeyKind
from weft.engine.remote.store import OtherDimensions, RowLayout, StoredRow

N = Key("v_n", KeyKind.INTEGER)
CONFIG = CollectionConfig(
    "Thing",
    (Property("n", DataType.INT), Property("text", DataType.TEXT, index_searchable=True)),
    {"a": VectorConfig("a", index=VectorIndexConfig(kind="flat", metric=Metric.L2))},
)


@pytest.fixture
def store(milvus_address: str) -> Iterator[MilvusStore]:
    store = MilvusStore(parse_address(f"milvus://{milvus_address}?prefix=own_"))
    yield store
    for name in store.names():
        if name.startswith("own_"):
            store.drop(name)
    store.close()


def layout(name: str, *vectors: tuple[str, VectorIndexConfig], tenants: bool = False) -> RowLayout:
    return RowLayout(f"own_{name}", (N,), frozenset({N.name}), dict(vectors), True, tenants)


def row(n: int, **vectors: list[float]) -> StoredRow:
    made = {name: np.asarray(one, np.float32) for name, one in vectors.items()}
    return StoredRow(key(n), b"body %d" % n, {"v_n": [n]}, made, {n: 1.0})


def test_each_question_is_few_requests(store: MilvusStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made: Counter[str] = Counter()

    entry = new_entry("Thing", {}, {ONLY_SHARD: TenantStatus.ACTIVE})
    part = RemoteDriver(store, "own_").open(entry, CONFIG).part(ONLY_SHARD)
    objects = [Object(key(n), {"n": n, "text": f"word{n % 3}"}, {"a": np.full(4, n, np.float32)}) for n in range(100)]
    assert part.write([Upsert(one) for one in objects]) == [Done(existed=False)] * 100
    call = grpc._channel._UnaryUnaryMultiCallable

    def counted(made_by: Callable[..., object]) -> Callable[..., object]:
        def counting(self: Any, *arguments: object, **options: object) -> object:
            made[self._method.decode().rpartition("/")[2]] += 1
            return made_by(self, *arguments, **options)

        return counting

    monkeypatch.setattr(call, "_blocking", counted(call._blocking))
    monkeypatch.setattr(call, "future", counted(call.future))

    def requests() -> dict[str, int]:
        counts = dict(made)
        made.clear()
        return counts

    view = part.view()
    chosen = view.select(condition(Operator.GREATER_THAN, "n", 10))
    found = view.nearest("a", np.zeros(4, np.float32), 5, chosen, None)
    assert [one.properties["n"] for one in view.records(found.doc_ids.tolist())] == [11, 12, 13, 14, 15]
    assert requests() == {"Search": 1}
    part.write([Upsert(one) for one in objects])
    assert requests() == {"Query": 1, "Upsert": 1}
    removed = part.remove(condition(Operator.LESS_THAN, "n", 30), 1000)
    assert len(removed.outcomes) == 30
    assert requests() == {"Query": 2, "Delete": 1}
    found_words = part.view().keyword(Keyword("word1"), 10, None)
    assert len(found_words.doc_ids) == 10
    assert requests()["Query"] <= 8


def test_a_vector_that_comes_later_is_added_to_what_is_there(store: MilvusStore) -> None:
    flat = VectorIndexConfig(kind="flat", metric=Metric.L2)
    where = layout("later", ("a", flat))
    rows = store.rows(where, None)
    assert (rows.dims(), rows.count([EVERYTHING]), rows.fetch([key(1)])) == ({}, [0], [None])
    rows.write([row(n) for n in range(20)])
    assert (rows.dims(), rows.vectors("a", [key(1)])) == ({}, [None])
    rows.write([row(20, a=[1, 2, 3]), row(3)])
    assert rows.dims() == {"a": 3}
    assert rows.count([EVERYTHING, HasVector("a"), Except(HasVector("a"))]) == [21, 1, 20]
    seen = {one.uuid: one.body for one in rows.scan(EVERYTHING, None, 100)}
    assert seen == {key(n): b"body %d" % n for n in range(21)}
    (found,) = rows.nearest("a", np.asarray([1, 2, 4], np.float32), 5, EVERYTHING)
    assert (found.row.uuid, found.number) == (key(20), 1)
    with pytest.raises(OtherDimensions):
        rows.write([row(21, a=[1, 2])])
    store.forget_vector(where, "a")
    assert rows.dims() == {"a": 3}, "a row has it"
    rows.write([row(20)])
    store.forget_vector(where, "a")
    assert rows.dims() == {}
    rows.write([row(21, a=[1, 2])])
    assert (rows.dims(), rows.count([EVERYTHING])) == ({"a": 2}, [22])
    assert [one for one in store.names() if one == where.name] == [where.name]
    store.drop(where.name)
    assert (rows.count([EVERYTHING]), where.name in store.names()) == ([0], False)


@pytest.mark.parametrize("kind", [QuantizerKind.SQ, QuantizerKind.PQ, QuantizerKind.RQ])
def test_distances_of_compressed_vectors_are_exact(store: MilvusStore, kind: QuantizerKind) -> None:
    where = layout("codes", ("a", VectorIndexConfig(metric=Metric.COSINE, quantizer=Quantizer(kind))))
    rows = store.rows(where, None)
    vectors = np.random.default_rng(1).normal(size=(300, 16)).astype(np.float32)
    rows.write([row(n, a=vector.tolist()) for n, vector in enumerate(vectors[:250])])
    found = rows.nearest("a", vectors[0], 10, EVERYTHING)
    exact = 1 - vectors[:250] @ vectors[0] / np.linalg.norm(vectors[:250], axis=1) / np.linalg.norm(vectors[0])
    by_key = {key(n): n for n in range(250)}
    assert [one.number for one in found] == pytest.approx([exact[by_key[one.row.uuid]] for one in found], abs=1e-6)
    assert found[0].row.uuid == key(0)


def test_another_index_is_built_behind_the_same_name(store: MilvusStore) -> None:
    flat, graph = VectorIndexConfig(kind="flat", metric=Metric.L2), VectorIndexConfig(metric=Metric.L2)
    rows = store.rows(layout("index", ("a", flat)), None)
    rows.write([row(n, a=[n, 0]) for n in range(9)])
    changed = layout("index", ("a", graph))
    before = store.shape(changed)
    store.make(changed)
    after = store.shape(changed)
    assert before is not None and after is not None and before.name != after.name
    store.make(changed)
    assert store.shape(changed) == after, "it has that index"
    found = store.rows(changed, None).nearest("a", np.asarray([3, 0], np.float32), 2, EVERYTHING)
    assert (found[0].row.uuid, len(found)) == (key(3), 2)


def test_large_objects_are_kept_and_too_many_words_refused(store: MilvusStore) -> None:
    tokens = Key("t_text", KeyKind.KEYWORD, True)
    where = RowLayout("own_large", (N, tokens), frozenset({N.name, tokens.name}), {}, True, False)
    rows = store.rows(where, None)
    body = bytes(range(256)) * 4000
    rows.write([StoredRow(key(1), body, {"t_text": ["w" * 256, "日本", 'say "hi"\n']})])
    assert [None if one is None else one.body == body for one in rows.fetch([key(1)])] == [True]
    for text in ("w" * 256, "日本", 'say "hi"\n'):
        assert rows.count([AnyOf(tokens, (text,))]) == [1]
    many = StoredRow(key(2), b"", {"t_text": [f"w{n}" for n in range(20_000)]})
    with pytest.raises(TooLarge, match="different words"):
        rows.write([many])
    assert rows.count([EVERYTHING]) == [1]


def test_an_object_that_is_too_large_does_not_affect_the_others(store: MilvusStore) -> None:
    entry = new_entry("Thing", {}, {ONLY_SHARD: TenantStatus.ACTIVE})
    part = RemoteDriver(store, "own_").open(entry, CONFIG).part(ONLY_SHARD)
    texts = ["few words", " ".join(f"w{n}" for n in range(20_000)), "some more"]
    outcomes = part.write([Upsert(Object(key(n), {"text": text})) for n, text in enumerate(texts)])
    assert [type(one) for one in outcomes] == [Done, TooLarge, Done]
    assert part.count == 2


def test_a_search_of_words_that_too_many_objects_have_is_refused(
    store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = store.rows(layout("words"), None)
    rows.write([replace(row(n), words={7: 1.0, n: 2.0}) for n in range(10, 30)])
    found = rows.words({7: 1.0, 12: 1.0}, 3, EVERYTHING)
    assert [(one.row.uuid, one.number) for one in found[:1]] == [(key(12), 3.0)]
    monkeypatch.setattr("weft.engine.milvus.rows.MOST_AT_ONCE", 20)
    with pytest.raises(Unsupported, match=r"Milvus 2\.3\.5.*no sparse vectors"):
        rows.words({7: 1.0}, 3, EVERYTHING)


def test_what_it_cannot_hold_is_refused_by_name(store: MilvusStore) -> None:
    plain = VectorIndexConfig()
    for vectors, reason in (
        ([("a", plain), ("b", plain)], "at most 1 vectors"),
        ([("a", replace(plain, metric=Metric.MANHATTAN))], "manhattan"),
        ([("a", replace(plain, multivector=MultiVector()))], "multi-vector"),
    ):
        with pytest.raises(Unsupported, match=reason):
            store.make(layout("refused", *vectors))


def test_a_prefix_belongs_to_one_catalog(milvus_address: str) -> None:
    prefix = f"claim{secrets.token_hex(4)}_"
    store = MilvusStore(parse_address(f"milvus://{milvus_address}?prefix={prefix}"))
    store.claim("0011")
    store.claim("0011")
    with pytest.raises(Misconfigured, match=f"{prefix}claim_0011"):
        store.claim("2233")
    store.claim("0011")
    store.close()
