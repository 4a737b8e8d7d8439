"""Collections as they are made at the target of a move."""

from __future__ import annotations

from weft.cli.move.objects import Notes
from weft.cli.move.references import led_to
from weft.cli.move.schema import mapped_document, without_references
from weft.domain.json_values import JsonValue

NAMES = {"Doc": "Paper", "Author": "Author"}


def test_modules_that_the_target_lacks_are_replaced_and_said() -> None:
    document: dict[str, JsonValue] = {
        "class": "Doc",
        "vectorConfig": {
            "a": {"vectorizer": {"text2vec-x": {"model": "m"}}, "vectorIndexType": "flat"},
            "b": {"vectorizer": {"text2vec-y": {}}},
            "c": {"vectorizer": {"none": {}}},
        },
        "moduleConfig": {"generative-x": {"model": "m"}, "reranker-y": {}, "text2vec-x": {}},
        "properties": [{"name": "t", "dataType": ["text"], "moduleConfig": {"text2vec-x": {}, "text2vec-y": {}}}],
        "shardingConfig": {"desiredCount": 3},
        "replicationConfig": {"factor": 3},
    }
    notes = Notes()
    mapped = mapped_document(document, NAMES, frozenset({"text2vec-y", "reranker-y"}), notes)
    assert mapped == {
        "class": "Paper",
        "vectorConfig": {
            "a": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"},
            "b": {"vectorizer": {"text2vec-y": {}}},
            "c": {"vectorizer": {"none": {}}},
        },
        "moduleConfig": {"reranker-y": {}},
        "properties": [{"name": "t", "dataType": ["text"], "moduleConfig": {"text2vec-y": {}}}],
    }
    assert len(notes.mapped) == 1
    assert "the vector 'a' is made by text2vec-x" in notes.mapped[0]
    assert notes.lost == ["the settings of the module generative-x, which the target has not enabled"]


def test_the_vector_without_a_name_is_replaced_too() -> None:
    notes = Notes()
    mapped = mapped_document({"class": "Doc", "vectorizer": "text2vec-x"}, NAMES, frozenset(), notes)
    assert mapped["vectorizer"] == "none"
    assert len(notes.mapped) == 1


def test_references_lead_to_the_collections_of_the_target() -> None:
    document: dict[str, JsonValue] = {
        "class": "Doc",
        "properties": [{"name": "t", "dataType": ["text"]}, {"name": "next", "dataType": ["Doc", "Author"]}],
    }
    mapped = mapped_document(document, NAMES, frozenset(), Notes())
    assert mapped["properties"] == [
        {"name": "t", "dataType": ["text"]},
        {"name": "next", "dataType": ["Paper", "Author"]},
    ]
    assert without_references(mapped)["properties"] == [{"name": "t", "dataType": ["text"]}]
    found = led_to([{"beacon": "weaviate://localhost/Doc/AB", "href": "/v1"}, {"beacon": "weaviate://x/CD"}], NAMES)
    assert found == [{"beacon": "weaviate://localhost/Paper/ab"}, {"beacon": "weaviate://localhost/cd"}]
