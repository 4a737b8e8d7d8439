"""Contextual classification: the telling words of a text, computed by hand, and with the module's own words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from unit.service.classification.conftest import CALLER, Kitchen, key, uuid
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.domain.objects import IncomingObject, Vector
from weft.service.classification.contextual import ContextualLabels, Rarity
from weft.service.classification.labels import Candidates

CONTEXTUAL = "text2vec-contextionary-contextual"
SWEET, SAVOURY = 1, 2
WORDS = {"sugar": [1.0, 0.0], "salt": [0.0, 1.0], "dish": [1.0, 1.0], "meal": [1.0, 0.9]}


class Words:
    """A lexicon of four words; texts have the weighted mean of theirs."""

    def __init__(self) -> None:
        self.mixed: list[list[tuple[str, float]]] = []

    def word_vectors(self, words: Sequence[str]) -> list[Vector | None]:
        return [np.array(WORDS[word], np.float32) if word in WORDS else None for word in words]

    def mix(self, words: Sequence[str], weights: Sequence[float]) -> Vector:
        self.mixed.append(list(zip(words, weights, strict=True)))
        return np.average(np.array([WORDS[word] for word in words], np.float32), axis=0, weights=weights)


def labels(kitchen: Kitchen, words: Words, texts: Sequence[str], **settings: int) -> ContextualLabels:
    """Of the kinds: sweet is where sugar is, savoury where salt is."""
    with kitchen.service.collections.open("Kind").use(None) as part:
        targets = {"ofKind": Candidates(part.view(), "default")}
    whole: dict[str, JsonValue] = {
        "minimumUsableWords": 1,
        "informationGainCutoffPercentile": 50,
        "informationGainMaximumBoost": 3,
        "tfidfCutoffPercentile": 100,
        **settings,
    }
    return ContextualLabels(words, Rarity(texts), targets, whole)


def label_of(found: ContextualLabels, text: str) -> tuple[int, float]:
    label = found.of(None, text)["ofKind"]
    assert label.figures is not None
    return int.from_bytes(label.uuid, "big"), label.figures["winningDistance"]


def test_the_informative_words_decide(kitchen: Kitchen) -> None:
    """sugar gains 0.5: its mean distance to the kinds is 0.5, the least 0. dish gains nothing: both are as near."""
    words = Words()
    found = labels(kitchen, words, ["a"])
    assert label_of(found, "Dish, sugar; meal dish (unheard)!") == (SWEET, 0.0)
    assert words.mixed == [[("sugar", 3.0)]]


def test_the_most_informative_words_are_the_heaviest(kitchen: Kitchen) -> None:
    """Of two informative words the first weighs 3, the second 1 - ln(1/2); each as often as the text has it."""
    words = Words()
    found = labels(kitchen, words, ["a"], informationGainCutoffPercentile=100, minimumUsableWords=0)
    label_of(found, "sugar meal meal")
    ((first, second, third),) = words.mixed
    assert first == ("sugar", 3.0)
    assert (second, third[0]) == (third, "meal")
    assert third[1] == pytest.approx(1 + np.log(2))
    label_of(labels(kitchen, words, ["a"], informationGainCutoffPercentile=100, informationGainMaximumBoost=1), "salt")
    assert words.mixed[1] == [("salt", 1.0)]


def test_words_of_every_text_tell_less(kitchen: Kitchen) -> None:
    """sugar is in each of the texts, salt only in one: half of the words are kept, and that is salt."""
    texts = ["sugar and salt", "sugar and rice", "sugar and milk"]
    words = Words()
    found = labels(kitchen, words, texts, informationGainCutoffPercentile=100, tfidfCutoffPercentile=34)
    assert label_of(found, "sugar and salt")[0] == SAVOURY
    assert [one for one, _ in words.mixed[0]] == ["salt"]


def test_too_few_telling_words_are_filled_up(kitchen: Kitchen) -> None:
    words = Words()
    label_of(labels(kitchen, words, ["a"], tfidfCutoffPercentile=0, minimumUsableWords=2), "dish meal sugar")
    assert [one for one, _ in words.mixed[0]] == ["sugar", "meal"]


def test_texts_and_targets_that_say_nothing(kitchen: Kitchen) -> None:
    for text in ("", None, "unheard of"):
        with pytest.raises(Invalid, match="none of its words is known"):
            labels(kitchen, Words(), ["a"]).of(None, text)
    for number in (SWEET, SAVOURY):
        kitchen.service.objects.delete("Kind", uuid(number), None)
    with pytest.raises(Invalid, match="no potential targets found of class 'Kind'"):
        labels(kitchen, Words(), ["a"])


def test_with_the_words_of_the_module(kitchen: Kitchen) -> None:
    text = {"name": "text", "dataType": ["text"]}
    of_topic = {"name": "ofTopic", "dataType": ["Topic"]}
    for name, properties in (("Topic", [text]), ("Article", [text, of_topic])):
        made = {"class": name, "vectorizer": "text2vec-contextionary", "properties": properties}
        kitchen.service.collections.create(made)
    topics = ["Food and Drink", "Computers and Technology", "Politics"]
    articles = [
        "I love eating ice cream with my t-bone steak",
        "The new Apple Macbook 16 inch provides great performance",
        "Barack Obama was the 44th president of the united states",
    ]
    objects = [IncomingObject("Topic", uuid(n), {"text": one}) for n, one in enumerate(topics, 100)]
    objects += [IncomingObject("Article", uuid(n), {"text": one}) for n, one in enumerate(articles, 200)]
    assert kitchen.service.objects.batch(objects, CALLER) == [None] * 6
    state = kitchen.classify(collection="Article", properties=("ofTopic",), kind=CONTEXTUAL)
    assert (state.succeeded, state.failed, state.record.error) == (3, 0, "")
    for number in range(3):
        stored = kitchen.service.objects.get("Article", uuid(200 + number), None, vectors=False)
        (label,) = stored.properties["ofTopic"]
        assert (label.collection, label.uuid) == ("Topic", key(100 + number))
        assert label.figures is not None and 0 < label.figures["winningDistance"] < 1


def test_collections_of_other_vectors_are_refused(kitchen: Kitchen) -> None:
    with pytest.raises(Invalid, match="needs vectors of text2vec-contextionary, those of class Recipe are of none"):
        kitchen.classify(kind=CONTEXTUAL)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tfidfCutoffPercentile": 101}, "settings.tfidfCutoffPercentile must be a whole number from 0 to 100"),
        ({"minimumUsableWords": "3"}, "settings.minimumUsableWords must be number, got a string"),
    ],
)
def test_settings_that_are_refused(kitchen: Kitchen, settings: JsonValue, words: str) -> None:
    with pytest.raises(Invalid, match=f"parse {CONTEXTUAL} specific settings: {words}"):
        kitchen.classify(kind=CONTEXTUAL, settings=settings)
