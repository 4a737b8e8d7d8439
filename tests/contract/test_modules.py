"""What every text vectorizer that runs in this process keeps to."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Overloaded, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.domain.schema import CollectionConfig, DataType, Property, VectorConfig
from weft.modules import build_registry
from weft.modules.base import ModuleInput, Vectorizer
from weft.modules.registry import Registry
from weft.settings.modules import ModelSettings

ANYONE = Caller()
DIMENSIONS = {"text2vec-transformers": 384, "text2vec-model2vec": 256}
TEXTS = [
    "A cat sleeps on the warm windowsill.",
    "Interest rates were raised by the central bank.",
    "The striker scored twice in the second half.",
    "Bake the bread for forty minutes.",
]
QUESTIONS = ["kitten napping in the sun", "monetary policy and inflation", "football goals", "recipe for a loaf"]


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    found = build_registry(models=ModelSettings(threads=1))
    yield found
    found.close()


@pytest.fixture(params=sorted(DIMENSIONS))
def vectorizer(request: pytest.FixtureRequest, registry: Registry) -> Vectorizer:
    return registry.vectorizer(request.param)


def vectors(found: list[Vector | WeftError]) -> list[Vector]:
    assert not [one for one in found if isinstance(one, WeftError)]
    return [one for one in found if not isinstance(one, WeftError)]


def embed(vectorizer: Vectorizer, texts: list[str]) -> list[Vector]:
    return vectors(vectorizer.embed_objects([ModuleInput((text,)) for text in texts], {}, ANYONE))


def test_vectors_are_unit_float32_of_one_size(vectorizer: Vectorizer) -> None:
    for vector in embed(vectorizer, TEXTS):
        assert vector.dtype == np.float32
        assert vector.shape == (DIMENSIONS[vectorizer.name],)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_each_question_finds_its_text(vectorizer: Vectorizer) -> None:
    documents = np.stack(embed(vectorizer, TEXTS))
    found = [int((documents @ vectorizer.embed_query([q], {}, ANYONE)).argmax()) for q in QUESTIONS]
    assert found == [0, 1, 2, 3]


def test_order_is_kept_whatever_the_lengths(vectorizer: Vectorizer) -> None:
    texts = ["short", "a much longer text " * 30, "middle sized text here", "x"]
    together = embed(vectorizer, texts)
    alone = [embed(vectorizer, [text])[0] for text in texts]
    assert [float(a @ b) for a, b in zip(together, alone, strict=True)] == pytest.approx([1] * 4, abs=0.01)


def test_several_concepts_are_averaged(vectorizer: Vectorizer) -> None:
    one, other = (vectorizer.embed_query([text], {}, ANYONE) for text in TEXTS[:2])
    assert vectorizer.embed_query(TEXTS[:2], {}, ANYONE) == pytest.approx((one + other) / 2, abs=1e-6)


def test_odd_texts_are_embedded_or_refused_each_by_itself(vectorizer: Vectorizer) -> None:
    odd = [
        "",
        " ",
        "\x00",
        "日本語のテキスト",
        "🎉" * 50,
        "a" * 100_000,
        "x " * 60_000,
        "[CLS] [SEP]",
        "\ud800",
        "fine",
    ]
    found = vectorizer.embed_objects([ModuleInput((text,)) for text in odd], {}, ANYONE)
    assert [i for i, one in enumerate(found) if isinstance(one, WeftError)] == [8]
    assert isinstance(found[8], Invalid)
    assert all(np.isfinite(one).all() for one in found if not isinstance(one, WeftError))


def test_many_threads_get_their_own_answers(vectorizer: Vectorizer) -> None:
    expected = embed(vectorizer, TEXTS)
    cosines: list[float] = []

    def ask(i: int) -> None:
        cosines.append(float(embed(vectorizer, [TEXTS[i % 4]])[0] @ expected[i % 4]))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert cosines == pytest.approx([1] * 16, abs=0.01)


def test_the_fingerprint_names_the_space(vectorizer: Vectorizer) -> None:
    assert vectorizer.fingerprint({}) == vectorizer.fingerprint(vectorizer.defaults({}))
    assert vectorizer.fingerprint({}) == vectorizer.fingerprint({"vectorizeClassName": False})
    assert vectorizer.fingerprint({}).startswith(vectorizer.name)


def test_media_is_refused_by_name(vectorizer: Vectorizer) -> None:
    with pytest.raises(Invalid, match=f"{vectorizer.name} does not embed image; it embeds text"):
        vectorizer.embed_media(MediaKind.IMAGE, "aGk=", {}, ANYONE)


def test_a_collection_without_anything_to_embed_is_refused(vectorizer: Vectorizer) -> None:
    numbers = CollectionConfig("Numbers", (Property("n", DataType.INT),))
    words = CollectionConfig("Words", (Property("n", DataType.INT), Property("t", DataType.TEXT)))
    settings = {"vectorizeClassName": False}
    target = VectorConfig("v", vectorizer.name, settings)
    with pytest.raises(Invalid, match="didn't find a single property which is vectorizable"):
        vectorizer.validate(numbers, target, False)
    vectorizer.validate(words, target, False)
    vectorizer.validate(numbers, target, True)
    vectorizer.validate(numbers, VectorConfig("v", vectorizer.name, {"vectorizeClassName": True}), False)
    vectorizer.validate(numbers, VectorConfig("v", vectorizer.name, settings, ("n",)), False)


@pytest.mark.parametrize("properties", ["title", [], [1]])
def test_source_properties_must_be_names(vectorizer: Vectorizer, properties: object) -> None:
    with pytest.raises(Invalid, match="properties field"):
        vectorizer.check_settings({"properties": properties})


def test_a_closed_registry_embeds_no_more() -> None:
    registry = build_registry(models=ModelSettings(threads=1))
    vectorizer = registry.vectorizer("text2vec-model2vec")
    vectorizer.embed_query(["before"], {}, ANYONE)
    registry.close()
    with pytest.raises(Overloaded):
        vectorizer.embed_query(["after"], {}, ANYONE)
