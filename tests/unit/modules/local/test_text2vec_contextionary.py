"""Word vectors under the Contextionary's name: their size, their words, and the distances that callers rely on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from weft import __version__
from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.modules.local.pool import ModelPool
from weft.modules.local.text2vec_contextionary import DIMENSIONS, Text2VecContextionary
from weft.modules.local.vocabulary import known_words
from weft.modules.resources import Resources

CALLER = Caller()


@pytest.fixture(scope="module")
def module() -> Iterator[Text2VecContextionary]:
    pool = ModelPool(threads=1)
    yield Text2VecContextionary("text2vec-contextionary", Resources(pool=pool))
    pool.close()


def embedded(module: Text2VecContextionary, *texts: str) -> list[Vector]:
    found: list[Vector] = []
    for one in module.embed_texts(texts, {}, CALLER):
        assert isinstance(one, np.ndarray)
        found.append(one)
    return found


def distance(a: Vector, b: Vector) -> float:
    return 1.0 - float(a @ b)


def test_vectors_are_of_length_one_and_alike_for_objects_and_queries(module: Text2VecContextionary) -> None:
    (document,) = embedded(module, "apple cake")
    query = module.embed_query(["apple cake"], {}, CALLER)
    assert document.shape == (DIMENSIONS,) and document.dtype == np.float32
    assert np.linalg.norm(document) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(document, query)


@pytest.mark.parametrize("other", ["APPLE Cake", "apple, cake!", "appleCake", "apple_cake", " apple\tcake "])
def test_only_the_words_count(module: Text2VecContextionary, other: str) -> None:
    first, second = embedded(module, "apple cake", other)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "pair",
    [
        ("some text", "nothing like the other one at all, not even a little bit"),
        ("Hello", "World"),
        ("mountain climbing", "banana pudding"),
        ("quarterly tax return", "violin concerto"),
    ],
)
def test_unrelated_texts_are_neither_near_nor_far(module: Text2VecContextionary, pair: tuple[str, str]) -> None:
    assert 0.2 < distance(*embedded(module, *pair)) < 0.9


def test_a_text_lies_between_its_words(module: Text2VecContextionary) -> None:
    apple, cake, both, climbing = embedded(module, "apple", "cake", "apple cake", "mountain climbing")
    assert distance(cake, both) < min(distance(cake, apple), distance(cake, climbing))
    assert distance(apple, both) < min(distance(apple, cake), distance(apple, climbing))


def test_frequent_and_rare_words_count_alike(module: Text2VecContextionary) -> None:
    banana, smoothie, both = embedded(module, "banana", "smoothie", "banana smoothie")
    assert distance(banana, both) == pytest.approx(distance(smoothie, both), abs=1e-5)


def test_several_queries_are_averaged(module: Text2VecContextionary) -> None:
    both = module.embed_query(["apple", "cake"], {}, CALLER)
    np.testing.assert_allclose(both, np.mean(embedded(module, "apple", "cake"), axis=0), rtol=1e-6)


@pytest.mark.parametrize("text", ["", "!?", " \n"])
def test_a_text_without_words_has_a_vector_all_the_same(module: Text2VecContextionary, text: str) -> None:
    (vector,) = embedded(module, text)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_what_a_new_collection_is_given(module: Text2VecContextionary) -> None:
    assert module.defaults({}) == {"vectorizeClassName": True}
    assert module.property_defaults() == {"skip": False, "vectorizePropertyName": False}


def test_a_concept_is_described_with_its_neighbours(module: Text2VecContextionary) -> None:
    described: Any = module.concept("car")
    assert "concatenatedWord" not in described
    (word,) = described["individualWords"]
    assert (word["word"], word["present"]) == ("car", True)
    (vector,) = embedded(module, "car")
    assert word["info"]["vector"] == vector.tolist()
    near = word["info"]["nearestNeighbors"]
    assert near[0] == {"word": "car", "distance": pytest.approx(0, abs=1e-6)} and len(near) == 12
    assert {"cars", "vehicle", "automobile"} <= {one["word"] for one in near}
    assert [one["distance"] for one in near] == sorted(one["distance"] for one in near)
    for one in near:
        (other,) = embedded(module, one["word"])
        assert one["distance"] == pytest.approx(distance(vector, other), abs=1e-6)


def test_several_words_are_described_alone_and_together(module: Text2VecContextionary) -> None:
    described: Any = module.concept("fastZzyzxqCar")
    assert [(one["word"], one["present"]) for one in described["individualWords"]] == [
        ("fast", True),
        ("zzyzxq", False),
        ("car", True),
    ]
    assert "info" not in described["individualWords"][1]
    together = described["concatenatedWord"]
    assert (together["concatenatedWord"], together["singleWords"]) == ("fastZzyzxqCar", ["fast", "zzyzxq", "car"])
    np.testing.assert_array_equal(np.float32(together["concatenatedVector"]), embedded(module, "fast zzyzxq car")[0])
    assert len(together["concatenatedNearestNeighbors"]) == 12


@pytest.mark.parametrize("wrong", ["two words", "a-b", "", "x" * 1001])
def test_what_is_no_word_is_refused(module: Text2VecContextionary, wrong: str) -> None:
    with pytest.raises(Invalid, match="letters and digits"):
        module.concept(wrong)


def test_the_words_are_counted(module: Text2VecContextionary) -> None:
    assert module.meta()["wordCount"] == len(known_words()) == 23_502
    assert module.meta()["version"] == __version__, "clients read which version made the vectors"
