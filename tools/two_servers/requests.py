"""Questions by REST: schema, objects, batches, references, tenants, right or with one mistake in the body.

Each makes its collection itself, so that it can be asked alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any, TypeAlias

from two_servers.answers import Document
from two_servers.documents import (
    MADE,
    class_document,
    delete_document,
    graphql_document,
    missing_id,
    mistaken,
    object_class,
    object_document,
    reference_document,
)
from two_servers.filters import for_rest, where
from two_servers.question import Question
from two_servers.searches import Draw
from two_servers.server import Server
from two_servers.things import THING, Json, other_id, thing_id

Step: TypeAlias = tuple[str, str, Any]
"""Method, path, body."""

_MISTAKES = 0.7
_SCHEMA = f"/v1/schema/{MADE}"


def sequence(kind: str, steps: Sequence[Step], prepared: Sequence[Step] = (), **facts: Any) -> Question:
    """The answers to ``steps`` are compared, those to ``prepared`` only where a server does not take them."""

    def ask(server: Server) -> Document:
        server.request("DELETE", _SCHEMA)
        for step in prepared:
            if (answer := server.request(*step)).refused:
                return answer
        answers = [server.request(*step) for step in steps]
        body = {
            f"{method} {number}": _outcome(one)
            for number, ((method, *_), one) in enumerate(zip(steps, answers, strict=True))
        }
        return Document(answers[0].status, body) if not answers[0].refused else Document(answers[0].status)

    text = "; ".join(_words(step) for step in steps) + "".join(f"\n    after {_words(step)}" for step in prepared)
    return Question(kind, text, ask, {"steps": steps, **facts})


def _outcome(answer: Document) -> Json:
    """Messages of refusals are not compared."""
    return {"status": answer.status, **({} if answer.refused else {"body": answer.body})}


def _words(step: Step) -> str:
    method, path, body = step
    return f"{method} {path}" + (f" {json.dumps(body, ensure_ascii=False)}" if body is not None else "")


def _drawn(rng: Random, noun: str, document: Json) -> tuple[str, Json]:
    if rng.random() < _MISTAKES:
        changed, key = mistaken(rng, document)
        return f"{noun}: {key}", changed
    return noun, document


def schema(rng: Random) -> Question:
    kind, document = _drawn(rng, "schema", class_document(rng))
    return sequence(kind, [("POST", "/v1/schema", document), ("GET", _SCHEMA, None)])


def schema_update(rng: Random) -> Question:
    first = class_document(rng)
    second = class_document(rng) if rng.random() < 0.3 else first
    kind, document = _drawn(rng, "schema update", second)
    return sequence(kind, [("PUT", _SCHEMA, document), ("GET", _SCHEMA, None)], [("POST", "/v1/schema", first)])


def schema_property(rng: Random) -> Question:
    document = class_document(rng)
    while "properties" not in document:
        document = class_document(rng)
    kind, added = _drawn(rng, "property", document["properties"][0])
    made = {"class": MADE, "properties": document["properties"][1:]}
    return sequence(
        kind, [("POST", f"{_SCHEMA}/properties", added), ("GET", _SCHEMA, None)], [("POST", "/v1/schema", made)]
    )


def objects(rng: Random) -> Question:
    method = rng.choice(("POST", "PUT", "PATCH", "validate"))
    first = object_document(rng, 1)
    kind, document = _drawn(rng, f"object {method}", object_document(rng, 1))
    at = f"/v1/objects/{MADE}/{other_id(1)}"
    prepared: list[Step] = [("POST", "/v1/schema", object_class())]
    if method in ("PUT", "PATCH"):
        prepared.append(("POST", "/v1/objects", first))
    path = {"POST": "/v1/objects", "validate": "/v1/objects/validate"}.get(method, at)
    step = ("POST" if method == "validate" else method, path, document)
    return sequence(kind, [step, ("GET", f"{at}?include=vector", None)], prepared)


def batch(rng: Random) -> Question:
    kind, document = _drawn(rng, "batch", {"objects": [object_document(rng, number) for number in (1, 2)]})
    steps = [("POST", "/v1/batch/objects", document), ("GET", f"/v1/objects?class={MADE}&include=vector", None)]
    return sequence(kind, steps, [("POST", "/v1/schema", object_class())])


def batch_delete(rng: Random) -> Question:
    kind, document = _drawn(rng, "batch delete", delete_document(rng))
    document["dryRun"] = True  # whatever the mistake was
    return sequence(kind, [("DELETE", "/v1/batch/objects", document)])


def references(rng: Random) -> Question:
    method = rng.choice(("POST", "PUT", "DELETE"))
    prepared = [("POST", "/v1/schema", object_class()), ("POST", "/v1/objects", object_document(rng, 1))]
    kind, document = _drawn(rng, f"reference {method}", reference_document(rng))
    at = f"/v1/objects/{MADE}/{other_id(1)}"
    body = [document] if method == "PUT" else document
    return sequence(kind, [(method, f"{at}/references/to", body), ("GET", at, None)], prepared)


def batch_references(rng: Random) -> Question:
    document = {"from": f"weaviate://localhost/{MADE}/{other_id(1)}/to", "to": reference_document(rng)["beacon"]}
    kind, document = _drawn(rng, "batch references", document)
    prepared = [("POST", "/v1/schema", object_class()), ("POST", "/v1/objects", object_document(rng, 1))]
    at = f"/v1/objects/{MADE}/{other_id(1)}"
    return sequence(kind, [("POST", "/v1/batch/references", [document]), ("GET", at, None)], prepared)


def tenants(rng: Random) -> Question:
    made = object_class() | {"multiTenancyConfig": {"enabled": rng.random() < 0.9}}
    statuses = ("HOT", "COLD", "ACTIVE", "INACTIVE")
    first = [{"name": name, "activityStatus": rng.choice(statuses)} for name in ("one", "two")]
    kind, document = _drawn(
        rng, "tenants", {"name": rng.choice(("one", "three")), "activityStatus": rng.choice(statuses)}
    )
    path = f"{_SCHEMA}/tenants"
    prepared: list[Step] = [("POST", "/v1/schema", made)]
    if made["multiTenancyConfig"]["enabled"]:
        prepared.append(("POST", path, first))
    document_object = object_document(rng, 1) | {"tenant": rng.choice(("one", "two", "three", "four", ""))}
    steps = [
        (rng.choice(("POST", "PUT")), path, [document]),
        ("POST", "/v1/objects", document_object),
        ("GET", f"/v1/objects/{MADE}/{other_id(1)}?tenant={document_object['tenant']}", None),
        ("DELETE", path, [rng.choice(("one", "three", "nine"))]),
        ("GET", f"{path}/two", None),
    ]
    return sequence(kind, steps, prepared)


def graphql_body(rng: Random) -> Question:
    kind, document = _drawn(rng, "graphql body", graphql_document(rng))
    return sequence(kind, [("POST", "/v1/graphql", document)])


def addresses(rng: Random) -> Question:
    """Paths and parameters that are right, odd or lead nowhere."""
    uuid = rng.choice((thing_id(rng.randint(0, 20)), missing_id(rng)))
    name = rng.choice((THING, THING, "DifferNowhere", "differThing", "x-y", ""))
    sort = "sort=" + rng.choice(("n", "x", "nope", "_id", "_creationTimeUnix", "")) + rng.choice(("", "&order=desc"))
    query = rng.choice(
        (
            "",
            "include=vector",
            "include=nope",
            "limit=0",
            "limit=-1",
            "limit=x",
            "limit=3&offset=2",
            "offset=-1",
            "tenant=t",
            "consistency_level=ONE",
            "consistency_level=x",
            sort,
            f"after={uuid}",
            f"after={uuid}&limit=3",
        )
    )
    paths = (
        f"/v1/objects/{name}/{uuid}?{query}",
        f"/v1/objects/{uuid}?{query}",
        f"/v1/objects?class={name}&{query}",
        f"/v1/schema/{name}?{query}",
        f"/v1/schema/{name}/tenants",
        f"/v1/nodes/{name}?output=" + rng.choice(("minimal", "verbose", "x")),
        "/v1/nowhere",
    )
    path = rng.choice(paths)
    method = rng.choice(("GET", "HEAD")) if path in paths[:2] else "GET"
    return sequence("address", [(method, path, None)])


def listing(rng: Random) -> Question:
    """A filter that REST refuses or takes as gRPC does, as a dry run of a batch delete."""
    filters = where(rng)
    document = {"match": {"class": THING, "where": for_rest(filters)}, "dryRun": True, "output": "minimal"}
    return sequence("batch delete: any filter", [("DELETE", "/v1/batch/objects", document)], filters=filters)


DRAWS: tuple[tuple[Draw, int], ...] = (
    (schema, 4),
    (schema_update, 2),
    (schema_property, 2),
    (objects, 4),
    (batch, 2),
    (batch_delete, 1),
    (references, 2),
    (batch_references, 1),
    (tenants, 2),
    (graphql_body, 1),
    (addresses, 2),
    (listing, 1),
)
