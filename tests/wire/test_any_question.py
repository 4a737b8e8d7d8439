"""Any question in GraphQL is answered with what was asked for or with what is wrong with it, never with a failure."""

from __future__ import annotations

import random
import uuid as uuid_module
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import httpx
import pytest
from graphql import GraphQLSchema, build_client_schema, get_introspection_query, print_ast
from graphql.language import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    Visitor,
    visit,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, nodes, queries

from server import Server
from wire.test_any_message import CLASSES

UUID = str(uuid_module.UUID(int=7))
NAMES: Mapping[str, tuple[str, ...]] = {
    "path": ("t", "n", "d", "f", "g", "r", "o"),
    "property": ("t", "n"),
    "properties": ("t", "n", "r"),
    "groupBy": ("t", "n", "r"),
    "targetVectors": ("a", "tokens", "missing"),
    "query": ("hello", "hello world", "8"),
    "tenant": ("one", "two"),
    "id": (UUID, str(uuid_module.UUID(int=99))),
    "beacon": (f"weaviate://localhost/Any/{UUID}",),
    "after": (UUID,),
    "class": ("Any", "Missing"),
}
LITERALS = st.one_of(
    st.sampled_from((0.0, 1.0, 0.5, -2.5, 1e39)).map(nodes.Float),
    st.integers(-(2**31), 2**31 - 1).map(nodes.Int),
    st.sampled_from(("hello", "2020-01-01T00:00:00Z", "")).map(nodes.String),
    st.booleans().map(nodes.Boolean),
)


def array(values: Sequence[ValueNode]) -> ListValueNode:
    return nodes.List([*values])


VECTORS = st.lists(st.sampled_from((1.0, 2.0, -0.5)).map(nodes.Float), min_size=2, max_size=4).map(array)
SCALARS = {
    "NearVectorVectorScalar": VECTORS | VECTORS.map(lambda one: array([one, one])),
    "GenerateParameters": st.just(nodes.Object([])),
    "VectorPerTarget": st.just(nodes.Object([])) | LITERALS,
    "Weights": st.just(nodes.Object([])) | LITERALS,
    **{f"{kind}Where": LITERALS | st.lists(LITERALS, max_size=3).map(array) for kind in ("Text", "Date", "Int")},
    **{f"{kind}Where": LITERALS | st.lists(LITERALS, max_size=3).map(array) for kind in ("Float", "Boolean")},
}
NEEDED = ("operator", "path", "vector", "image", "query", "id", "groups", "objectsPerGroup", "force", "type")
OURS = {"INTERNAL", "OPERATOR", "MISCONFIGURED", "CORRUPT_DATA", "PROVIDER"}


WHOLE = (
    """{ Get { Any(nearVector: {vector: [1, 2, 3], targetVectors: ["a"]}, limit: 3, where: {operator: And, operands: [
        {operator: Like, path: ["t"], valueText: "h*"}, {operator: LessThan, path: ["n"], valueInt: 12}]}) {
        t n f _additional { id distance vectors { a } } r { ... on Any { t } } } } }""",
    """{ Get { Any(hybrid: {query: "hello", alpha: 0.5, vector: [1, 2, 3], targetVectors: ["a"]}, groupBy: {path: ["t"],
        groups: 2, objectsPerGroup: 2}) { t _additional { score explainScore group { id hits { t } } } } } }""",
    """{ Aggregate { Any(where: {operator: GreaterThan, path: ["n"], valueInt: 8}, groupBy: ["t"]) {
        meta { count } n { mean mode type } t { count topOccurrences(limit: 2) { value occurs } }
        groupedBy { path value } } } }""",
    """query Q { a: Get { Any(sort: [{path: ["n"], order: desc}], limit: 2) { ...F } } b: Aggregate { Any {
        meta { count } } } } fragment F on Any { t n }""",
)
"""What is answered as it is."""

MARKS = (*'{}()[]:$!@"\\\0é#1- ', "...", "null", "-1", "1e999")


class _Sparse(Visitor):
    """Leaves out most of what a generated question asks at once, and puts names that exist where a text is a name."""

    def __init__(self, pick: random.Random) -> None:
        super().__init__()
        self._pick = pick

    def enter(self, node: Node, *_: Any) -> None:
        if isinstance(node, FieldNode):
            node.arguments = tuple(self._chosen(node.arguments, 0.25))
        elif isinstance(node, ObjectValueNode):
            node.fields = tuple(self._chosen(node.fields, 0.7))
        elif isinstance(node, ArgumentNode | ObjectFieldNode) and node.name.value in NAMES:
            for text in node.value.values if isinstance(node.value, ListValueNode) else (node.value,):
                if isinstance(text, StringValueNode):
                    text.value = self._pick.choice(NAMES[node.name.value])

    def _chosen(self, given: Sequence[Any], share: float) -> Iterator[Any]:
        """One of those that exclude each other (searches, values of a filter), and some of the others."""
        apart = [one for one in given if one.name.value.startswith(("near", "bm25", "hybrid", "value"))]
        kept = self._pick.choice(apart) if apart and self._pick.random() < 0.8 else None
        for one in given:
            if one is kept or (one not in apart and (one.name.value in NEEDED or self._pick.random() < share)):
                yield one


