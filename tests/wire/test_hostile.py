"""What no client should send: each answer is a refusal of the protocol, nothing is half stored, the server lives on."""

from __future__ import annotations

import base64
import random
import uuid as uuid_module
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from server import Server
from weft.protocol import aggregate, base, batch, batch_delete, search_get

UUID = str(uuid_module.UUID(int=7))
BEACON = f"weaviate://localhost/Hostile/{UUID}"
CLASS: dict[str, Any] = {
    "class": "Hostile",
    "vectorConfig": {
        "a": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": {"distance": "cosine"}},
        "tokens": {
            "vectorizer": {"none": {}},
            "vectorIndexType": "hnsw",
            "vectorIndexConfig": {"distance": "dot", "multivector": {"enabled": True}},
        },
    },
    "invertedIndexConfig": {"indexNullState": True, "indexPropertyLength": True, "indexTimestamps": True},
    "properties": [
        {"name": "t", "dataType": ["text"]},
        {"name": "n", "dataType": ["int"], "indexRangeFilters": True},
        {"name": "f", "dataType": ["number[]"]},
        {"name": "d", "dataType": ["date"]},
        {"name": "g", "dataType": ["geoCoordinates"]},
        {"name": "p", "dataType": ["phoneNumber"]},
        {"name": "b", "dataType": ["blob"]},
        {"name": "o", "dataType": ["object"], "nestedProperties": [{"name": "x", "dataType": ["text[]"]}]},
        {"name": "r", "dataType": ["Hostile"]},
    ],
}
OBJECT: dict[str, Any] = {
    "class": "Hostile",
    "id": UUID,
    "properties": {
        "t": "hello world",
        "n": 5,
        "f": [1.5, 2],
        "d": "2020-01-01T00:00:00Z",
        "g": {"latitude": 1.0, "longitude": 2.0},
        "p": {"input": "+49 30 123456", "defaultCountry": "DE"},
        "b": base64.b64encode(b"hello").decode(),
        "o": {"x": ["a"]},
        "r": [{"beacon": BEACON}],
    },
    "vectors": {"a": [1.0, 2.0, 3.0], "tokens": [[1.0, 2.0], [3.0, 4.0]]},
}
WHERE: dict[str, Any] = {
    "operator": "And",
    "operands": [
        {"operator": "Equal", "path": ["t"], "valueText": "x"},
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
    ("POST", "/v1/schema", {**CLASS, "class": "Mutant"}),
    ("PUT", "/v1/schema/Hostile", CLASS),
    ("POST", "/v1/schema/Hostile/properties", {"name": "q", "dataType": ["text"], "tokenization": "word"}),
    ("POST", "/v1/objects", {**OBJECT, "id": str(uuid_module.UUID(int=8))}),
    ("POST", "/v1/objects", {"class": "Guessed", "properties": OBJECT["properties"], "vector": [1, 2]}),
    ("PUT", f"/v1/objects/Hostile/{UUID}", OBJECT),
    ("PATCH", f"/v1/objects/Hostile/{UUID}", OBJECT),
    ("POST", "/v1/batch/objects", {"objects": [OBJECT, OBJECT]}),
    ("DELETE", "/v1/batch/objects", {"match": {"class": "Hostile", "where": WHERE}, "dryRun": True}),
    ("POST", "/v1/batch/references", [{"from": f"{BEACON}/r", "to": BEACON}]),
    ("POST", f"/v1/objects/Hostile/{UUID}/references/r", {"beacon": BEACON}),
    ("PUT", f"/v1/objects/Hostile/{UUID}/references/r", [{"beacon": BEACON}]),
    ("POST", "/v1/schema/Hostiles/tenants", [{"name": "one", "activityStatus": "ACTIVE"}]),
    ("PUT", "/v1/schema/Hostiles/tenants", [{"name": "one", "activityStatus": "INACTIVE"}]),
    ("DELETE", "/v1/schema/Hostiles/tenants", ["one"]),
    ("POST", "/v1/aliases", {"alias": "Other", "class": "Hostile"}),
    ("POST", "/v1/tokenize", {"text": "some text", "tokenization": "word", "stopwords": {"preset": "en"}}),
]


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


JUNK: list[Any] = [
    None, True, 0, -1, 2**31, 2**63, -(2**63), 2**64, 10**30, 1e308, 1e39, 5e-324, 0.5, "", "x", "\0", "a\0b",
    "../../etc/passwd", "__class__", "_id", "id", "x" * 300, "*a" * 50, "0001-01-01T00:00:00Z", "2020-02-30T00:00:00Z",
    "weaviate://localhost//", UUID, [], {}, [[]], [{}], [None], [1, "a"], [[1], [2, 3]], {"": 1}, {"a": {"b": {}}},
    [0.0] * 65_536, ["x"] * 2000, deep(500), "hnsw", "flat", "text", "int", "t", "cosine", "ﬀ", "İ",
]  # fmt: skip


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url(""), timeout=60) as client:
        for document in (CLASS, {"class": "Hostiles", "multiTenancyConfig": {"enabled": True}}):
            assert client.post("/v1/schema", json=document).status_code == 200
        alone = {name: value for name, value in OBJECT["properties"].items() if name != "r"}
        assert client.post("/v1/objects", json={**OBJECT, "properties": alone}).status_code == 200
        assert client.put(f"/v1/objects/Hostile/{UUID}", json=OBJECT).status_code == 200, "it points to itself"
        yield client
        for document in client.get("/v1/schema").json()["classes"]:
            client.delete(f"/v1/schema/{document['class']}")


