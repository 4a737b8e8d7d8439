"""Differences that Weft has on purpose: each is a row of docs/differences.md, recognised by a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from two_servers.answers import Difference
from two_servers.question import Question
from two_servers.things import PROPERTIES, Json


@dataclass(frozen=True)
class Known:
    """``row`` begins a row of the page. The second answer is Weft's. ``changed``: only after objects were changed."""

    row: str
    applies: Callable[[Question, Difference], bool]
    changed: bool = False


def _conditions(filter: Json | None) -> Iterator[Json]:
    for one in (filter or {}).get("operands", ()):
        yield from _conditions(one)
    if filter and "path" in filter:
        yield filter


def _filters(question: Question, *operators: str, types: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> bool:
    """Whether a condition has one of ``operators``, on a property of one of ``types`` or ``names``."""
    return any(
        one["operator"] in operators and (_type(one) in types or one["path"][0] in names)
        for one in _conditions(question.facts.get("filters"))
    )


def _type(condition: Json) -> str:
    known = PROPERTIES.get(condition["path"][0])
    return known.data_type if known else ""


def _paged(question: Question) -> bool:
    facts = question.facts
    limit = min(facts.get("limit", 1000), facts.get("object_limit", 1000))
    return limit < 1000 or bool(facts.get("offset")) or "auto_limit" in facts


def _group(question: Question) -> str:
    by: Any = question.facts.get("group_by")
    return by.prop if by is not None else ""


def _group_type(question: Question) -> str:
    known = PROPERTIES.get(_group(question))
    return known.data_type if known else "reference"


def _several_words_properties(question: Question) -> bool:
    names = question.facts.get("query_properties", question.facts.get("properties"))
    return "query" in question.facts and (names is None or len(names) > 1)


def _words_or_vectors(question: Question) -> tuple[bool, bool]:
    """Whether ``question`` searches by words, and whether by vectors."""
    hybrid = "hybrid" in question.kind
    words = hybrid or "bm25" in question.kind or "keyword" in question.kind
    return words, hybrid or any(word in question.kind for word in ("near", "targets", "diverse"))


KNOWN: tuple[Known, ...] = (
    Known(
        "A request that cannot be served because of what it says",
        lambda _, found: found.place == "status" and found.a.status == 500 and found.b.status < 500,
    ),
    Known(
        "Nulls among the numbers of a vector",
        lambda question, _: question.kind.endswith((": vector", ": properties")) and "null" in question.text,
    ),
    Known(
        "Objects of a REST batch that cannot be read",
        lambda question, found: (
            question.kind == "batch: objects" and found.place.endswith(".objects") and found.a == []
        ),
    ),
    Known(
        "After a PUT of a collection",
        lambda question, found: (
            question.kind.startswith("schema update")
            and any(name in found.place for name in (".multiTenancyConfig", ".deletionStrategy", ".properties["))
        ),
    ),
    Known("The answer to a PUT", lambda _, found: found.place.endswith("properties._creationTimeUnix")),
    Known("`is_none` on geo coordinates", lambda question, _: _filters(question, "IsNull", types=("geoCoordinates",))),
    Known("`is_none` on a blob", lambda question, _: _filters(question, "IsNull", types=("blob",))),
    Known(
        "`not_equal` on a property with only a range index",
        lambda question, _: _filters(question, "NotEqual", names=("ranged",)),
    ),
    Known(
        "Order of a filtered listing",
        lambda question, _: (
            question.kind in ("fetch: page", "objects whole") and bool(question.facts["filters"]) and _paged(question)
        ),
    ),
    Known(
        "Sort by one key with a filter and a small limit",
        lambda question, _: question.kind in ("sort: one key", "graphql: list") and bool(question.facts["filters"]),
    ),
    Known(
        "BM25 over several properties with a small limit",
        lambda question, _: _several_words_properties(question) and _paged(question),
    ),
    Known(
        "`group_by` of BM25 or hybrid by numbers or references",
        lambda question, _: (
            question.kind in ("group: bm25", "group: hybrid")
            and _group_type(question).rstrip("[]") not in ("text", "uuid")
        ),
    ),
    Known(
        "`group_by` by a list that holds a value twice",
        lambda question, _: question.kind.startswith("group: ") and _group_type(question).endswith("[]"),
    ),
    Known(
        "`certainty` of a hybrid search's vector part, cosine",
        lambda question, _: question.kind == "hybrid: near vector" and "certainty" in question.text,
    ),
    Known(
        "`Like` with letters beyond ASCII under `trigram`",
        lambda _, found: found.place == "one refuses" and "compile regex from 'like'" in str(found.a),
    ),
    Known("More than 100 groups of equal size", lambda question, _: "'title'" in str(question.facts.get("group_by"))),
    Known(
        "Several target vectors",
        lambda question, _: (
            question.kind == "targets: relative"
            or (question.kind.startswith("hybrid") and isinstance(question.facts["vector"], dict))
        ),
    ),
    Known(
        "Hybrid hits beyond the 100th",
        lambda question, _: (
            question.kind.startswith("hybrid") and question.facts["limit"] + question.facts.get("offset", 0) > 100
        ),
    ),
    Known(
        "Over a hybrid search without `object_limit`",
        lambda question, _: question.kind == "aggregate: hybrid" and "object_limit" not in question.facts,
    ),
    Known(
        "Percentages of no booleans, over gRPC",
        lambda question, found: question.kind.startswith("aggregate") and ".percentage_" in f"{found.a} {found.b}",
    ),
    Known("Figures of `uuid` properties, groups of geo coordinates", lambda question, _: _group(question) == "place"),
    Known("Figures beside `pointingTo`", lambda question, _: "pointingTo" in question.text),
    Known(
        "`pointing_to` of a reference, over gRPC",
        lambda question, _: question.kind.startswith("aggregate") and "'to'" in question.text,
    ),
    Known(
        "Replaced and deleted objects in searches by vector",
        lambda question, _: _words_or_vectors(question)[1],
        changed=True,
    ),
    Known("Replaced and deleted objects in BM25", lambda question, _: _words_or_vectors(question)[0], changed=True),
)


def known(question: Question, difference: Difference, *, changed: bool) -> Known | None:
    """``changed``: whether objects were replaced or deleted before ``question``."""
    rules = (one for one in KNOWN if changed or not one.changed)
    return next((one for one in rules if one.applies(question, difference)), None)