def questions(schema: GraphQLSchema, **options: Any) -> st.SearchStrategy[str]:
    def printed(document: DocumentNode, pick: random.Random) -> str:
        document = deepcopy(document)
        visit(document, _Sparse(pick))
        return print_ast(document)

    documents = queries(schema, custom_scalars=SCALARS, print_ast=lambda document: document, **options)
    return st.builds(printed, documents, st.integers().map(random.Random))


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    modules = "generative-dummy,reranker-dummy"
    with Server(tmp_path_factory.mktemp("asked"), None, "--enable-modules", modules) as server:
        with httpx.Client(base_url=server.url("/v1"), timeout=60) as client:
            assert client.post("/schema", json=CLASSES[0]).status_code == 200
            some = [
                {
                    "class": "Any",
                    "id": str(uuid_module.UUID(int=i)),
                    "properties": {"t": f"hello {i}", "n": i, "f": [i, 0.5], "d": "2020-01-01T00:00:00Z"},
                    "vectors": {"a": [i, 2, 3], "tokens": [[i, 1], [2, 3]]},
                }
                for i in range(7, 20)
            ]
            assert client.post("/batch/objects", json={"objects": some}).status_code == 200
            yield client
        assert server.stop() == 0
        assert not [line for line in server.lines if "unexpected error" in line or "Warning" in line]


@pytest.fixture(scope="module")
def schema(http: httpx.Client) -> GraphQLSchema:
    return build_client_schema(ask(http, get_introspection_query())["data"])


def ask(http: httpx.Client, query: Any, **more: Any) -> Any:
    reply = http.post("/graphql", json={"query": query, **more})
    answered = reply.json()
    if reply.status_code == 422:
        assert answered["error"][0]["message"], query
        assert not isinstance(query, str) or not query.strip() or not isinstance(more.get("variables"), dict | None)
        return answered
    assert reply.status_code == 200, (query, reply.text)
    for error in answered.get("errors", ()):
        assert error["message"]
        assert error["extensions"]["code"] not in OURS, (query, error)
    return answered


def few(examples: int) -> settings:
    return settings(
        max_examples=examples,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def check_known_question(http: httpx.Client) -> None:
    found = ask(http, '{ Get { Any(bm25: { query: "8" }) { t } } }')
    assert found == {"data": {"Get": {"Any": [{"t": "hello 8"}]}}}


@pytest.mark.parametrize(("root", "examples"), [("Get", 40), ("Aggregate", 20), ("Explore", 20)])
def test_questions_that_fit_the_schema(http: httpx.Client, schema: GraphQLSchema, root: str, examples: int) -> None:
    answers: Counter[bool] = Counter()

    @few(examples)
    @given(questions(schema, fields=[root], allow_null=False))
    def run(query: Any) -> None:
        answers["errors" in ask(http, query)] += 1

    run()
    assert answers.keys() == {True, False}, answers
    check_known_question(http)


def test_questions_that_do_not(http: httpx.Client, schema: GraphQLSchema) -> None:
    @few(20)
    @given(questions(schema, mode=Mode.NEGATIVE))
    def run(query: Any) -> None:
        ask(http, query)

    run()
    check_known_question(http)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_questions(http: httpx.Client, seed: int) -> None:
    pick = random.Random(seed)
    for whole in WHOLE:
        assert "errors" not in ask(http, whole)
    for _ in range(150):
        text = pick.choice(WHOLE)
        for _ in range(pick.choice((1, 1, 3))):
            at = pick.randrange(len(text))
            text = pick.choice(
                (
                    text[:at],
                    text[:at] + text[at + pick.randrange(1, 9) :],
                    text[:at] + text[at:] * 2,
                    text[:at] + pick.choice(MARKS) + text[at:],
                )
            )
            if not text:
                break
        ask(http, text)
    check_known_question(http)


def test_bodies_that_are_no_question(http: httpx.Client) -> None:
    leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
    anything = st.recursive(leaves, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one))
    some = st.fixed_dictionaries(
        {},
        optional={
            "query": anything | st.just("{ Get { Any { t } } }"),
            "variables": anything,
            "operationName": anything,
        },
    )

    @few(80)
    @given(some | anything)
    def run(body: Any) -> None:
        for path, sent in (("/graphql", body), ("/graphql/batch", [body])):
            reply = http.post(path, json=sent)
            assert reply.status_code < 500, (body, reply.text)

    run()
    check_known_question(http)
