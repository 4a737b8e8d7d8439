"""Payloads without a schema, as properties."""

from __future__ import annotations

import json
from typing import Any

from weft.cli.move.objects import Notes, data_types, properties_of
from weft.cli.move.payloads import PayloadMap, class_name
from weft.domain.json_values import JsonObject


def mapped(*payloads: dict[str, Any], **hints: str) -> PayloadMap:
    return PayloadMap(payloads, hints)


def types(found: PayloadMap) -> dict[str, str]:
    document: JsonObject = {"properties": found.properties()}
    return {str(one["name"]): data_types(one)[0] for one in properties_of(document)}


def test_values_decide_the_type_of_a_property() -> None:
    found = mapped(
        {"text": "a", "n": 1, "x": 1, "ok": True, "tags": [], "where": {"lat": 1.5, "lon": 2}, "none": None},
        {"x": 1.5, "tags": ["a"], "numbers": [1, 2.5], "inner": {"a": 1, "b": {"c": "d"}}, "all": [{"a": 1}]},
        {"mixed": 1, "deep": [[1]], "empty": []},
        {"mixed": "a"},
    )
    assert types(found) == {
        "text": "text",
        "n": "int",
        "x": "number",
        "ok": "boolean",
        "tags": "text[]",
        "where": "geoCoordinates",
        "numbers": "number[]",
        "inner": "object",
        "all": "object[]",
        "mixed": "text",
        "deep": "text",
        "empty": "text[]",
        "unmapped": "text",
    }
    assert sorted(found.as_json) == ["deep", "mixed"]
    assert found.convert(
        {"x": 1, "where": {"lat": 1.5, "lon": 2}, "inner": {"a": 1, "b": {"c": "d", "e": None}}, "mixed": "a"}
    ) == {
        "x": 1.0,
        "where": {"latitude": 1.5, "longitude": 2},
        "inner": {"a": 1, "b": {"c": "d"}},
        "mixed": '"a"',
    }


def test_what_does_not_fit_is_kept_as_json() -> None:
    found = mapped({"n": 1, "tags": ["a"], "inner": {"a": 1}})
    given = {"n": "one", "tags": ["a", 2], "inner": {"b": 2}, "late": {"x": [1, None]}, "big": 1 << 63}
    assert set(found.convert(given)) == {"unmapped"}
    assert json.loads(str(found.convert(given)["unmapped"])) == given
    assert found.convert({"n": None}) == {}


def test_names_that_no_property_may_have_are_mended_and_stay_apart() -> None:
    found = mapped({"Title": "a", "title": "b", "a b": 1, "a-b": 2, "9": 3, "id": "x", "vector": 1, "é": 1, "": 1})
    names = list(types(found))[:-1]
    assert names == ["title", "title_2", "a_b", "a_b_2", "p_9", "id_2", "vector_2", "p_", "p__2"]
    assert len(set(names)) == 9
    assert found.mended["Title"] == "title"
    assert found.key_of(found.name_of("a-b")) == "a-b"


def test_a_place_says_what_its_texts_are() -> None:
    key = "5f0c5a3e-7f5b-4d6a-9c55-0a6b8f6a2c11"
    found = mapped({"when": "2024-02-03", "whens": ["x"], "key": key.upper()}, when="date", key="uuid", lang="keyword")
    assert types(found)["when"] == "date"
    assert types(found)["key"] == "uuid"
    assert found.convert({"when": "2024-02-03", "key": key.upper(), "lang": "en"}) == {
        "when": "2024-02-03T00:00:00+00:00",
        "key": key,
        "lang": "en",
    }
    assert found.convert({"when": "2024-02-03T04:05:06Z"}) == {"when": "2024-02-03T04:05:06Z"}
    assert found.convert({"when": "tomorrow"}) == {"unmapped": '{"when":"tomorrow"}'}


def test_names_of_collections_are_mended_and_said() -> None:
    notes = Notes()
    assert [class_name(name, name, notes) for name in ("Docs", "my-docs", "9x")] == ["Docs", "My_docs", "C_9x"]
    assert notes.mapped == ["my-docs is named My_docs in the target", "9x is named C_9x in the target"]
