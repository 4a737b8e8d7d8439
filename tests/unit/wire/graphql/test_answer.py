"""Requests → replies: errors, schemas, limits, hostile text."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import graphql
import numpy as np
import pytest
from graphql import get_introspection_query
from hypothesis import given
from hypothesis import strategies as st

from in_process import InProcess, RecordingService
from unit.service.test_deadlines import Counting
from unit.wire.graphql.conftest import Ask, collection
from weft.domain.aggregate import AggregateMetric, PropertyAggregation
from weft.domain.caller import Caller
from weft.domain.deadline import within
from weft.domain.errors import DeadlinePassed, Forbidden, TooLarge
from weft.domain.objects import IncomingObject, Reference, parse_uuid
from weft.domain.query import NearVector
from weft.domain.schema import CollectionConfig
from weft.service.service import Service
from weft.wire.graphql import documents, limits
from weft.wire.graphql.answer import answer
from weft.wire.graphql.context import MOST_SEARCHES, MOST_VALUES, GraphQLContext


def only_error(answered: dict[str, Any]) -> tuple[str, str]:
    (error,) = answered["errors"]
    return error["message"], error["extensions"]["code"]


@pytest.mark.parametrize(
    "question",
    [None, [], "text", {}, {"query": None}, {"query": " "}, {"query": "{Get}", "variables": []}, {"query": 3}],
)
def test_what_is_no_request_is_an_error(service: RecordingService, question: Any) -> None:
    message, code = only_error(answer(question, GraphQLContext(service, Caller())))
    assert message
    assert code == "INVALID"


def test_errors_have_graphqls_own_shape(ask: Ask, service: RecordingService) -> None:
    assert ask("{Get{Nowhere{n}}}") == {
        "errors": [
            {
                "message": "Cannot query field 'Nowhere' on type 'GetObjectsObj'.",
                "locations": [{"line": 1, "column": 6}],
                "extensions": {"code": "INVALID"},
            }
        ]
    }
    assert ask("{Get{")["errors"][0]["message"].startswith("Syntax Error")
    assert "data" not in ask("mutation{x}")
    service.failure = Forbidden("no")
    answered = ask("{Get{Author{n}} Aggregate{Author{meta{count}}}}")
    assert only_error(answered) == ("no", "FORBIDDEN")
    assert answered["data"] == {"Get": {"Author": None}, "Aggregate": {"Author": [{"meta": {"count": 0}}]}}


def test_an_unforeseen_failure_is_reported_by_its_id_alone(ask: Ask, service: RecordingService) -> None:
    service.failure = ZeroDivisionError("secret")
    message, code = only_error(ask("{Get{Author{n}}}"))
    assert "secret" not in message
    assert code == "INTERNAL"


def test_operations_are_chosen_by_name(ask: Ask, service: RecordingService) -> None:
    text = "query A{Get{Author(limit:1){n}}} query B($n:Int=2){Get{Author(limit:$n){n}}}"
    assert ask(text, operation="B") == {"data": {"Get": {"Author": []}}}
    assert ask(text, {"n": 5}, operation="B")["data"]
    assert [query.limit for query, _ in service.queries] == [2, 5]
    assert "errors" in ask(text)


def test_aggregations(ask: Ask, service: RecordingService) -> None:
    text = """{Aggregate{Author(groupBy:["title"] limit:4 objectLimit:9 nearVector:{vector:[1]}){
        meta{count} n{sum type} title{a:topOccurrences(limit:2){value} b:topOccurrences(limit:7){occurs}}}}}"""
    assert ask(text)["data"] == {"Aggregate": {"Author": []}}
    (asked,) = service.aggregations
    assert (asked.group_by, asked.limit, asked.object_limit) == ("title", 4, 9)
    assert asked.properties == (
        PropertyAggregation("n", frozenset({AggregateMetric.SUM, AggregateMetric.TYPE})),
        PropertyAggregation("title", frozenset({AggregateMetric.TOP_OCCURRENCES}), 7),
    )


def test_an_aggregation_ignores_a_hybrid_search_beside_another(ask: Ask, service: RecordingService) -> None:
    ask('{Aggregate{Author(objectLimit:1 hybrid:{query:"q"} nearVector:{vector:[1]}){meta{count}}}}')
    (asked,) = service.aggregations
    assert isinstance(asked.search, NearVector)


def test_the_schema_follows_the_collections(ask: Ask, service: RecordingService) -> None:
    assert "errors" in ask("{Get{Added{n}}}")
    service.collections.create(collection("Added"))
    assert ask("{Get{Added{n}}}") == {"data": {"Get": {"Added": []}}}
    service.collections.add_property("Added", {"name": "more", "dataType": ["text"]})
    assert ask("{Get{Added{more}}}") == {"data": {"Get": {"Added": []}}}
    service.collections.delete("Added")
    assert "errors" in ask("{Get{Added{n}}}")


def test_introspection_lists_every_collection_once(ask: Ask, service: RecordingService) -> None:
    for more in ("a", "b"):
        introspected = ask(get_introspection_query())["data"]["__schema"]
        types = {one["name"]: one for one in introspected["types"]}
        assert len(types) == len(introspected["types"])
        fields = {one["name"] for one in types["GetObjectsObj"]["fields"]}
        assert fields == {"Article", "Author", "ArticleAdditional", "String", "Paper"}
        assert {one["name"] for one in types["Article"]["fields"]} == {"title", "n", "by", "_additional"}
        union = {one["name"] for one in types["ArticleByObj"]["possibleTypes"]}
        assert union == {"Author", "Article", "Beacon"}
        # another configuration, so not the kept answer
        service.collections.add_property("Author", {"name": more, "dataType": ["text"]})


def test_a_request_looks_up_only_the_collections_that_it_names(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    get = service.collections.get

    def counted(name: str) -> CollectionConfig:
        names.append(name)
        return get(name)

    monkeypatch.setattr(service.collections, "get", counted)
    assert answer({"query": "{Get{String{n}}}"}, GraphQLContext(service, Caller())) == {"data": {"Get": {"String": []}}}
    assert names == ["String"]


def test_conflicting_fields_are_refused(ask: Ask) -> None:
    for text in (
        "{Get{Author{a:title a:n}}}",
        "{Get{Author(limit:1){n} Author(limit:2){n}}}",
        "{Get{Author{...F ...G}}} fragment F on Author{x:n} fragment G on Author{x:title}",
        "{Get{Author{_additional{id}} Author{_additional{id:score}}}}",
    ):
        assert "conflict" in only_error(ask(text))[0], text
    assert "errors" not in ask("{Get{Author{n n} Author{n title}} Get{Author{title}}}")


NESTED = "{Get{Article{...F0}}}" + "".join(
    f"fragment F{i} on Article{{a:by{{...F{i + 1}}} b:by{{...F{i + 1}}}}}" for i in range(30)
)
HOSTILE = {
    "deep": "{a" * 100_000,
    "brackets": "[" * 1_000_000,
    "deep values": "{Get{Author(where:" + "{operands:[" * 60 + "]}" * 60 + "){n}}}",
    "fields": "{Get{Author{" + "n " * (documents.MOST_FIELDS + 1) + "}}}",
    "fragments in fragments": NESTED + "fragment F30 on Article{n}",
    "definitions": "{Get{Author{n}}}" + "".join(f"fragment F{i} on Author{{n}}" for i in range(300)),
    "words": "a " * (limits.MOST_TOKENS + 1),
    "characters": "#" * (limits.MOST_CHARACTERS + 1),
    "block string": '{Get{Author(bm25:{query:"""' + "x" * (limits.MOST_TOKEN_CHARACTERS + 1) + '"""}){n}}}',
    "string of escapes": '{Get{Author(bm25:{query:"' + "\\n" * limits.MOST_TOKEN_CHARACTERS + '"}){n}}}',
    "string without an end": '{Get{Author(bm25:{query:"' + "x" * (limits.MOST_TOKEN_CHARACTERS + 1),
    "name": "{" + "x" * (limits.MOST_TOKEN_CHARACTERS + 1) + "}",
    "comment": "{a #" + "x" * (limits.MOST_TOKEN_CHARACTERS + 1) + "\n}",
    "schema in schema": "{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}",
    "searches": "{Get{" + " ".join(f"a{i}:Author{{n}}" for i in range(MOST_SEARCHES + 1)) + "}}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_too_large_is_refused(ask: Ask, name: str) -> None:
    assert {one["extensions"]["code"] for one in ask(HOSTILE[name])["errors"]} == {"TOO_LARGE"}


STRINGS = (
    '""',
    '"plain"',
    '"ümläut 😀 # , \t"',
    r'"a\nb\"c\\"',
    r'"\u0041\u{1F600}"',
    '"""block\n  "quoted"\n"""',
    '"""" "',
)


