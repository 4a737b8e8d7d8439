"""How the things come into both servers: made at once, then changed one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from two_servers.answers import Document
from two_servers.question import Question
from two_servers.server import Server
from two_servers.things import OTHER, OTHERS, PREFIX, PROPERTIES, THING, Json, classes, other, thing, thing_id, vector


class Unfilled(Exception):
    """A server does not take what both are to hold."""


def fill(servers: Sequence[Server], rng: Random, objects: int) -> None:
    """Fresh collections with ``objects`` things; earlier ones are deleted."""
    made = [[other(number) for number in range(OTHERS)], [thing(rng, number) for number in range(objects)]]
    for server in servers:
        remove(server)
        for document in classes():
            _checked(server, server.request("POST", "/v1/schema", document))
        for batch in made:
            done = _checked(server, server.request("POST", "/v1/batch/objects", {"objects": batch}))
            for one in done.body:
                if errors := one["result"].get("errors"):
                    raise Unfilled(f"{server.address} refuses the object {one['id']}: {errors}")


def remove(server: Server) -> None:
    """Every collection of this program's."""
    for document in server.request("GET", "/v1/schema").body["classes"]:
        if document["class"].lower().startswith(PREFIX.lower()):  # mistaken questions make some in capitals
            _checked(server, server.request("DELETE", f"/v1/schema/{document['class']}"))


def _checked(server: Server, answer: Document) -> Document:
    if answer.refused:
        raise Unfilled(f"{server.address} answers {answer.status}: {answer.body}")
    return answer


def changes(rng: Random, objects: int, count: int) -> Iterator[Question]:
    """Each is a write, whose answers are compared as those of other questions are."""
    for _ in range(count):
        number = rng.randrange(objects + 2)
        made, path = thing(rng, number), f"/v1/objects/{THING}/{thing_id(number)}"
        match rng.choice(("replace", "update", "delete", "insert", "empty", "refer")):
            case "replace":
                yield _write("replace", "PUT", path, made)
            case "update":
                names = rng.sample(list(PROPERTIES), 3)
                properties = {name: made["properties"].get(name) for name in names}
                vectors = {name: vector(rng, name) for name in made["vectors"] if rng.random() < 0.3}
                yield _write("update", "PATCH", path, {**made, "properties": properties, "vectors": vectors})
            case "delete":
                yield _write("delete", "DELETE", path)
            case "insert":
                yield _write("insert", "POST", "/v1/objects", made)
            case "empty":
                yield _write("replace", "PUT", path, {"class": THING, "id": thing_id(number), "properties": {}})
            case _:
                beacon = {"beacon": f"weaviate://localhost/{OTHER}/{other(rng.randrange(OTHERS))['id']}"}
                yield _write("refer", rng.choice(("POST", "DELETE")), f"{path}/references/to", beacon)


def _write(kind: str, method: str, path: str, body: Json | None = None) -> Question:
    return Question(f"write: {kind}", f"{method} {path} {body}", lambda server: server.request(method, path, body))
