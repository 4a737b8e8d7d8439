"""Every search through the official client, against answers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from weaviate.classes.config import Configure, DataType, Property, VectorDistances
from weaviate.classes.query import Filter, GroupBy, HybridFusion, HybridVector, MetadataQuery, Move, TargetVectors
from weaviate.exceptions import WeaviateQueryError

Make = Callable[..., Any]
ALL = MetadataQuery.full()
TEXTS = [
    "The quick brown fox jumps over the lazy dog",
    "A dog sleeps in the sun",
    "Rockets carry satellites into orbit",
    "Bread is baked from flour, water and salt",
    "The moon circles the earth once a month",
    "Cats and dogs are popular pets",
]


def texts_with(make: Make, **options: Any) -> Any:
    things = make(
        properties=[
            Property(name="text", data_type=DataType.TEXT),
            Property(name="n", data_type=DataType.INT),
            Property(name="kind", data_type=DataType.TEXT, skip_vectorization=True),
        ],
        **options,
    )
    rows = [{"text": t, "n": i, "kind": "animal" if i in (0, 1, 5) else "other"} for i, t in enumerate(TEXTS)]
    assert not things.data.insert_many(rows).has_errors
    return things


def numbers(found: Any) -> list[int]:
    return [o.properties["n"] for o in found.objects]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (VectorDistances.COSINE, lambda q, v: 1 - v @ q / np.linalg.norm(v, axis=1) / np.linalg.norm(q)),
        (VectorDistances.DOT, lambda q, v: -(v @ q)),
        (VectorDistances.L2_SQUARED, lambda q, v: ((v - q) ** 2).sum(1)),
        (VectorDistances.MANHATTAN, lambda q, v: np.abs(v - q).sum(1)),
        (VectorDistances.HAMMING, lambda q, v: (v != q).sum(1)),
    ],
)
def test_near_vector_in_every_metric(make: Make, metric: Any, expected: Callable[[Any, Any], Any]) -> None:
    rng = np.random.default_rng(7)
    vectors = rng.integers(-3, 4, (60, 6)).astype(np.float32) + np.float32(0.5)
    things = make(
        properties=[Property(name="n", data_type=DataType.INT)],
        vector_config=Configure.Vectors.self_provided(
            vector_index_config=Configure.VectorIndex.hnsw(distance_metric=metric)
        ),
    )
    with things.batch.fixed_size() as batch:
        for n, v in enumerate(vectors):
            batch.add_object({"n": n}, vector=v.tolist())
    query = vectors[11]
    distances = expected(query, vectors)
    found = things.query.near_vector(query.tolist(), limit=8, return_metadata=ALL)
    assert [o.metadata.distance for o in found.objects] == pytest.approx(np.sort(distances)[:8].tolist(), abs=1e-5)
    assert distances[numbers(found)] == pytest.approx(np.sort(distances)[:8], abs=1e-5)
    limit = float(np.sort(distances)[4])
    within = things.query.near_vector(query.tolist(), distance=limit, limit=60).objects
    assert len(within) == (distances <= limit + 1e-6).sum()


def test_near_text_finds_the_meaning_offline(make: Make) -> None:
    things = texts_with(make, vector_config=Configure.Vectors.text2vec_transformers())
    assert numbers(things.query.near_text("pets", limit=1)) == [5]
    assert numbers(things.query.near_text("space travel", limit=2))[0] == 2
    found = things.query.near_text("animals", limit=3, return_metadata=ALL)
    assert set(numbers(found)) <= {0, 1, 5}
    for hit in found.objects:
        assert hit.metadata.certainty == pytest.approx(1 - hit.metadata.distance / 2, abs=1e-6)
    assert numbers(things.query.near_text("animals", certainty=0.99)) == []
    toward = Move(force=1.0, concepts=["satellites in orbit"])
    assert numbers(things.query.near_text("animals", limit=1, move_to=toward)) == [2]
    away = things.query.near_text("dog", limit=6, move_away=Move(force=1.0, concepts=["sleeping in the sun"]))
    assert numbers(away).index(1) > 0


def test_an_empty_text_is_searched_as_any_other(make: Make) -> None:
    things = texts_with(make, vector_config=Configure.Vectors.text2vec_transformers())
    for text in ("", "  "):
        assert len(things.query.near_text(text, limit=2).objects) == 2
        assert len(things.query.hybrid(text, limit=2).objects) == 2
    with pytest.raises(WeaviateQueryError, match="must have query set"):
        things.query.bm25("")
    assert things.query.bm25("  ").objects == []


def test_near_object(make: Make) -> None:
    things = texts_with(make, vector_config=Configure.Vectors.text2vec_transformers())
    dogs = things.query.fetch_objects(filters=Filter.by_property("n").equal(1)).objects[0]
    found = things.query.near_object(dogs.uuid, limit=2, return_metadata=ALL)
    assert found.objects[0].uuid == dogs.uuid
    assert found.objects[0].metadata.distance == pytest.approx(0, abs=1e-5)
    with pytest.raises(WeaviateQueryError):
        things.query.near_object("00000000-0000-0000-0000-00000000dead")


def test_bm25(make: Make) -> None:
    things = texts_with(make, vector_config=Configure.Vectors.self_provided())
    found = things.query.bm25("dog", return_metadata=ALL)
    assert numbers(found) == [1, 0], "the shorter text scores higher"
    scores = [o.metadata.score for o in found.objects]
    assert scores[0] > scores[1] > 0
    assert "BM25F_dog_frequency:1" in found.objects[0].metadata.explain_score
    assert numbers(things.query.bm25("the")) == [], "stop words find nothing"
    assert numbers(things.query.bm25("animal", query_properties=["kind"], limit=10)) != []
    assert numbers(things.query.bm25("dog", filters=Filter.by_property("n").less_than(1))) == [0]
    with pytest.raises(WeaviateQueryError, match="n"):
        things.query.bm25("dog", query_properties=["n"])


@pytest.mark.parametrize("fusion", [HybridFusion.RANKED, HybridFusion.RELATIVE_SCORE])
def test_hybrid(make: Make, fusion: HybridFusion) -> None:
    things = texts_with(make, vector_config=Configure.Vectors.text2vec_transformers())
    found = things.query.hybrid("dog", fusion_type=fusion, return_metadata=ALL, limit=6)
    assert set(numbers(found)[:3]) == {0, 1, 5}
    scores = [o.metadata.score for o in found.objects]
    assert scores == sorted(scores, reverse=True)
    assert "Result Set" in found.objects[0].metadata.explain_score
    assert numbers(things.query.hybrid("dog", alpha=0, fusion_type=fusion)) == [1, 0]
    by_vector = numbers(things.query.near_text("dog", limit=6))
    assert numbers(things.query.hybrid("dog", alpha=1, fusion_type=fusion, limit=6)) == by_vector


def test_hybrid_with_a_vector_and_a_distance_limit(make: Make) -> None:
    things = make(
        properties=[Property(name="text", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)],
        vector_config=Configure.Vectors.self_provided(),
    )
    for n, (text, vector) in enumerate([("apple", [1, 0]), ("apple pie", [0, 1]), ("pear", [0.9, 0.1])]):
        things.data.insert({"text": text, "n": n}, vector=vector)
    assert numbers(things.query.hybrid("apple", vector=[1, 0], alpha=0.5))[0] == 0
    close = things.query.hybrid("apple", vector=[1, 0], max_vector_distance=0.2)
    assert set(numbers(close)) == {0, 2}, "a keyword hit whose vector is too far is dropped too"
    sub = things.query.hybrid("apple", vector=HybridVector.near_vector([1, 0], distance=0.2), limit=3)
    assert numbers(sub)[0] == 0


def test_limit_offset_autocut(make: Make) -> None:
    things = make(
        properties=[Property(name="n", data_type=DataType.INT)], vector_config=Configure.Vectors.self_provided()
    )
    for n, angle in enumerate([0.0, 0.01, 0.02, 1.0, 1.01, 1.02]):
        things.data.insert({"n": n}, vector=[float(np.cos(angle)), float(np.sin(angle))])
    assert numbers(things.query.near_vector([1, 0], limit=2, offset=1)) == [1, 2]
    assert numbers(things.query.near_vector([1, 0], auto_limit=1)) == [0, 1, 2]
    with pytest.raises(WeaviateQueryError, match="maximum results"):
        things.query.near_vector([1, 0], limit=20_000)


def test_filters_meet_search(make: Make) -> None:
    things = texts_with(make, vector_config=Configure.Vectors.text2vec_transformers())
    by_n, by_kind = Filter.by_property("n"), Filter.by_property("kind")
    cases = [
        ([0, 1, 5], by_kind.equal("animal")),
        ([2, 3, 4], by_kind.not_equal("animal")),
        ([0, 1], by_kind.equal("animal") & by_n.less_or_equal(1)),
        ([0, 1, 2, 5], by_kind.equal("animal") | by_n.equal(2)),
        ([1, 3], by_n.contains_any([1, 3, 99])),
        ([0, 1, 5], Filter.by_property("text").like("dog*")),
        ([4], Filter.not_(by_n.less_than(4)) & by_n.not_equal(5)),
    ]
    for expected, where in cases:
        assert sorted(numbers(things.query.fetch_objects(filters=where))) == expected
        assert sorted(numbers(things.query.near_text("dog", filters=where, limit=10))) == expected


def test_group_by(make: Make) -> None:
    things = texts_with(make, vector_config=Configure.Vectors.text2vec_transformers())
    found = things.query.near_text(
        "dog", limit=6, group_by=GroupBy(prop="kind", number_of_groups=2, objects_per_group=2), return_metadata=ALL
    )
    assert list(found.groups) == ["animal", "other"]
    assert found.groups["animal"].number_of_objects == 2
    assert {o.belongs_to_group for o in found.objects} == {"animal", "other"}
    assert found.groups["animal"].min_distance <= found.groups["animal"].max_distance


def test_target_vectors_in_every_combination(make: Make) -> None:
    things = make(
        properties=[Property(name="n", data_type=DataType.INT)],
        vector_config=[Configure.Vectors.self_provided(name="a"), Configure.Vectors.self_provided(name="b")],
    )
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 30, 5)).astype(np.float32)
    for n in range(30):
        things.data.insert({"n": n}, vector={"a": a[n].tolist(), "b": b[n].tolist()})
    qa, qb = rng.normal(size=(2, 5)).astype(np.float32)

    def cosine(q: Any, v: Any) -> Any:
        return 1 - v @ q / np.linalg.norm(v, axis=1) / np.linalg.norm(q)

    da, db = cosine(qa, a), cosine(qb, b)
    weights = {"a": 0.3, "b": 0.7}
    cases = [
        (TargetVectors.minimum(["a", "b"]), np.minimum(da, db)),
        (TargetVectors.sum(["a", "b"]), da + db),
        (TargetVectors.average(["a", "b"]), (da + db) / 2),
        (TargetVectors.manual_weights(weights), 0.3 * da + 0.7 * db),
    ]
    near = {"a": qa.tolist(), "b": qb.tolist()}
    for target, distances in cases:
        found = things.query.near_vector(near, target_vector=target, limit=5, return_metadata=ALL)
        assert [o.metadata.distance for o in found.objects] == pytest.approx(np.sort(distances)[:5].tolist(), abs=1e-5)
        assert numbers(found) == np.argsort(distances)[:5].tolist()
    only_b = things.query.near_vector(qb.tolist(), target_vector="b", limit=3)
    assert numbers(only_b) == np.argsort(db)[:3].tolist()
    scaled = 0.3 * (da - da.min()) / np.ptp(da) + 0.7 * (db - db.min()) / np.ptp(db)
    relative = things.query.near_vector(near, target_vector=TargetVectors.relative_score(weights), limit=30)
    assert numbers(relative) == np.argsort(scaled).tolist()
    with pytest.raises(WeaviateQueryError, match="target vectors"):
        things.query.near_vector(qa.tolist())
    with pytest.raises(WeaviateQueryError, match="does not have named vector"):
        things.query.near_vector(qa.tolist(), target_vector="c")


def test_chosen_properties_and_vectors(make: Make) -> None:
    things = make(
        properties=[Property(name="n", data_type=DataType.INT), Property(name="text", data_type=DataType.TEXT)],
        vector_config=[Configure.Vectors.self_provided(name="a"), Configure.Vectors.self_provided(name="b")],
    )
    things.data.insert({"n": 1, "text": "x"}, vector={"a": [1.0, 2.0], "b": [3.0]})
    one = things.query.fetch_objects(return_properties=["text"], include_vector=["b"]).objects[0]
    assert one.properties == {"text": "x"}
    assert one.vector == {"b": [3.0]}
    none = things.query.fetch_objects(return_properties=[]).objects[0]
    assert none.properties == {}
    assert none.vector == {}


def test_errors_say_what_to_do(make: Make) -> None:
    things = texts_with(make, vector_config=Configure.Vectors.self_provided())
    things.data.insert({"n": 9}, vector=[1.0, 2.0])
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: things.query.near_vector([1.0, 2.0, 3.0]), "dimensions"),
        (lambda: things.query.near_vector([[1.0, 2.0], [3.0, 4.0]]), "multi vector"),
        (lambda: things.query.near_text("x"), "vectorizer"),
        (lambda: things.query.fetch_objects(filters=Filter.by_property("nope").equal(1)), "nope"),
        (lambda: things.query.fetch_objects(filters=Filter.by_property("n").equal("one")), "integer"),
        (lambda: things.query.fetch_objects(return_properties=["nope"]), "nope"),
    ]
    for call, words in calls:
        with pytest.raises(WeaviateQueryError, match=words):
            call()
