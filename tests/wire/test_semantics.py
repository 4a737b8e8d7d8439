"""What searches mean, by the protocol's rules: each expected value is worked out here in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
import weaviate
from weaviate.classes.aggregate import Metrics
from weaviate.classes.config import Configure, DataType, Property, Tokenization, VectorDistances
from weaviate.classes.query import (
    BM25Operator,
    Boost,
    Filter,
    GroupBy,
    HybridFusion,
    MetadataQuery,
    Move,
    Sort,
)
from weaviate.exceptions import WeaviateQueryError

from server import Server

Make = Callable[..., Any]
SCORE = MetadataQuery(score=True, distance=True)


def words(name: str = "text", tokenization: Tokenization = Tokenization.WORD) -> Property:
    return Property(name=name, data_type=DataType.TEXT, tokenization=tokenization)


def numbers(found: Any) -> list[int]:
    """The objects by the number in their uuid."""
    return [UUID(str(one.uuid)).int for one in found.objects]


def fill(collection: Any, objects: list[dict[str, Any]], vectors: list[Any] | None = None) -> None:
    for i, properties in enumerate(objects):
        collection.data.insert(properties, uuid=UUID(int=i + 1), vector=vectors[i] if vectors else None)


# -- tokenisation


@pytest.mark.parametrize(
    ("tokenization", "stored", "found", "missed"),
    [
        (Tokenization.WORD, "Hello, beau_ti-ful World2", ["hello", "ti", "WORLD2", "beau ful"], ["tiful", "wor"]),
        (Tokenization.LOWERCASE, "Hello, Beau-ti", ["hello,", "beau-ti"], ["hello", "beau"]),
        (Tokenization.WHITESPACE, "Hello, World", ["Hello,", "World"], ["hello,", "world", "Hello"]),
        (Tokenization.FIELD, "  Hello, World ", ["Hello, World"], ["Hello,", "hello, world"]),
        (Tokenization.TRIGRAM, "A-b cDe", ["abc", "bcde", "C D E"], ["ab", "xyz"]),
        (Tokenization.WORD, "re\u0301sume\u0301", ["résumé", "re\u0301sume\u0301"], ["resume", "sum"]),
        (Tokenization.KAGOME_JA, "関西国際空港から電車で行く", ["空港", "国際空港", "電車"], ["空", "東京"]),
        (Tokenization.KAGOME_KR, "아버지가 방에 들어가신다", ["아버지", "방"], ["어머니"]),
        (Tokenization.GSE, "データベースを検索する", ["検索", "データベース"], ["東京"]),
        (Tokenization.GSE_CH, "我来到北京清华大学", ["北京", "大学", "清华大学"], ["上海"]),
    ],
    ids=lambda one: one.value if isinstance(one, Tokenization) else "",
)
def test_tokens(make: Make, tokenization: Tokenization, stored: str, found: list[str], missed: list[str]) -> None:
    made = make(properties=[words(tokenization=tokenization)])
    fill(made, [{"text": stored}, {"text": "other"}])
    for query in found:
        assert numbers(made.query.bm25(query)) == [1], query
        assert numbers(made.query.fetch_objects(filters=Filter.by_property("text").equal(query))) == [1], query
    for query in missed:
        assert numbers(made.query.bm25(query)) == [], query


def test_stop_words_are_dropped_from_queries_alone(make: Make) -> None:
    made = make(properties=[words(), words("lower", Tokenization.LOWERCASE)])
    fill(made, [{"text": "the cat", "lower": "the cat"}, {"text": "cat", "lower": "cat"}])
    assert numbers(made.query.bm25("the", query_properties=["text"])) == []
    assert numbers(made.query.bm25("the", query_properties=["lower"])) == [1]
    shorter, longer = made.query.bm25("cat", query_properties=["text"], return_metadata=SCORE).objects
    assert (UUID(str(shorter.uuid)).int, UUID(str(longer.uuid)).int) == (2, 1), "stop words count for the length"
    with pytest.raises(WeaviateQueryError, match="only stopwords"):
        made.query.fetch_objects(filters=Filter.by_property("text").equal("the"))


# -- BM25F

TEXTS = [
    {"a": "red red fox", "b": "den"},
    {"a": "fox", "b": "red house by a lake"},
    {"a": "blue whale song", "b": "sea red"},
    {"a": "nothing here", "b": "fox fox fox"},
]


def bm25f(query: list[str], boosts: dict[str, float]) -> dict[int, float]:
    """A mean length of each property, a mean document frequency rounded down, and no factor ``k1 + 1``."""
    k1, b, n = 1.2, 0.75, len(TEXTS)
    tokens = {name: [one[name].split() for one in TEXTS] for name in boosts}
    mean = {name: sum(map(len, of)) / n for name, of in tokens.items()}
    scores: dict[int, float] = {}
    for term in dict.fromkeys(query):
        frequencies = [sum(term in one for one in of) for of in tokens.values()]
        present = [f for f in frequencies if f]
        if not present:
            continue
        df = sum(present) // len(present)
        idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
        for i in range(n):
            for name, of in tokens.items():
                f, length = of[i].count(term), len(of[i])
                if f:
                    part = f / (f + k1 * (1 - b + b * length / mean[name]))
                    scores[i + 1] = scores.get(i + 1, 0) + idf * query.count(term) * boosts[name] * part
    return scores


@pytest.mark.parametrize(
    ("query", "boosts"),
    [
        (["fox"], {"a": 1.0}),
        (["red", "fox"], {"a": 1.0, "b": 1.0}),
        (["red", "red", "fox"], {"a": 2.0, "b": 1.0}),
        (["whale", "unknown"], {"a": 1.0, "b": 3.0}),
    ],
)
def test_bm25f(make: Make, query: list[str], boosts: dict[str, float]) -> None:
    made = make(properties=[words("a"), words("b")])
    fill(made, TEXTS)
    expected = bm25f(query, boosts)
    properties = [f"{name}^{boost:g}" for name, boost in boosts.items()]
    found = made.query.bm25(" ".join(query), query_properties=properties, return_metadata=SCORE)
    assert {UUID(str(one.uuid)).int: one.metadata.score for one in found.objects} == pytest.approx(expected, rel=1e-5)
    assert numbers(found) == sorted(expected, key=lambda i: (-expected[i], i))


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (BM25Operator.or_(minimum_match=1), {1, 2, 3, 4}),
        (BM25Operator.or_(minimum_match=2), {1}),
        (BM25Operator.and_(), {1}),
        (None, {1, 2, 3, 4}),
    ],
)
def test_operators_hold_within_one_property(make: Make, operator: Any, expected: set[int]) -> None:
    made = make(properties=[words("a"), words("b")])
    fill(made, TEXTS)
    assert set(numbers(made.query.bm25("red fox", operator=operator))) == expected


# -- hybrid


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("fusion", [HybridFusion.RANKED, HybridFusion.RELATIVE_SCORE])
def test_fusion(make: Make, fusion: HybridFusion, alpha: float) -> None:
    made = make(properties=[words("a"), words("b")], vector_config=Configure.Vectors.self_provided())
    vectors = [[1.0, 0.0], [0.9, 0.3], [0.0, 1.0], [-1.0, 0.2]]
    fill(made, TEXTS, vectors)
    by_word = bm25f(["fox"], {"a": 1.0, "b": 1.0})
    by_vector = {i + 1: v[0] / math.hypot(*v) for i, v in enumerate(vectors)}
    expected: dict[int, float] = {}
    for weight, leg in ((1 - alpha, by_word), (alpha, by_vector)):
        if not weight:
            continue
        order = sorted(leg, key=lambda i: (-leg[i], i))
        low, high = min(leg.values()), max(leg.values())
        for rank, i in enumerate(order):
            relative = (leg[i] - low) / (high - low) if high > low else 1.0
            expected[i] = expected.get(i, 0) + weight * (1 / (rank + 60) if fusion is HybridFusion.RANKED else relative)
    found = made.query.hybrid("fox", vector=[1, 0], alpha=alpha, fusion_type=fusion, return_metadata=SCORE)
    scores = {UUID(str(one.uuid)).int: one.metadata.score for one in found.objects}
    assert scores == pytest.approx(expected, rel=1e-5, abs=1e-6)


# -- autocut, certainty


@pytest.mark.parametrize(("jumps", "kept"), [(1, 2), (2, 4), (3, 5)])
def test_autocut_keeps_what_comes_before_a_jump(make: Make, jumps: int, kept: int) -> None:
    made = make(
        vector_config=Configure.Vectors.self_provided(
            vector_index_config=Configure.VectorIndex.flat(distance_metric=VectorDistances.L2_SQUARED)
        )
    )
    fill(made, [{}] * 5, [[math.sqrt(d)] for d in (0.1, 0.11, 0.5, 0.51, 1.0)])
    assert numbers(made.query.near_vector([0], auto_limit=jumps)) == list(range(1, kept + 1))


def test_certainty_is_of_the_cosine_alone(make: Make) -> None:
    made = make(vector_config=Configure.Vectors.self_provided())
    fill(made, [{}] * 3, [[1, 0], [1, 1], [-1, 0]])
    found = made.query.near_vector([1, 0], certainty=0.8, return_metadata=MetadataQuery(certainty=True, distance=True))
    assert [one.metadata.certainty for one in found.objects] == pytest.approx([1, 0.5 + math.sqrt(0.5) / 2])
    assert all(one.metadata.certainty == pytest.approx(1 - one.metadata.distance / 2) for one in found.objects)
    index = Configure.VectorIndex.hnsw(distance_metric=VectorDistances.DOT)
    other = make(vector_config=Configure.Vectors.self_provided(vector_index_config=index))
    fill(other, [{}], [[1, 0]])
    with pytest.raises(WeaviateQueryError, match="certainty"):
        other.query.near_vector([1, 0], certainty=0.8)


# -- moves


def test_moves(make: Make) -> None:
    made = make(
        properties=[words()], vector_config=Configure.Vectors.text2vec_transformers(vectorize_collection_name=False)
    )
    texts = ["sea", "mountain", "bread", "music"]
    fill(made, [{"text": text} for text in texts])
    stored = made.query.fetch_objects(include_vector=True, limit=10).objects
    vector = {one.properties["text"]: np.asarray(one.vector["default"]) for one in stored}
    force = 0.6

    def unit(v: Any) -> Any:
        return v / np.linalg.norm(v)

    def distances(found: Any) -> dict[str, float]:
        return {one.properties["text"]: one.metadata.distance for one in found.objects}

    query, target = vector["sea"], (vector["mountain"] + vector["bread"]) / 2
    toward = query * (1 - force / 2) + target * (force / 2)
    away = query + force / 2 * (query - target)
    move = Move(force=force, concepts=["mountain"], objects=[UUID(int=3)])
    for options, moved in (({"move_to": move}, toward), ({"move_away": move}, away)):
        found = made.query.near_text("sea", **options, return_metadata=SCORE)
        expected = {text: 1 - float(unit(moved) @ unit(v)) for text, v in vector.items()}
        assert distances(found) == pytest.approx(expected, abs=1e-4)


# -- groups


def test_groups_are_named_by_the_value(make: Make) -> None:
    made = make(
        properties=[Property(name="tags", data_type=DataType.TEXT_ARRAY)],
        vector_config=Configure.Vectors.self_provided(),
    )
    fill(made, [{"tags": ["x", "y"]}, {"tags": ["y"]}, {}, {"tags": ["z"]}], [[1, i / 10] for i in range(4)])
    found = made.query.near_vector(
        [1, 0], group_by=GroupBy(prop="tags", number_of_groups=3, objects_per_group=1), return_metadata=SCORE
    )
    assert list(found.groups) == ["x", "y", ""]
    assert [numbers(group) for group in found.groups.values()] == [[1], [1], [3]]


# -- filters

P = Filter.by_property
FILTERED: list[dict[str, Any]] = [
    {"text": "Quick brown fox", "n": 1, "x": 1.5, "tags": ["p", "q"], "day": "2024-01-01T00:00:00Z"},
    {"text": "quick", "n": 2, "x": -1.0, "tags": ["q"], "day": "2024-01-01T02:00:00+02:00"},
    {"text": "brown bear", "n": 10, "tags": []},
    {"n": -5, "x": 0.0},
]
FILTERS: dict[str, tuple[Any, list[int]]] = {
    "all tokens": (P("text").equal("fox the QUICK"), [1]),
    "complement": (P("text").not_equal("quick"), [3, 4]),
    "not": (Filter.not_(P("n").greater_than(1)), [1, 4]),
    "like, each token": (P("text").like("b?own"), [1, 3]),
    "like, any number": (P("text").like("*ear"), [3]),
    "like is anchored": (P("text").like("ear"), []),
    "numbers are numbers": (P("n").greater_than(2), [3]),
    "a whole float": (P("n").equal(2), [2]),
    "instants": (P("day").equal("2024-01-01T00:00:00Z"), [1, 2]),
    "any": (P("tags").contains_any(["p", "z"]), [1]),
    "any, without stop words": (P("tags").contains_any(["the", "p"]), [1]),
    "any, scalar": (P("n").contains_any([1, 10]), [1, 3]),
    "all": (P("tags").contains_all(["p", "q"]), [1]),
    "none": (P("tags").contains_none(["p"]), [2, 3, 4]),
    "null": (P("x").is_none(True), [3]),
    "empty is null": (P("tags").is_none(True), [3, 4]),
    "not null": (P("tags").is_none(False), [1, 2]),
    "length of text": (P("text", length=True).equal(5), [2]),
    "length of arrays": (P("tags", length=True).greater_than(1), [1]),
    "ids": (Filter.by_id().contains_any([UUID(int=4), UUID(int=9)]), [4]),
    "id": (Filter.by_id().not_equal(UUID(int=4)), [1, 2, 3]),
    "made": (Filter.by_creation_time().greater_than("2020-01-01T00:00:00Z"), [1, 2, 3, 4]),
}


@pytest.fixture
def filtered(make: Make) -> Any:
    made = make(
        properties=[
            words(),
            Property(name="n", data_type=DataType.INT),
            Property(name="x", data_type=DataType.NUMBER),
            Property(name="tags", data_type=DataType.TEXT_ARRAY),
            Property(name="day", data_type=DataType.DATE),
        ],
        inverted_index_config=Configure.inverted_index(
            index_null_state=True, index_property_length=True, index_timestamps=True
        ),
    )
    fill(made, FILTERED)
    return made


def test_filters(filtered: Any) -> None:
    wrong = {}
    for name, (condition, expected) in FILTERS.items():
        found = numbers(filtered.query.fetch_objects(filters=condition))
        if found != expected:
            wrong[name] = (found, expected)
    assert not wrong


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (P("nothing").equal(1), "nothing"),
        (P("n").equal("one"), "could not parse"),
        (P("n").equal(1.5), "floating point"),
        (P("text").equal(3), "valueText"),
    ],
)
def test_filters_that_fit_nothing_are_refused(filtered: Any, condition: Any, reason: str) -> None:
    with pytest.raises(WeaviateQueryError, match=reason):
        filtered.query.fetch_objects(filters=condition)


@pytest.mark.parametrize(
    ("condition", "setting"),
    [
        (P("text").is_none(True), "indexNullState"),
        (P("text", length=True).equal(1), "indexPropertyLength"),
        (Filter.by_creation_time().greater_than("2020-01-01T00:00:00Z"), "indexTimestamps"),
    ],
)
def test_filters_that_need_a_setting_name_it(make: Make, condition: Any, setting: str) -> None:
    made = make(properties=[words()])
    fill(made, [{"text": "a"}])
    with pytest.raises(WeaviateQueryError, match=r"(?i)" + setting):
        made.query.fetch_objects(filters=condition)


# -- order and limits


def test_the_order_of_a_plain_fetch(make: Make) -> None:
    made = make(properties=[Property(name="n", data_type=DataType.INT)])
    for i in (3, 1, 2):
        made.data.insert({"n": i}, uuid=UUID(int=i))
    assert numbers(made.query.fetch_objects()) == [1, 2, 3]
    assert numbers(made.query.fetch_objects(after=UUID(int=1))) == [2, 3]
    assert numbers(made.query.fetch_objects(filters=P("n").greater_than(0))) == [1, 2, 3]


def test_sorting(make: Make) -> None:
    made = make(properties=[words(), Property(name="n", data_type=DataType.INT)])
    fill(made, [{"text": "b", "n": 1}, {"n": 1}, {"text": "B", "n": 2}, {"text": "a", "n": 1}, {"text": "É", "n": 0}])
    by = made.query.fetch_objects
    assert numbers(by(sort=Sort.by_property("text"))) == [2, 4, 1, 3, 5], "nothing first, then by lower case"
    assert numbers(by(sort=Sort.by_property("text", ascending=False))) == [5, 1, 3, 4, 2]
    assert numbers(by(sort=Sort.by_property("n", ascending=False).by_property("text"))) == [3, 2, 4, 1, 5]
    assert numbers(by(sort=Sort.by_id(ascending=False))) == [5, 4, 3, 2, 1]


def test_no_more_than_the_server_returns(make: Make) -> None:
    made = make()
    made.query.fetch_objects(limit=10_000)
    with pytest.raises(WeaviateQueryError, match="maximum results"):
        made.query.fetch_objects(limit=10_000, offset=1)


# -- aggregations


def test_figures(make: Make) -> None:
    made = make(properties=[Property(name="n", data_type=DataType.INT), words(tokenization=Tokenization.FIELD)])
    fill(made, [{"n": n, "text": text} for n, text in ((4, "b"), (1, "a"), (4, "a"), (1, "b"), (7, "c"), (9, "d"))])
    metrics = [Metrics("n").integer(), Metrics("text").text()]
    figures = made.aggregate.over_all(return_metrics=metrics).properties
    n, text = figures["n"], figures["text"]
    assert (n.count, n.sum_, n.minimum, n.maximum, n.mode, n.median) == (6, 26, 1, 9, 1, 4)
    assert n.mean == pytest.approx(26 / 6)
    assert [(one.value, one.count) for one in text.top_occurrences] == [("a", 2), ("b", 2), ("c", 1), ("d", 1)]
    empty = made.aggregate.over_all(total_count=True, return_metrics=metrics, filters=P("n").equal(100))
    assert empty.total_count == 0
    assert (empty.properties["n"].count, empty.properties["n"].mean) == (0, None)


# -- auto-schema


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-01-01T00:00:00Z", "date"),
        (str(UUID(int=1)), "uuid"),
        ("text", "text"),
        (3, "number"),
        (True, "boolean"),
        ({"latitude": 1, "longitude": 2}, "geoCoordinates"),
        ({"input": "020 1234567", "defaultCountry": "nl"}, "phoneNumber"),
        ({"a": 1}, "object"),
        (["a", "2024-01-01T00:00:00Z"], "text[]"),
        ([1.5], "number[]"),
        ([{"a": 1}], "object[]"),
    ],
)
def test_auto_schema(server: Server, client: weaviate.WeaviateClient, value: Any, expected: str) -> None:
    name = "TGuessed"
    client.collections.delete(name)
    made = httpx.post(server.url("/v1/objects"), json={"class": name, "properties": {"p": value}})
    assert made.status_code == 200, made.text
    schema = httpx.get(server.url(f"/v1/schema/{name}")).json()
    assert schema["properties"][0]["dataType"] == [expected]
    assert list(schema["vectorConfig"]) == ["default"]
    client.collections.delete(name)


# -- boosts, dummies


def test_a_boost_is_a_share_of_the_score(make: Make) -> None:
    made = make(
        properties=[Property(name="n", data_type=DataType.INT)], vector_config=Configure.Vectors.self_provided()
    )
    vectors = [[1, 0], [1, 1], [0, 1]]
    fill(made, [{"n": i} for i in range(3)], vectors)
    distances = [1 - v[0] / math.hypot(*v) for v in vectors]
    primary = [1 - d / max(distances) for d in distances]
    weight = 0.7
    final = [(1 - weight) * p + weight * (i == 2) for i, p in enumerate(primary)]
    found = made.query.near_vector([1, 0], boost=Boost.filter(P("n").equal(2), weight=weight), return_metadata=SCORE)
    assert numbers(found) == [i + 1 for i in sorted(range(3), key=lambda i: -final[i])]


def test_the_dummy_modules(make: Make) -> None:
    made = make(
        properties=[words()],
        reranker_config=Configure.Reranker.custom("reranker-dummy"),
        generative_config=Configure.Generative.custom("generative-dummy"),
    )
    fill(made, [{"text": "né"}])
    (one,) = made.generate.fetch_objects(single_prompt="say {text}").objects
    assert one.generated is not None
    assert one.generated.startswith("You want me to generate something based on the following prompt: say né.")
    assert one.generated.endswith("I'm sorry, I'm just a dummy and can't generate anything.")