@pytest.mark.parametrize("string", [*STRINGS, '"no end', '"no\nend"', '"\ud800"', r'"\x"', '"""no end"'])
def test_strings_are_read_as_the_library_reads_them(string: str) -> None:
    text = f"{{ a(b: {string}) {{ c }} }}"
    read, by_the_library = documents.read, graphql.parse
    found: list[Any] = []
    for parse in (read, by_the_library):
        try:
            found.append(parse(text).to_dict(locations=True))
        except graphql.GraphQLError as error:
            found.append((error.message, error.positions))
    assert found[0] == found[1]


def test_a_plain_string_may_be_as_long_as_a_query(ask: Ask) -> None:
    text = "x" * (limits.MOST_CHARACTERS - 100)
    document = documents.read(f'{{a(b:"{text}")}}')
    (field,) = document.definitions[0].selection_set.selections  # type: ignore[attr-defined]  # of an operation
    assert field.arguments[0].value.value == text


def test_what_costs_too_much_ends_the_answer(ask: Ask) -> None:
    answered = ask(HOSTILE["searches"])
    assert "data" not in answered and len(answered["errors"]) == 1


def test_questions_of_one_request_share_what_it_may_cost(service: RecordingService) -> None:
    context = GraphQLContext(service, Caller(), searches=MOST_SEARCHES - 1)
    question = {"query": "{Get{Author{n}}}"}
    assert "errors" not in answer(question, context)
    assert only_error(answer(question, context))[1] == "TOO_LARGE"


