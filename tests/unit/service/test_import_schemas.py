"""Auto-schema over a whole server: only what accepted objects need is added to a schema."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from in_process import InProcess
from weft.domain.errors import WeftError
from weft.domain.objects import IncomingObject, Object
from weft.domain.schema import CollectionConfig
from weft.protocol import batch as messages
from weft.service.importing import checked_object
from weft.wire.grpc.decode_columns import decode_columns

ID = "00000000-0000-0000-0000-00000000000a"
OTHER_ID = "00000000-0000-0000-0000-00000000000b"
BEACON = f"weaviate://localhost/Thing/{OTHER_ID}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcess]:
    """With a class Thing, which has the text ``t``, a vector and the object ``ID``."""
    made = InProcess(tmp_path, autoschema_enabled=True)
    post(
        made,
        "/v1/schema",
        {"class": "Thing", "vectorizer": "none", "properties": [{"name": "t", "dataType": ["text"]}]},
    )
    post(made, "/v1/objects", {"class": "Thing", "id": ID, "properties": {"t": "x"}, "vector": [1, 2]})
    yield made
    made.close()


def post(server: InProcess, path: str, body: dict[str, Any], status: int = 200) -> Any:
    answer = server.rest.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def refuse_in_a_batch(server: InProcess, refused: dict[str, Any]) -> None:
    """By itself; for an id that is not a uuid, with the whole request."""
    answer = server.rest.post("/v1/batch/objects", json={"objects": [refused]})
    assert answer.status_code == (422 if "id" in refused else 200)
    assert answer.status_code == 422 or answer.json()[0]["result"]["status"] == "FAILED"


def types(server: InProcess, name: str = "Thing") -> dict[str, list[str]] | None:
    """Data types by property; None if there is no such class."""
    answer = server.rest.get(f"/v1/schema/{name}")
    return (
        {one["name"]: one["dataType"] for one in answer.json()["properties"] or ()}
        if answer.status_code == 200
        else None
    )


REFUSED: list[dict[str, Any]] = [
    {"properties": {"t": 5, "stray": 1}},
    {"properties": {"stray": 1, "mixed": [1, "a"]}},
    {"properties": {"stray": 1}, "vector": [1, 2, 3]},
    {"properties": {"stray": 1}, "vectors": {"no such vector": [1]}},
    {"properties": {"stray": 1}, "tenant": "none here"},
    {"properties": {"stray": 1, "ref": [{"beacon": BEACON}]}},
    {"properties": {"stray": {"deep": 1}, "t": None, "T": 1}},
    {"id": "no uuid", "properties": {"stray": 1}},
]


@pytest.mark.parametrize("refused", REFUSED)
def test_a_refused_object_leaves_no_property_behind(server: InProcess, refused: dict[str, Any]) -> None:
    post(server, "/v1/objects", {"class": "Thing", **refused}, 422)
    refuse_in_a_batch(server, {"class": "Thing", **refused})
    for method in (server.rest.patch, server.rest.put):
        changed = {"class": "Thing", **refused, "id": ID}
        if refused.get("id") is None:
            assert method(f"/v1/objects/Thing/{ID}", json=changed).status_code == 422
    assert types(server) == {"t": ["text"]}


@pytest.mark.parametrize("refused", [*REFUSED[1:2], *REFUSED[3:6], REFUSED[7]])
def test_a_refused_object_leaves_no_class_behind(server: InProcess, refused: dict[str, Any]) -> None:
    post(server, "/v1/objects", {"class": "Fresh", **refused}, 422)
    refuse_in_a_batch(server, {"class": "Fresh", **refused})
    assert types(server, "Fresh") is None


def test_an_object_that_exists_already_adds_nothing(server: InProcess) -> None:
    post(server, "/v1/objects", {"class": "Thing", "id": ID, "properties": {"stray": 1}}, 422)
    assert server.rest.patch(f"/v1/objects/Thing/{OTHER_ID}", json={"properties": {"stray": 1}}).status_code == 404
    assert types(server) == {"t": ["text"]}


@pytest.mark.parametrize("name", ["Thing", "Fresh"])
def test_the_others_of_a_batch_decide_for_themselves(server: InProcess, name: str) -> None:
    objects: list[dict[str, Any]] = [
        {"properties": {"t": "a", "n": "guessed", "stray": 1, "mixed": [1, "a"]}},
        {"properties": {"t": "b", "n": 1}},
        {"properties": {"t": "c", "n": "no number"}},
        {"properties": {"t": "d", "n": 2, "m": {"x": None, "y": "2024-05-17T12:30:15Z"}}},
        {"properties": {"t": "e", "m": {"x": True}}},
    ]
    results = post(server, "/v1/batch/objects", {"objects": [{"class": name, **one} for one in objects]})
    failed = [i for i, one in enumerate(results) if one["result"]["status"] == "FAILED"]
    assert failed == [0, 2]
    assert types(server, name) == {"t": ["text"], "n": ["number"], "m": ["object"]}
    nested = server.rest.get(f"/v1/schema/{name}").json()["properties"][2]["nestedProperties"]
    assert {one["name"]: one["dataType"] for one in nested} == {"y": ["date"], "x": ["boolean"]}


def test_a_value_is_stored_as_the_final_type_has_it(server: InProcess) -> None:
    """The first object would make ``d`` a text; it is refused for its vector, so the second decides."""
    objects = [
        {"class": "Thing", "properties": {"d": "text"}, "vector": [1, 2, 3]},
        {"class": "Thing", "id": OTHER_ID, "properties": {"d": "2024-05-17T12:30:15.500+00:00"}, "vector": [1, 2]},
    ]
    results = post(server, "/v1/batch/objects", {"objects": objects})
    assert [one["result"]["status"] for one in results] == ["FAILED", "SUCCESS"]
    assert types(server) == {"t": ["text"], "d": ["date"]}
    stored = server.rest.get(f"/v1/objects/Thing/{OTHER_ID}").json()
    assert stored["properties"] == {"d": "2024-05-17T12:30:15.5Z"}


@pytest.mark.parametrize("nothing", [None, [], {"a": None}, [{"a": []}]])
def test_a_value_without_a_type_decides_nothing(server: InProcess, nothing: Any) -> None:
    post(server, "/v1/objects", {"class": "Thing", "id": OTHER_ID, "properties": {"p": nothing, "t": "y"}})
    assert server.rest.patch(f"/v1/objects/Thing/{OTHER_ID}", json={"properties": {"p": nothing}}).status_code == 204
    (result,) = post(server, "/v1/batch/objects", {"objects": [{"class": "Fresh", "properties": {"p": nothing}}]})
    assert result["result"]["status"] == "SUCCESS"
    assert types(server) == {"t": ["text"]}
    assert types(server, "Fresh") == {}
    for name in ("Thing", "Fresh"):
        post(server, "/v1/objects", {"class": name, "properties": {"p": 5.5}})
        assert (types(server, name) or {})["p"] == ["number"]


def test_without_auto_schema_an_unknown_property_is_refused_though_it_is_empty(tmp_path: Path) -> None:
    server = InProcess(tmp_path)
    post(server, "/v1/schema", {"class": "Thing"})
    post(server, "/v1/objects", {"class": "Thing", "properties": {"p": []}}, 422)
    server.close()


def test_tenants_of_one_batch_each_add_what_they_need(server: InProcess) -> None:
    post(server, "/v1/schema", {"class": "Mt", "multiTenancyConfig": {"enabled": True, "autoTenantCreation": True}})
    objects = [{"class": "Mt", "tenant": f"t{n}", "properties": {f"p{n}": n}} for n in range(3)]
    results = post(server, "/v1/batch/objects", {"objects": objects})
    assert all(one["result"]["status"] == "SUCCESS" for one in results)
    assert types(server, "Mt") == {"p0": ["number"], "p1": ["number"], "p2": ["number"]}


def test_an_automatic_class_has_no_module_whatever_the_default_is(tmp_path: Path) -> None:
    server = InProcess(tmp_path, autoschema_enabled=True, default_vectorizer_module="text2vec-contextionary")
    post(server, "/v1/objects", {"class": "Thing", "properties": {"t": "x"}})
    made = server.rest.get("/v1/schema/Thing").json()
    assert made["vectorConfig"]["default"]["vectorizer"] == {"none": {}}
    server.close()


def test_writers_that_meet_agree_on_one_type(server: InProcess) -> None:
    """Whichever value comes first decides; each of the others is stored or refused, and nothing is lost."""
    values: list[Any] = ["text", 1, True, [1], {"a": 1}] * 3
    statuses: dict[int, int] = {}

    def write(n: int) -> None:
        body = {
            "class": "Race",
            "id": f"00000000-0000-0000-0000-{n + 1:012d}",
            "properties": {"p": values[n], f"q{n}": n},
        }
        statuses[n] = server.rest.post("/v1/objects", json=body).status_code

    threads = [threading.Thread(target=write, args=(n,)) for n in range(len(values))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted = {n for n, status in statuses.items() if status == 200}
    assert len(statuses) == len(values)
    assert {type(values[n]) for n in accepted} == {type(values[next(iter(accepted))])}
    known = types(server, "Race") or {}
    assert set(known) == {"p", *(f"q{n}" for n in accepted)}
    assert len(server.rest.get("/v1/objects?class=Race").json()["objects"]) == len(accepted) == 3


def test_columns_are_checked_against_few_schemas_however_many_objects_are_refused(server: InProcess) -> None:
    sent = messages.BatchObjectsRequest()
    for number in range(9):
        one = sent.objects.add(uuid=f"00000000-0000-0000-0001-{number:012x}", collection="Thing")
        one.properties.non_ref_properties.update({"t": "x" if number == 4 else 5, f"new{number}": 1})
    data = sent.SerializeToString()
    incoming = decode_columns(data, 0, len(data))
    assert incoming is not None
    by_columns: list[CollectionConfig] = []

    def check(config: CollectionConfig, one: IncomingObject) -> Object:
        if one.columns is not None and config not in by_columns:
            by_columns.append(config)
        return checked_object(config, one, 0, lenient=True)

    errors: list[WeftError | None] = [None] * len(incoming)
    plan = server.service.collections.plan_import("Thing", dict(enumerate(incoming)), errors, check)
    assert [number for number, error in enumerate(errors) if error is None] == [4] == list(plan.objects)
    assert len(by_columns) <= 1
