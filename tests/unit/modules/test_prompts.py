"""Prompts from templates and properties, and the modules that answer without a model."""

from __future__ import annotations

import pytest

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.objects import GeoPoint
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.modules import build_registry
from weft.modules.prompts import prompt_values, single_prompt, task_prompt


def test_properties_become_text() -> None:
    kinds = {
        "title": DataType.TEXT,
        "tags": DataType.TEXT_ARRAY,
        "pages": DataType.INT,
        "price": DataType.NUMBER,
        "sold": DataType.BOOLEAN,
        "place": DataType.GEO,
        "cover": DataType.BLOB,
        "missing": DataType.TEXT,
    }
    config = CollectionConfig("Book", tuple(Property(name, kind) for name, kind in kinds.items()))
    place = GeoPoint(1.0, 2.5)
    values = {"title": "Dune", "tags": ["a", "b"], "pages": 412, "price": 7.5, "sold": True, "place": place}
    assert prompt_values(config, {**values, "cover": "aGk=", "missing": None}) == {
        "title": "Dune",
        "tags": '["a","b"]',
        "pages": "412",
        "price": "7.5",
        "sold": "true",
        "place": '{"latitude":1,"longitude":2.5}',
    }


def test_a_single_prompt_needs_every_value() -> None:
    assert single_prompt("Sum up {title} by { author }", {"title": "Dune", "author": "Herbert"}) == (
        "Sum up Dune by Herbert"
    )
    assert single_prompt('keep {"json": 1}', {}) == 'keep {"json": 1}'
    assert single_prompt("{a}{b}", {"a": "{b}", "b": "x"}) == "{b}x"
    with pytest.raises(Invalid, match="empty value: 'author'"):
        single_prompt("{author}", {"author": ""})


def test_a_task_lists_what_is_chosen() -> None:
    objects: list[dict[str, str]] = [{"title": "Dune", "pages": "412"}, {}, {"title": "Emma"}]
    assert task_prompt("Compare", objects, ["title"]) == 'Compare: [{"title":"Dune"},{"title":"Emma"}]'
    assert task_prompt("Like {title} or {other}?", objects[:1]) == (
        'Like Dune or other?: [{"pages":"412","title":"Dune"}]'
    )
    assert task_prompt("Nothing", []) == "Nothing: []"


def test_the_dummies_answer_as_the_protocol_says() -> None:
    registry = build_registry()
    generated = registry.generator("generative-dummy").generate("Hello", {"a": 1}, {}, Caller())
    assert generated.text == (
        "You want me to generate something based on the following prompt: Hello. With settings: a=1,. "
        "I'm sorry, I'm just a dummy and can't generate anything."
    )
    assert registry.reranker("reranker-dummy").rank("q", ["", "abc", "é"], {}, Caller()) == [0.0, 3.0, 2.0]