@pytest.mark.parametrize("value", ["word " * 1_000, np.zeros(2_000, np.float32)])
def test_large_values_count_more(service: RecordingService, value: Any) -> None:
    small, large = GraphQLContext(service, Caller()), GraphQLContext(service, Caller())
    small.count_value("word")
    large.count_value(value)
    assert large.values > 50 * small.values
    large.values = MOST_VALUES
    assert not large.is_spent
    with pytest.raises(TooLarge):
        large.count_value(value)
    assert large.is_spent


LINEAR: dict[str, Callable[[int], str]] = {
    "the same field": lambda n: "{Get{Author{" + "n " * n + "}}}",
    "other fields": lambda n: "{Get{Author{" + " ".join(f"a{i}:n" for i in range(n)) + "}}}",
    "fragments in line": lambda n: "{Get{Author{" + "...on Author{n} " * n + "}}}",
    "arguments": lambda n: "{Get{Author(" + "limit:1 " * n + "){n}}}",
    "escapes without an end": lambda n: '{Get{Author(after:"""' + '\\"""' * 100 * n,
    "strings without an end": lambda n: '"\\"\n' * 20 * n,
    "variables": lambda n: "query(" + " ".join(f"$v{i}:Int" for i in range(n)) + "){Get{Author{n}}}",
}


