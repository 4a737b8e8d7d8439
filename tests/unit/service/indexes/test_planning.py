"""What requests for indexes mean for a property; the answers are those of Weaviate 1.40 to the same requests."""

from __future__ import annotations

from typing import Any

import pytest

from weft.domain.errors import CallerError, Conflict
from weft.service.indexes.migration import IndexName, Migration, MigrationType, index_name
from weft.service.indexes.planning import Joined, UnderWay, plan, plan_rebuild

F, S, R = IndexName


def prop(kind: str, *on: IndexName, tokenization: str = "word") -> dict[str, Any]:
    texts = {"tokenization": tokenization} if kind.startswith("text") else {}
    return {"name": "p", "dataType": [kind], **{index.flag: index in on for index in IndexName}, **texts}


TEXT, BARE, WORDS = prop("text", F, S), prop("text"), prop("text", F)


@pytest.mark.parametrize(
    ("property", "index", "tokenization", "algorithm", "expected"),
    [
        (TEXT, F, "", "", None),
        (TEXT, S, "", "", None),
        (TEXT, S, "word", "", None),
        (TEXT, S, "", "Block-Max", None),
        (TEXT, S, "field", "", "change-tokenization"),
        (TEXT, F, " field ", "", "change-tokenization-filterable"),
        (BARE, F, "", "", "enable-filterable"),
        (BARE, F, "word", "", "enable-filterable"),
        (BARE, S, "trigram", "", "enable-searchable"),
        (WORDS, S, "word", "", "enable-searchable"),
        (prop("int[]"), F, "", "", "enable-filterable"),
        (prop("date"), R, "", "", "enable-rangeable"),
        (prop("int", R), R, "", "", None),
        (TEXT, R, "", "", "not a numeric type"),
        (prop("int[]", F), R, "", "", "not a numeric type"),
        (BARE, S, "", "", "requires a tokenization"),
        (BARE, S, "other", "", 'invalid tokenization "other"'),
        (TEXT, S, "other", "", 'invalid tokenization "other"'),
        (TEXT, S, "field", "bmw", "at most one"),
        (TEXT, S, "", "wand", "deprecated"),
        (TEXT, S, "", "other", "unsupported algorithm"),
        (TEXT, F, "", "bmw", "only valid for a searchable index"),
        (BARE, S, "", "bmw", "has no searchable index"),
        (BARE, F, "field", "", "must match the property's current tokenization"),
        (WORDS, S, "field", "", "would silently desynchronize"),
        (prop("int", F), S, "word", "", "not a text type"),
        (prop("int", F), F, "word", "", "only applies to text"),
        (prop("int", F), R, "word", "", "no configuration fields"),
        (prop("blob"), F, "", "", "does not support a filterable index"),
        (prop("Other"), F, "", "", r"type \[Other\] does not support"),
        (prop("object"), F, "", "", r"type \[object\] does not support"),
        (prop("phoneNumber", F), F, "", "", "already has a filterable index"),
    ],
)
def test_what_is_missing(
    property: dict[str, Any], index: IndexName, tokenization: str, algorithm: str, expected: str | None
) -> None:
    if expected is None or expected in set(map(str, MigrationType)):
        found = plan(property, index, tokenization, algorithm, None)
        assert (found.type if isinstance(found, Migration) else found) == expected
        return
    with pytest.raises(CallerError, match=expected):
        plan(property, index, tokenization, algorithm, None)


@pytest.mark.parametrize(
    ("running", "index", "tokenization", "expected"),
    [
        ("change-tokenization", S, "field", "join"),
        ("change-tokenization", F, "field", "join"),
        ("change-tokenization", S, "lowercase", "conflict"),
        ("change-tokenization", F, "", None),
        ("change-tokenization", S, "", None),
        ("change-tokenization-filterable", S, "word", None),
        ("rebuild-searchable", S, "field", "conflict"),
        ("repair-filterable", F, "", None),
    ],
)
def test_what_is_under_way(running: str, index: IndexName, tokenization: str, expected: str | None) -> None:
    brings = "field" if running.startswith("change") else ""
    under_way = UnderWay("task", Migration(MigrationType(running), "p", brings, "word"))
    if expected == "conflict":
        with pytest.raises(Conflict, match="task"):
            plan(TEXT, index, tokenization, "", under_way)
    else:
        assert plan(TEXT, index, tokenization, "", under_way) == (Joined("task") if expected else None)


def test_rebuilding_needs_an_index() -> None:
    assert plan_rebuild(TEXT, S).type == "rebuild-searchable"
    assert plan_rebuild(prop("boolean", F), F).type == "repair-filterable"
    assert plan_rebuild(prop("int", R), R).type == "repair-rangeable"
    for property, index, refusal in (
        (WORDS, S, "has no searchable index"),
        (prop("phoneNumber", F), F, "does not have a filterable index"),
        (prop("int", F), R, "does not have a rangeable index to rebuild"),
        (TEXT, R, "not a numeric type"),
    ):
        with pytest.raises(CallerError, match=refusal):
            plan_rebuild(property, index)


def test_what_a_migration_leaves_in_the_document() -> None:
    for migration, expected in (
        (Migration(MigrationType.ENABLE_SEARCHABLE, "p", "field", "word"), prop("text", S, tokenization="field")),
        (Migration(MigrationType.ENABLE_FILTERABLE, "p"), prop("text", F)),
        (Migration(MigrationType.REBUILD_FILTERABLE, "p"), BARE),
    ):
        document = {"class": "C", "properties": [dict(BARE)]}
        for _ in range(2):
            Migration.of_json(migration.to_json()).apply(document)
        assert document["properties"] == [expected]
    assert index_name("rangeable") is R