@pytest.fixture(scope="module")
def channel(server: Server, http: httpx.Client) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as made:
        yield made


def call(channel: grpc.Channel, method: str, message: Any) -> grpc.StatusCode:
    data = message if isinstance(message, bytes) else message.SerializeToString()
    unary: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/weaviate.v1.Weaviate/{method}")
    try:
        unary(data, timeout=60)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        assert code is not grpc.StatusCode.INTERNAL, error.details()
        return code
    return grpc.StatusCode.OK


# -- REST


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, one in value.items():
            yield from places(one, (*path, key))
    elif isinstance(value, list):
        for i, one in enumerate(value[:5]):
            yield from places(one, (*path, i))


def spoiled(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """A copy with ``by`` at ``path``; KeyError as ``by`` leaves the place out."""
    if not path:
        return by
    key, rest = path[0], path[1:]
    if isinstance(value, dict):
        copy = dict(value)
        if by is KeyError and not rest:
            del copy[key]
        else:
            copy[key] = spoiled(value[key], rest, by)
        return copy
    return [spoiled(one, rest, None if by is KeyError else by) if i == key else one for i, one in enumerate(value)]


@pytest.mark.parametrize("seed", range(4))
def test_junk_in_any_place_of_a_body(http: httpx.Client, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(150):
        method, path, body = rng.choice(REQUESTS)
        for _ in range(rng.choice([1, 1, 3])):
            body = spoiled(body, rng.choice(list(places(body))), rng.choice([*JUNK, KeyError]))
        if body is KeyError:
            continue
        reply = http.request(method, path, json=body)
        assert reply.status_code < 500, (method, path, body, reply.text)
        if reply.status_code >= 400 and reply.content:
            refused = reply.json()
            assert refused["message"] if "code" in refused else refused["error"][0]["message"]
    assert http.get(f"/v1/objects/Hostile/{UUID}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"class":"Hostile","properties":{"n":NaN}}',
        b'{"class":"Hostile","properties":{"n":1e999}}',
        b"\0",
    ],
)
def test_bodies_that_are_no_json(http: httpx.Client, body: bytes) -> None:
    reply = http.post("/v1/objects", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert "JSON" in reply.json()["message"]


@pytest.mark.parametrize("text", [b"\\ud800", b"\xff"])
def test_what_is_no_unicode_becomes_the_replacement_character(http: httpx.Client, text: bytes) -> None:
    body = b'{"class":"Hostile","properties":{"t":"' + text + b'"}}'
    reply = http.post("/v1/objects", content=body, headers={"content-type": "application/json"})
    assert reply.json()["properties"] == {"t": "\ufffd"}


def test_names_from_outside_never_become_paths(http: httpx.Client) -> None:
    for name in ("..", "../x", "a/b", "é", "\0", "a b", "x" * 65):
        reply = http.post("/v1/schema/Hostiles/tenants", json=[{"name": name}])
        assert reply.status_code == 422
    for name in ("..", "A/b", "É", "A\0", "A-b", "X" * 300):
        assert http.post("/v1/schema", json={"class": name}).status_code == 422


def test_a_refused_object_leaves_no_guessed_class(http: httpx.Client) -> None:
    reply = http.post("/v1/objects", json={"class": "Nested", "properties": {"x": deep(100)}})
    assert reply.status_code == 422
    assert http.get("/v1/schema/Nested").status_code == 404


def test_a_tenant_status_that_is_no_text(http: httpx.Client) -> None:
    for status in ({"a": 1}, ["ACTIVE"], 3, True):
        reply = http.put("/v1/schema/Hostiles/tenants", json=[{"name": "one", "activityStatus": status}])
        assert reply.status_code == 400


def test_great_values_are_taken(http: httpx.Client) -> None:
    for i, (name, value) in enumerate(
        [("t", "word " * 400_000), ("t", "w" * 2_000_000), ("f", list(range(100_000))), ("b", "aGVsbG9o" * 500_000)]
    ):
        id_ = str(uuid_module.UUID(int=100 + i))
        assert (
            http.post("/v1/objects", json={"class": "Hostile", "id": id_, "properties": {name: value}}).status_code
            == 200
        )
        assert http.get(f"/v1/objects/Hostile/{id_}").json()["properties"][name] == value
        assert http.delete(f"/v1/objects/Hostile/{id_}").status_code == 204


# -- gRPC


def floats(*values: float) -> bytes:
    return np.asarray(values, "<f4").tobytes()


def search(**parts: Any) -> Any:
    return search_get.SearchRequest(collection="Hostile", uses_127_api=True, **parts)


def near(data: bytes, **parts: Any) -> Any:
    vectors = [{"name": "a", "vectors": [{"name": "a", "vector_bytes": data, "type": 1}]}]
    return search(near_vector={"targets": {"target_vectors": ["a"]}, "vector_for_targets": vectors}, **parts)


def condition(operator: int, property: str, **value: Any) -> dict[str, Any]:
    return {"operator": operator, "target": {"property": property}, **value}


LIKE, EQUAL = base.Filters.OPERATOR_LIKE, base.Filters.OPERATOR_EQUAL
OK, INVALID = grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (near(floats(1, 2, 3)), OK),
        (near(floats(0, 0, 0)), OK),
        (near(floats(3e38, 3e38, 3e38)), INVALID),
        (near(floats(float("nan"), 0, 0)), INVALID),
        (near(floats(float("inf"), 0, 0)), INVALID),
        (near(floats(*[0.5] * 65_536)), INVALID),
        (near(floats(1, 2)), INVALID),
        (near(b""), INVALID),
        (near(b"123"), INVALID),
        (near(floats(1, 2, 3), limit=2**32 - 1), INVALID),
        (near(floats(1, 2, 3), limit=10, offset=2**32 - 1), INVALID),
        (near(floats(1, 2, 3), autocut=2**32 - 1), OK),
        (near(floats(1, 2, 3), after=UUID), INVALID),
        (search(after="not a uuid"), INVALID),
        (search(after="\0"), INVALID),
        (search(sort_by=[{"path": ["t"], "ascending": True}] * 100), OK),
        (search(sort_by=[{"path": ["t"], "ascending": True}] * 1000), INVALID),
        (search(filters=condition(LIKE, "t", value_text="*a" * 5000 + "b")), OK),
        (search(filters=condition(LIKE, "t", value_text="*" * 100_000)), OK),
        (search(filters=condition(LIKE, "t", value_text="?*" * 5000)), OK),
        (search(bm25_search={"query": "word " * 200_000, "properties": ["t"]}), OK),
        (search(bm25_search={"query": "word " * 1_000_000, "properties": ["t"]}), INVALID),
        (search(bm25_search={"query": " ".join(map(str, range(50_000)))}), OK),
        (search(bm25_search={"query": "x", "properties": ["t^nan"]}), INVALID),
        (near(floats(1, 2, 3), group_by={"path": ["t"], "number_of_groups": 2**31 - 1, "objects_per_group": 1}), OK),
        (near(floats(1, 2, 3), group_by={"path": ["t"], "number_of_groups": 3, "objects_per_group": 0}), OK),
        (near(floats(1, 2, 3), group_by={"path": ["t"], "number_of_groups": 0, "objects_per_group": 3}), OK),
        (near(floats(1, 2, 3), group_by={"path": ["t"], "number_of_groups": -1, "objects_per_group": 1}), INVALID),
    ],
)
def test_searches(channel: grpc.Channel, request_: Any, code: grpc.StatusCode) -> None:
    assert call(channel, "Search", request_) is code