@pytest.mark.parametrize("name", LINEAR)
def test_the_cost_of_a_query_grows_no_faster_than_its_length(ask: Ask, name: str) -> None:
    """Eight times the text takes eight times as many calls of functions, not sixty-four times."""

    def calls(n: int) -> int:
        text, count = LINEAR[name](n), 0

        def one(frame: Any, event: str, argument: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(one)
        try:
            ask(text)
        finally:
            sys.setprofile(before)
        return count

    calls(100)
    assert calls(4_000) < 12 * max(calls(500), 2_000)


def test_a_fragment_within_itself_is_refused(ask: Ask) -> None:
    text = "{Get{Article{...F}}} fragment F on Article{by{...on Article{...F}}}"
    assert "within itself" in only_error(ask(text))[0]
    assert "errors" in ask("{Get{Article{...F}}} fragment F on Article{...Nowhere}")


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the collection Author."""
    world = InProcess(tmp_path_factory.mktemp("any"), anonymous_access=True)
    world.service.collections.create(collection("Author"))
    yield world.service
    world.close()


@given(seed=st.integers(0, 2**32))
def test_any_text_has_an_answer(author: Service, seed: int) -> None:
    """Cuttings and doublings of a good query."""
    rng = random.Random(seed)
    text = """query Q($v:[Float]){Get{Author(where:{operator:Equal path:["n"] valueInt:1} nearVector:{vector:$v}
        limit:2){t:title _additional{id ...on AuthorAdditional{score}} ...F}}}
        fragment F on Author{n @skip(if:false)}"""
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randint(0, len(text)) for _ in range(2))
        text = text[:at] + rng.choice(["", text[at:to] * 2, '"', "{", "\\", "\x00", "é"]) + text[to:]
    answered: dict[str, Any] = answer({"query": text, "variables": {"v": [1.0]}}, GraphQLContext(author, Caller()))
    assert answered.keys() <= {"data", "errors"}
    assert all(one["extensions"]["code"] != "INTERNAL" for one in answered.get("errors", ()))


def test_references_to_other_collections_are_null_and_no_references_an_empty_list(
    service: RecordingService, ask: Ask
) -> None:
    author, lost, none, gone = (f"00000000-0000-0000-0000-00000000000{n}" for n in range(4))

    def insert(collection: str, uuid: str, by: list[str] | None) -> None:
        points = (
            {} if by is None else {"by": [Reference(of, parse_uuid(to)) for of, to in (one.split("/") for one in by)]}
        )
        service.objects.insert(IncomingObject(collection, uuid, {"title": uuid, **points}), Caller())

    insert("Author", author, None)
    insert("Author", lost, None)
    insert("Article", author, [f"Author/{author}"])
    insert("Article", lost, [f"Author/{lost}"])
    insert("Article", none, [])
    insert("Article", gone, None)
    service.objects.delete("Author", lost, None)

    def by(of: str) -> dict[str, Any]:
        found = ask(f"{{Get{{Article{{title by{{... on {of}{{title}}}}}}}}}}")["data"]["Get"]["Article"]
        return {one["title"]: one["by"] for one in found}

    assert by("Author") == {author: [{"title": author}], lost: None, none: [], gone: None}
    assert by("Article") == {author: None, lost: None, none: [], gone: None}


def test_reading_a_query_and_checking_it_look_at_the_deadline(ask: Ask) -> None:
    query = "{Get{Author{" + " ".join(f"a{number}:n" for number in range(1_000)) + "}}}"
    counting = Counting(math.inf)
    with within(counting):
        documents.read(query)
        reading = counting.checks
        assert "errors" not in ask(query)
    assert reading >= 3_000
    assert counting.checks - 2 * reading >= 2_000
    with within(Counting(2_000)), pytest.raises(DeadlinePassed):
        documents.read(query)
    with within(Counting(reading + 1_500)):
        assert only_error(ask(query))[0] == "now"
