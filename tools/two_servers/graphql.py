"""Questions in GraphQL: objects by every search, and aggregations."""

from __future__ import annotations

from random import Random
from typing import Any

from two_servers.answers import Answer, Refusal, Row, Rows
from two_servers.filters import for_graphql, maybe
from two_servers.question import Question
from two_servers.reading import words
from two_servers.searches import Draw
from two_servers.server import Server
from two_servers.things import OTHER, THING, Json, some_thing_id, text, vector

_FIELDS = (
    "title tag tags n ns x xs flag flags day days uid uids place { latitude longitude } detail { note rank } "
    f"to {{ ... on {OTHER} {{ name size }} }}"
)
_NUMBERS = ("distance", "certainty", "score")
_FIGURES = {
    "n": "count minimum maximum mean median mode sum type",
    "x": "count minimum maximum mean median mode sum type",
    "ns": "count minimum maximum sum type",
    "flag": "count totalTrue totalFalse percentageTrue percentageFalse type",
    "tag": "count topOccurrences(limit: 30) { value occurs } type",
    "day": "count minimum maximum median",
    "to": "pointingTo type",
}
_GROUPS = ("tag", "n", "x", "flag", "tags", "uid", "day")


def _search(rng: Random) -> tuple[str, Json]:
    match rng.randint(0, 3):
        case 0:
            return "nearVector", {"nearVector": {"vector": vector(rng, "a"), "targetVectors": ["a"]}}
        case 1:
            return "nearObject", {"nearObject": {"id": some_thing_id(rng), "targetVectors": ["a"]}}
        case 2:
            return "bm25", {"bm25": {"query": text(rng, 1, 4), "properties": ["title", "body"]}}
        case _:
            asked = {"query": text(rng, 1, 4), "vector": vector(rng, "a"), "alpha": rng.choice((0, 0.5, 1))}
            return "hybrid", {"hybrid": {**asked, "targetVectors": ["a"], "properties": ["title"]}}


def get(rng: Random) -> Question:
    kind, arguments = _search(rng) if rng.random() < 0.6 else ("list", {})
    limit = rng.choice((3, 20, 100 if kind == "hybrid" else 1000))
    arguments["limit"] = limit
    if (filter := maybe(rng)) is not None:
        arguments["where"] = filter
    if kind == "list" and rng.random() < 0.5:
        order = rng.choice(("asc", "desc"))
        arguments["sort"] = [{"path": [rng.choice(("n", "x", "title", "day"))], "order": order}]
    numbers = " ".join(_NUMBERS) if kind.startswith("near") else "" if kind == "list" else "score"
    read = f"{_FIELDS} _additional {{ id {numbers} }}"
    query = f"{{ Get {{ {THING}{_arguments(arguments)} {{ {read} }} }} }}"
    facts = {"limit": limit, "filters": filter, **arguments.get(kind, {})}
    return Question(f"graphql: {kind}", query, lambda server: _objects(server, query, limit < 1000), facts)


def _arguments(arguments: Json) -> str:
    given = ", ".join(f"{name}: {for_graphql(value, name)}" for name, value in arguments.items())
    return f"({given})" if given else ""


def _objects(server: Server, query: str, paged: bool) -> Answer:
    answer = server.graphql(query)
    if answer.refused:
        return Refusal(str(answer.body))
    rows: list[Row] = []
    for one in answer.body["data"]["Get"][THING]:
        additional: Json = one.pop("_additional")
        numbers = [_number(additional.pop(name, None)) for name in _NUMBERS]
        rows.append(Row(words([additional, one]), tuple(numbers)))
    return Rows(rows, paged)


def _number(value: Any) -> float:
    """Scores are texts in GraphQL."""
    return float("nan") if value is None else float(value)


def aggregate(rng: Random) -> Question:
    arguments: Json = {}
    if (filter := maybe(rng)) is not None:
        arguments["where"] = filter
    grouped = rng.random() < 0.4
    if grouped:
        arguments["groupBy"] = [rng.choice(_GROUPS)]
    names = rng.sample(list(_FIGURES), rng.randint(1, 3))
    read = " ".join(["meta { count }", *(f"{name} {{ {_FIGURES[name]} }}" for name in names)])
    read += " groupedBy { value path }" if grouped else ""
    query = f"{{ Aggregate {{ {THING}{_arguments(arguments)} {{ {read} }} }} }}"

    def ask(server: Server) -> Answer:
        answer = server.graphql(query)
        if answer.refused:
            return Refusal(str(answer.body))
        return Rows([Row(words(_ordered(group))) for group in answer.body["data"]["Aggregate"][THING]])

    kind = "graphql: aggregate groups" if grouped else "graphql: aggregate"
    return Question(kind, query, ask, {"filters": filter})


def _ordered(group: Json) -> Json:
    """Equal counts of texts stand in any order."""
    tops = group.get("tag", {}).get("topOccurrences")
    if tops:
        group["tag"]["topOccurrences"] = sorted(tops, key=lambda one: str(one["value"]))
    return group


DRAWS: tuple[tuple[Draw, int], ...] = ((get, 4), (aggregate, 2))