@pytest.mark.parametrize("levels", [10, 60, 90, 10_000])
def test_deep_filters(channel: grpc.Channel, levels: int) -> None:
    def framed(field: int, data: bytes) -> bytes:
        size, length = len(data), b""
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        key = field << 3 | 2
        return (bytes([key & 127 | 128, key >> 7]) if key > 127 else bytes([key])) + length + bytes([size]) + data

    data = base.Filters(**condition(EQUAL, "t", value_text="x")).SerializeToString()
    head = base.Filters(operator=base.Filters.OPERATOR_AND).SerializeToString()
    for _ in range(levels):
        data = head + framed(base.Filters.DESCRIPTOR.fields_by_name["filters"].number, data)
    number = search_get.SearchRequest.DESCRIPTOR.fields_by_name["filters"].number
    code = call(channel, "Search", search().SerializeToString() + framed(number, data))
    assert code is (OK if levels < 100 else INVALID)


@pytest.mark.parametrize("property", ["t", "n", "f", "d", "g", "p", "b", "o", "r"])
def test_groups_by_every_type(channel: grpc.Channel, property: str) -> None:
    by = {"collection": "Hostile", "property": property}
    code = call(channel, "Aggregate", aggregate.AggregateRequest(collection="Hostile", objects_count=True, group_by=by))
    assert code is (INVALID if property in "po" else OK)
    groups = {"path": [property], "number_of_groups": 3, "objects_per_group": 3}
    assert call(channel, "Search", near(floats(1, 2, 3), group_by=groups)) is OK


