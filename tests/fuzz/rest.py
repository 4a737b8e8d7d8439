"""Requests over HTTP/1.1, mutated as a whole or in their bodies, and texts of GraphQL."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from fuzz.mutating import mutated, reshaped
from fuzz.served import BEACON, LONGEST_S, OBJECT, THING, UUID, Served, answered, framed, request

_WHERE: dict[str, Any] = {
    "operator": "And",
    "operands": [
        {"operator": "Like", "path": ["t"], "valueText": "h*"},
        {"operator": "ContainsAny", "path": ["n"], "valueIntArray": [1, 2]},
        {"operator": "LessThan", "path": ["d"], "valueDate": "2021-01-01T00:00:00Z"},
        {
            "operator": "WithinGeoRange",
            "path": ["g"],
            "valueGeoRange": {"geoCoordinates": {"latitude": 1, "longitude": 2}, "distance": {"max": 1000}},
        },
    ],
}
REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/schema", {**THING, "class": "Other"}),
    ("PUT", "/v1/schema/Thing", THING),
    ("GET", "/v1/schema", None),
    ("POST", "/v1/schema/Thing/properties", {"name": "q", "dataType": ["text"], "tokenization": "word"}),
    ("PUT", "/v1/schema/Thing/properties/t/index/searchable", {"tokenization": "field"}),
    ("DELETE", "/v1/schema/Thing/properties/n/index/filterable", None),
    ("POST", "/v1/objects", {**OBJECT, "id": UUID[:-1] + "8"}),
    ("POST", "/v1/objects", {"class": "Guessed", "properties": OBJECT["properties"], "vector": [1, 2]}),
    ("GET", f"/v1/objects/Thing/{UUID}?include=vector,classification", None),
    ("GET", "/v1/objects?class=Thing&limit=5&sort=n,t&order=asc,desc&offset=1", None),
    ("PUT", f"/v1/objects/Thing/{UUID}", OBJECT),
    ("PATCH", f"/v1/objects/Thing/{UUID}", OBJECT),
    ("POST", "/v1/objects/validate", OBJECT),
    ("POST", "/v1/batch/objects", {"objects": [OBJECT, OBJECT]}),
    ("DELETE", "/v1/batch/objects", {"match": {"class": "Thing", "where": _WHERE}, "dryRun": True}),
    ("POST", "/v1/batch/references", [{"from": f"{BEACON}/r", "to": BEACON}]),
    ("POST", f"/v1/objects/Thing/{UUID}/references/r", {"beacon": BEACON}),
    ("PUT", f"/v1/objects/Thing/{UUID}/references/r", [{"beacon": BEACON}]),
    ("POST", "/v1/schema/Crate/tenants", [{"name": "two", "activityStatus": "ACTIVE"}]),
    ("PUT", "/v1/schema/Crate/tenants", [{"name": "one", "activityStatus": "INACTIVE"}]),
    ("POST", "/v1/aliases", {"alias": "Other", "class": "Thing"}),
    ("POST", "/v1/tokenize", {"text": "some text", "tokenization": "word", "stopwords": {"preset": "en"}}),
    ("POST", "/v1/search/Thing/bm25", {"query": "hello", "limit": 3}),
    ("POST", "/v1/aggregate/Thing", {"totalCount": True}),
    ("GET", "/v1/nodes?output=verbose", None),
    ("POST", f"/v1/objects/Thing/{UUID}/explain", {"query": [[1.0, 2.0]], "vector": "many"}),
]
QUESTIONS = [
    '{ Get { Thing(limit: 3, nearVector: {vectorPerTarget: {one: [1, 2, 3]}}) { t n _additional { id distance } } } }',
    '{ Get { Thing(where: {operator: And, operands: [{path: ["n"], operator: LessThan, valueInt: 9}, '
    '{path: ["r", "Thing", "t"], operator: Like, valueText: "h*"}]}) { t r { ... on Thing { t n } } } } }',
    '{ Get { Thing(bm25: {query: "hello", properties: ["t^2"]}, sort: [{path: ["n"], order: desc}]) { t o { x } } } }',
    '{ Get { Thing(hybrid: {query: "hello", alpha: 0.5, targetVectors: ["one"], vector: [1, 2, 3]}) { t g { latitude } '
    "} } }",
    '{ Aggregate { Thing(groupBy: ["t"]) { meta { count } n { sum mean mode maximum } t { topOccurrences { value } } '
    "} } }",
    'query Q($n: Int = 3) { Get { Thing(limit: $n) { ...F } } } fragment F on Thing { t n d f }',
    '{ __schema { types { name fields { name type { kind ofType { name } } } } } }',
    '{ Explore(nearVector: {vector: [1, 2, 3]}, limit: 2) { className beacon distance } }',
]  # fmt: skip
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


def judged(data: bytes, reply: bytes) -> str:
    """The status, or nothing where there is no reply. Raises AssertionError for a failure of the server."""
    found = _STATUS.match(reply)
    assert found or not reply, f"{data!r} is answered with {reply[:1000]!r}"
    status = int(found[1]) if found else 0
    assert status < 500 or status == 501, f"{data!r} is answered with {reply[:2000]!r}"
    return str(status or "no answer")


class Bodies(Served):
    """Whole requests, whose bodies or paths are mutated: each is answered."""

    def send(self, rng: random.Random) -> str:
        method, path, body = rng.choice(REQUESTS)
        content = b"" if body is None else json.dumps(body).encode()
        line = f"{method} {path}".encode()
        others = [json.dumps(one[2]).encode() for one in REQUESTS if one[2] is not None]
        kind = rng.random()
        if content and kind < 0.6:
            content = json.dumps(reshaped(body, rng)).encode()
        elif content and kind < 0.8:
            content = mutated(content, others, rng)
        else:
            paths = [one[1].encode() for one in REQUESTS]
            line = re.sub(rb"[\x00-\x1f\x7f ]", b"%", mutated(path.encode(), paths, rng)) or b"/"
            line = method.encode() + b" " + line
        data = framed(line + b" HTTP/1.1", content)
        reply = answered(self.server.rest_port, data, LONGEST_S)
        found = judged(data, reply)
        assert reply, f"{data!r} is not answered within {LONGEST_S} s"
        return found


class Requests(Served):
    """Bytes that may be no HTTP at all."""

    def send(self, rng: random.Random) -> str:
        corpus = [request(*one) for one in REQUESTS]
        data = mutated(rng.choice(corpus), corpus, rng)
        found = judged(data, answered(self.server.rest_port, data, 0.2))
        self.is_alive()
        return found


class Texts(Served):
    """GraphQL."""

    def send(self, rng: random.Random) -> str:
        corpus = [one.encode() for one in QUESTIONS]
        text = rng.choice(corpus)
        if rng.random() < 0.5:
            words = re.findall(rb"\w+|\s+|.", text)
            for _ in range(rng.choice((1, 2, 5))):
                at = rng.randrange(len(words))
                words[at : at + rng.choice((0, 1, 1, 3))] = rng.sample(words, rng.randrange(4)) * rng.choice((1, 1, 30))
            text = b"".join(words)
        else:
            text = mutated(text, corpus, rng)
        question = text.decode("utf-8", "replace")
        body: dict[str, Any] = {"query": question}
        if rng.random() < 0.2:
            body |= {
                "variables": {"n": rng.choice([1, None, "x", [], 2**70])},
                "operationName": rng.choice(["Q", None]),
            }
        reply = self.rest.post("/graphql", json=body)
        assert reply.status_code < 500, f"{question!r} is answered with {reply.status_code}: {reply.text[:2000]}"
        for error in reply.json().get("errors") or () if reply.status_code == 200 else ():
            assert "unexpected error" not in error["message"], f"{question!r}: {error}"
        return str(reply.status_code)
