"""Differences that Weft has on purpose: each is a row of docs/differences.md, recognised by a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from two_servers.answers import Difference, Unread
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


def _stricter(found: Difference) -> bool:
    """Whether only Weft refuses."""
    return found.place == "status" and found.a.status < 400 and found.b.status in (400, 404, 422)


def _has(question: Question, *words: str) -> bool:
    return any(word in question.text for word in words)


def _by_id_alone(question: Question) -> bool:
    return question.kind == "address" and "/v1/objects/0" in question.text


KNOWN: tuple[Known, ...] = (
    Known(
        "A request that cannot be served because of what it says",
        lambda _, found: found.place == "status" and found.a.status == 500 and found.b.status < 500,
    ),
    Known(
        "Nulls among the numbers of a vector",
        lambda question, _: (
            question.kind.endswith((": vector", ": properties", ": objects")) and "null" in question.text
        ),
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
    Known(
        "Filters on properties of objects",  # and the rows below it, whatever the setting is
        lambda question, _: any(
            one["path"][0].startswith("detail") for one in _conditions(question.facts.get("filters"))
        ),
    ),
    Known("`is_none` on a blob", lambda question, _: _filters(question, "IsNull", types=("blob",))),
    Known(
        "`not_equal` on a property with only a range index",
        lambda question, _: _filters(question, "NotEqual", names=("ranged",)),
    ),
    Known("`Like` with a pattern of symbols", lambda question, _: "*-*" in question.text),
    Known(
        "Order of a filtered listing",
        lambda question, found: (
            (
                question.kind in ("fetch: page", "objects whole")
                and bool(question.facts["filters"])
                and (_paged(question) or found.place.startswith("rows"))
            )
            or (question.kind.startswith("batch delete") and ".results.objects[" in found.place)
        ),
    ),
    Known(
        "Sort, with a small limit or by one key",
        lambda question, _: (
            question.kind.startswith("sort") or (question.kind == "graphql: list" and "sort" in question.text)
        ),
    ),
    Known(
        "GraphQL `sort` without an order",
        lambda question, _: question.kind.startswith("graphql body") and "order:" not in question.text,
    ),
    Known(
        "BM25 over several properties with a small limit",
        lambda question, _: _several_words_properties(question) and _paged(question),
    ),
    Known(
        "`group_by` of BM25 or hybrid by numbers, references or uuids",
        lambda question, _: (
            question.kind in ("group: bm25", "group: hybrid") and _group_type(question).rstrip("[]") != "text"
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
    Known("`b` or `k1` alone", lambda _, found: ".invertedIndexConfig.bm25." in found.place),
    Known(
        "A collection made with an empty list", lambda _, found: found.place.endswith(".properties") and found.a == []
    ),
    Known(
        "Multi-vectors under a filter",
        lambda question, _: question.kind == "near vector: many" and bool(question.facts.get("filters")),
    ),
    Known(
        "The first vectors of a collection",
        lambda question, found: question.kind.startswith("batch") and found.place.endswith(".objects"),
    ),
    Known(
        "A request with several mistakes",
        lambda question, found: (
            question.kind == "address"
            and found.place == "status"
            and found.a.status >= 400
            and 400 <= found.b.status < 500
            and question.text.count("=") > 1
        ),
    ),
    Known(
        "A PUT of a collection of the legacy form",
        lambda question, found: (
            question.kind == "schema update: vectorConfig" and found.place == "status" and found.b.status == 200
        ),
    ),
    Known(
        "A reference in a batch through a property",
        lambda question, found: question.kind == "batch references: from" and ".properties." in found.place,
    ),
    Known("Geo coordinates out of range", lambda question, found: _stricter(found) and _has(question, "atitude")),
    Known(
        "Index settings of the wrong type",
        lambda question, found: _stricter(found) and question.kind.endswith(": vectorIndexConfig"),
    ),
    Known("A PATCH whose body names another", lambda question, _: question.kind.startswith("object PATCH: class")),
    Known(
        "A PATCH with `properties`",
        lambda question, found: question.kind == "object PATCH: properties" and found.a.status == 200,
    ),
    Known(
        "A PUT of an object without a class",
        lambda question, found: question.kind == "object PUT: class" and found.a.status == 422,
    ),
    Known(
        "A negative limit or offset",
        lambda question, found: _stricter(found) and question.kind == "address" and _has(question, "limit=", "offset="),
    ),
    Known("`after` without a limit", lambda question, found: question.kind == "address" and _has(question, "after=")),
    Known(
        "`DELETE`, `GET` of an object by id alone",
        lambda question, found: _by_id_alone(question) and found.place == "status" and found.a.status == 422,
    ),
    Known(
        "GET by id alone of an absent object",
        lambda question, found: _by_id_alone(question) and found.place == "status" and found.a.status == 400,
    ),
    Known(
        "Scheme, host and uuid of a beacon",
        lambda _, found: isinstance(found.a, str) and isinstance(found.b, str) and found.a.lower() == found.b.lower(),
    ),
    Known(
        "Over a filter by distance",
        lambda question, _: question.kind.startswith("aggregate") and "WithinGeoRange" in question.text,
        changed=True,
    ),
    Known(
        "Replaced and deleted objects in searches by vector",
        lambda question, _: _words_or_vectors(question)[1],
        changed=True,
    ),
    Known("Replaced and deleted objects in BM25", lambda question, _: _words_or_vectors(question)[0], changed=True),
)


def known(question: Question, difference: Difference, *, changed: bool) -> Known | None:
    """``changed``: whether objects were replaced or deleted before ``question``. What cannot be read never is."""
    if isinstance(difference.a, Unread) or isinstance(difference.b, Unread):
        return None
    rules = (one for one in KNOWN if changed or not one.changed)
    return next((one for one in rules if one.applies(question, difference)), None)