@pytest.mark.parametrize("seed", range(2))
def test_damaged_messages(channel: grpc.Channel, seed: int) -> None:
    rng = random.Random(seed)
    both = {"operator": base.Filters.OPERATOR_AND, "filters": [condition(LIKE, "t", value_text="h*")] * 2}
    whole = [
        ("Search", near(floats(1, 2, 3), filters=both, limit=5, group_by={"path": ["t"], "number_of_groups": 2})),
        ("Search", search(hybrid_search={"query": "hello", "alpha": 0.5, "properties": ["t"]}, filters=both)),
        ("Search", search(sort_by=[{"path": ["d"]}], metadata={"uuid": True, "vectors": ["a", "tokens"]})),
        ("BatchDelete", batch_delete.BatchDeleteRequest(collection="Hostile", filters=both, dry_run=True)),
        (
            "BatchObjects",
            batch.BatchObjectsRequest(
                objects=[
                    {
                        "collection": "Hostile",
                        "uuid": str(uuid_module.UUID(int=9)),
                        "vectors": [{"name": "a", "vector_bytes": floats(1, 2, 3)}],
                        "properties": {"non_ref_properties": {"t": "x", "n": 3}},
                    }
                ]
            ),
        ),
    ]
    for _ in range(300):
        method, message = rng.choice(whole)
        data = bytearray(message.SerializeToString())
        for _ in range(rng.choice([1, 2, 5])):
            at = rng.randrange(len(data))
            match rng.randrange(3):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randrange(1, 4)]
                case _:
                    data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 4)))
            data = data or bytearray(b"\0")
        call(channel, method, bytes(data))
    assert call(channel, "Search", near(floats(1, 2, 3))) is OK


def test_a_web_page_cannot_use_a_local_server(server: Server) -> None:
    json = {"Content-Type": "application/json"}
    with httpx.Client(base_url=server.url("/v1"), trust_env=False) as http:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert http.get("/objects", headers=headers).status_code == 403
            assert http.post("/schema", content=b'{"class": "Pwned"}', headers=json | headers).status_code == 403
        simple = {"Content-Type": "text/plain"}
        assert http.post("/schema", content=b'{"class": "Pwned"}', headers=simple).status_code == 415
        assert http.get("/schema/Pwned").status_code == 404
