"""GraphQL against a real server, as the older clients write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import weaviate
from graphql import build_client_schema, get_introspection_query
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataReference, PhoneNumber
from weaviate.classes.tenants import Tenant

from server import Server

Make = Callable[..., Any]
Raw = Callable[..., dict[str, Any]]


@pytest.fixture
def raw(server: Server) -> Iterator[Raw]:
    with httpx.Client(base_url=server.url("/v1"), timeout=60) as http:

        def ask(query: str, **more: Any) -> dict[str, Any]:
            response = http.post("/graphql", json={"query": query, **more})
            assert response.status_code == 200, response.text
            answered: dict[str, Any] = response.json()
            return answered

        yield ask


@pytest.fixture
def data(raw: Raw) -> Raw:
    """The data of an answer without errors."""

    def ask(query: str, **more: Any) -> dict[str, Any]:
        answered = raw(query, **more)
        assert "errors" not in answered, answered["errors"]
        found: dict[str, Any] = answered["data"]
        return found

    return ask


def test_the_official_client_asks(client: weaviate.WeaviateClient, make: Make) -> None:
    name = make(properties=[Property(name="Name", data_type=DataType.TEXT)]).name
    client.collections.use(name).data.insert_many([{"Name": f"name {i}"} for i in range(20)])
    found = client.graphql_raw_query(f"{{Aggregate{{{name}{{meta{{count}}}}}} Get{{{name}(limit:30){{name}}}}}}")
    assert found.errors is None
    assert found.aggregate[name][0]["meta"]["count"] == 20
    assert len(found.get[name]) == 20
    wrong = client.graphql_raw_query("{Get{IDoNotExist{name}}}")
    assert wrong.errors is not None
    assert (wrong.get, wrong.aggregate, wrong.explore) == ({}, {}, {})


def test_every_type_of_property(data: Raw, make: Make) -> None:
    made = make(
        properties=[
            *(
                Property(name=name, data_type=kind)
                for name, kind in {
                    "text": DataType.TEXT,
                    "int": DataType.INT,
                    "number": DataType.NUMBER,
                    "bool": DataType.BOOL,
                    "date": DataType.DATE,
                    "uuid": DataType.UUID,
                    "blob": DataType.BLOB,
                    "ints": DataType.INT_ARRAY,
                    "numbers": DataType.NUMBER_ARRAY,
                    "bools": DataType.BOOL_ARRAY,
                    "dates": DataType.DATE_ARRAY,
                    "uuids": DataType.UUID_ARRAY,
                    "geo": DataType.GEO_COORDINATES,
                    "phone": DataType.PHONE_NUMBER,
                }.items()
            ),
            Property(
                name="parts",
                data_type=DataType.OBJECT_ARRAY,
                nested_properties=[
                    Property(name="size", data_type=DataType.INT),
                    Property(
                        name="inner",
                        data_type=DataType.OBJECT,
                        nested_properties=[Property(name="words", data_type=DataType.TEXT_ARRAY)],
                    ),
                ],
            ),
        ]
    )
    values = {
        "text": 'é\n"',
        "int": 2**53 + 1,
        "number": 0.1,
        "bool": False,
        "date": "2024-02-29T12:00:00.5Z",
        "uuid": str(UUID(int=3)),
        "blob": "aGVsbG8=",
        "ints": [1, -2],
        "numbers": [1.5],
        "bools": [True, False],
        "dates": ["2024-02-29T12:00:00Z"],
        "uuids": [str(UUID(int=4))],
        "geo": {"latitude": 1.5, "longitude": -2.0},
        "parts": [{"size": 1, "inner": {"words": ["a", "b"]}}, {"size": 2, "inner": None}],
    }
    made.data.insert({**values, "phone": PhoneNumber(number="0171 1234567", default_country="de")})
    plain = " ".join(name for name in values if name not in ("geo", "parts"))
    fields = f"{plain} geo{{latitude longitude}} parts{{size inner{{words}}}} phone{{national valid defaultCountry}}"
    (found,) = data(f"{{Get{{{made.name}{{{fields}}}}}}}")["Get"][made.name]
    assert found == {**values, "phone": {"national": 1711234567, "valid": True, "defaultCountry": "DE"}}


def test_reranking_and_generation(data: Raw, raw: Raw, make: Make) -> None:
    made = make(
        properties=[Property(name="text", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.self_provided(),
        reranker_config=Configure.Reranker.custom("reranker-dummy"),
        generative_config=Configure.Generative.custom("generative-dummy"),
    )
    for i, text in enumerate(["a", "bbb", "cc"]):
        made.data.insert({"text": text}, vector=[1, i])
    near = "nearVector:{vector:[1,0]}"
    found = data(f'{{Get{{{made.name}({near}){{text _additional{{rerank(property:"text" query:"q"){{score}}}}}}}}}}')
    scores = [one["_additional"]["rerank"][0]["score"] for one in found["Get"][made.name]]
    assert scores == sorted(scores, reverse=True)
    generate = 'generate(singleResult:{prompt:"say {text}" debug:true} groupedResult:{task:"sum"})'
    fields = f"text _additional{{{generate}{{singleResult groupedResult error debug{{prompt}}}}}}"
    found = data(f"{{Get{{{made.name}({near}){{{fields}}}}}}}")["Get"][made.name]
    done = [one["_additional"]["generate"] for one in found]
    assert all(
        one["text"] in part["singleResult"] and part["error"] is None for one, part in zip(found, done, strict=True)
    )
    assert "say a" in done[0]["debug"]["prompt"]
    assert done[0]["groupedResult"]
    assert done[1]["groupedResult"] is None
    groups = 'groupBy:{path:["text"] groups:2 objectsPerGroup:1}'
    found = data(f"{{Get{{{made.name}({near} {groups}){{{fields}}}}}}}")["Get"][made.name]
    done = [one["_additional"]["generate"] for one in found]
    assert all(one["text"] in part["singleResult"] for one, part in zip(found, done, strict=True))
    assert [all(f'"{one["text"]}"' in (part["groupedResult"] or "") for one in found) for part in done] == [True, False]
    made.data.insert({}, vector=[1, -0.5])
    for grouping in ("", 'groupBy:{path:["text"] groups:9 objectsPerGroup:1}'):
        found = data(f"{{Get{{{made.name}({near} {grouping}){{{fields}}}}}}}")["Get"][made.name]
        by_text = {one["text"]: one["_additional"]["generate"] for one in found}
        assert by_text[None]["singleResult"] is None
        assert "Following property has empty value: 'text'" in by_text.pop(None)["error"]
        assert all(part["singleResult"] and part["error"] is None for part in by_text.values())
        assert found[0]["_additional"]["generate"]["groupedResult"], "one failure leaves the others' results alone"
    wrong = raw(f'{{Get{{{made.name}{{_additional{{rerank(property:"nope"){{score}}}}}}}}}}')
    assert wrong["data"]["Get"] == {made.name: None}
    assert "nope" in wrong["errors"][0]["message"]


def test_references_to_several_collections(data: Raw, make: Make) -> None:
    books = make(properties=[Property(name="title", data_type=DataType.TEXT)])
    plays = make(
        properties=[Property(name="title", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)]
    )
    about = make(references=[ReferenceProperty.MultiTarget(name="of", target_collections=[books.name, plays.name])])
    book, play = books.data.insert({"title": "book"}), plays.data.insert({"title": "play", "n": 7})
    one, none = about.data.insert({}), about.data.insert({})
    for target, uuid in ((books, book), (plays, play)):
        to = DataReference.MultiTarget(from_uuid=one, from_property="of", to_uuid=uuid, target_collection=target.name)
        about.data.reference_add_many([to])
    where = f'where:{{operator:Equal path:["id"] valueText:"{one}"}}'
    text = f"{{Get{{{about.name}({where}){{of{{__typename ...on {plays.name}{{title n}}}}}}}}}}"
    (found,) = data(text)["Get"][about.name]
    assert found["of"] == [{"__typename": books.name}, {"__typename": plays.name, "title": "play", "n": 7}]
    text = f"{{Get{{{about.name}({where}){{of{{...on {plays.name}{{n}} ...B}}}}}}}} fragment B on {books.name}{{title}}"
    (found,) = data(text)["Get"][about.name]
    assert found["of"] == [{"title": "book"}, {"n": 7}]
    absent = f'where:{{operator:Equal path:["id"] valueText:"{none}"}}'
    (found,) = data(f"{{Get{{{about.name}({absent}){{of{{...on {plays.name}{{n}}}}}}}}}}")["Get"][about.name]
    assert found["of"] is None


def test_hits_that_are_alike_as_one(data: Raw, raw: Raw, make: Make) -> None:
    made = make(
        properties=[Property(name="t", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)],
        vector_config=Configure.Vectors.self_provided(),
    )
    made.config.add_reference(ReferenceProperty(name="of", target_collection=made.name))
    ids = [
        made.data.insert({"t": text, "n": n}, vector=vector)
        for text, n, vector in (("a", 1, [1, 0]), ("b", 3, [0.99, 0.01]), ("c", 8, [0, 1]))
    ]
    for i in (0, 1):
        made.data.reference_add_many([DataReference("of", ids[i], to) for to in (ids[2], ids[i])])
    fields = f"t n of{{...on {made.name}{{t}}}} _additional{{id distance vectors{{default}}}}"

    def ask(group: str) -> list[dict[str, Any]]:
        text = f"{{Get{{{made.name}(nearVector:{{vector:[1,0]}} group:{group}){{{fields}}}}}}}"
        found: list[dict[str, Any]] = data(text)["Get"][made.name]
        return found

    closest = ask("{type:closest force:0.1}")
    assert [one["t"] for one in closest] == ["a", "c"]
    merged, alone = ask("{type:merge force:0.1}")
    assert (merged["t"], merged["n"], alone["t"]) == ("a (b)", 2, "c")
    assert [one["t"] for one in merged["of"]] == ["c", "a", "b"]
    assert (merged["_additional"]["id"], merged["_additional"]["distance"]) == (str(ids[0]), 0)
    assert merged["_additional"]["vectors"]["default"] == pytest.approx([0.995, 0.005])
    assert [one["n"] for one in ask("{type:merge force:1}")] == [4]


def test_what_has_no_one_vector_cannot_be_condensed(raw: Raw, make: Make) -> None:
    made = make(vector_config=[Configure.Vectors.self_provided(name=name) for name in ("x", "y")])
    wrong = raw(f"{{Get{{{made.name}(group:{{type:merge force:1}}){{_additional{{id}}}}}}}}")
    assert "one vector" in wrong["errors"][0]["message"]


def test_hits_by_vector_are_sorted_after_they_are_found(data: Raw, raw: Raw, make: Make) -> None:
    things = make(
        properties=[Property(name="n", data_type=DataType.INT), Property(name="t", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.self_provided(),
    )
    for n, x in enumerate([0.3, 0.1, 0.2, 9.0]):
        things.data.insert({"n": n, "t": "word"}, vector=[1.0, x])

    def asked(search: str) -> str:
        return f'{{Get{{{things.name}({search} sort:[{{path:["n"] order:asc}}]){{n}}}}}}'

    near = "nearVector:{vector:[1,0]}"
    for paging, expected in (
        ("limit:3", [0, 1, 2]),
        ("limit:2", [1, 2]),
        ("limit:1 offset:2", [0]),
        ("", [0, 1, 2, 3]),
    ):
        assert data(asked(f"{near} {paging}"))["Get"][things.name] == [{"n": n} for n in expected]
    for search in ('bm25:{query:"word"}', 'hybrid:{query:"word" alpha:0}'):
        assert "is not compatible with sort" in raw(asked(search))["errors"][0]["message"]


def test_tenants_and_aliases(client: weaviate.WeaviateClient, data: Raw, raw: Raw, make: Make) -> None:
    made = make(
        properties=[Property(name="n", data_type=DataType.INT)],
        multi_tenancy_config=Configure.multi_tenancy(enabled=True),
    )
    made.tenants.create([Tenant(name="one"), Tenant(name="two")])
    made.with_tenant("one").data.insert({"n": 1})
    alias = f"{made.name}Alias"
    client.alias.create(alias_name=alias, target_collection=made.name)
    try:
        both = f'a:{alias}(tenant:"one"){{n}} b:{made.name}(tenant:"two"){{n}}'
        assert data(f"{{Get{{{both}}}}}")["Get"] == {"a": [{"n": 1}], "b": []}
        counted = data(f'{{Aggregate{{{alias}(tenant:"one"){{meta{{count}}}}}}}}')
        assert counted["Aggregate"][alias] == [{"meta": {"count": 1}}]
    finally:
        client.alias.delete(alias_name=alias)
    assert "tenant" in raw(f"{{Get{{{made.name}{{n}}}}}}")["errors"][0]["message"]
    assert "Cannot query field" in raw(f"{{Get{{{alias}{{n}}}}}}")["errors"][0]["message"]


def test_exploring_all_collections(data: Raw, raw: Raw, make: Make) -> None:
    made = [
        make(vector_config=[Configure.Vectors.self_provided(name="explored")]),
        make(vector_config=[Configure.Vectors.self_provided(name="explored")]),
    ]
    for i in range(4):
        made[i % 2].data.insert({}, uuid=UUID(int=i + 1), vector={"explored": [1, i]})
    fields = "{beacon className distance certainty}"
    for near in (
        'nearVector:{vector:[1,0] targetVectors:["explored"]}',
        f'nearObject:{{id:"{UUID(int=1)}" targetVectors:["explored"]}}',
    ):
        found = data(f"{{Explore({near} limit:2 offset:1){fields}}}")["Explore"]
        assert [one["beacon"] for one in found] == [
            f"weaviate://localhost/{made[i % 2].name}/{UUID(int=i + 1)}" for i in (1, 2)
        ]
        assert [one["className"] for one in found] == [made[1].name, made[0].name]
        assert all(one["certainty"] == pytest.approx(1 - one["distance"] / 2) for one in found)
    assert "needs a search" in raw("{Explore{beacon}}")["errors"][0]["message"]
    wrong = f'{{Explore(nearObject:{{id:"{UUID(int=99)}" targetVectors:["explored"]}}){fields}}}'
    assert "no object" in raw(wrong)["errors"][0]["message"]


JSON = {"content-type": "application/json"}


def test_batches_keep_their_order(server: Server, make: Make) -> None:
    name = make(properties=[Property(name="n", data_type=DataType.INT)]).name
    good, wrong = {"query": f"{{Get{{{name}{{n}}}}}}"}, {"query": "{"}
    answered = httpx.post(server.url("/v1/graphql/batch"), json=[good, wrong, 3, good])
    assert answered.status_code == 200
    first, second, third, fourth = answered.json()
    assert first == fourth == {"data": {"Get": {name: []}}}
    assert second.keys() == third.keys() == {"errors"}
    assert httpx.post(server.url("/v1/graphql/batch"), json=[]).status_code == 422
    assert httpx.post(server.url("/v1/graphql"), content=b"{", headers=JSON).status_code == 400


def test_introspection_is_a_schema(data: Raw, make: Make) -> None:
    name = make(properties=[Property(name="n", data_type=DataType.INT)]).name
    schema = build_client_schema(data(get_introspection_query()))  # type: ignore[arg-type]
    assert schema.get_type(name) is not None
    assert schema.get_type(f"GetObjects{name}WhereInpObj") is not None
