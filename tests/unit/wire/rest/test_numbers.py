"""Numbers as REST and GraphQL spell them, from the request to the answer."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

IDS = [f"00000000-0000-0000-0000-{n:012d}" for n in range(9)]
PROPERTIES = [
    {"name": "n", "dataType": ["number"]},
    {"name": "i", "dataType": ["int"]},
    {"name": "ns", "dataType": ["number[]"]},
    {"name": "at", "dataType": ["geoCoordinates"]},
    {"name": "on", "dataType": ["date"]},
    {"name": "t", "dataType": ["text"]},
    {"name": "b", "dataType": ["boolean"]},
    {"name": "part", "dataType": ["object"], "nestedProperties": [{"name": "n", "dataType": ["number"]}]},
]
VALUES: dict[str, Any] = {
    "n": 2.0,
    "ns": [1.0, 1e-7, 1e20],
    "at": {"latitude": 51.225555, "longitude": -6.0},
    "part": {"n": -3.0},
}
SPELLED = ('"n":2', '"ns":[1,1e-7,100000000000000000000]', '"latitude":51.225555', '"longitude":-6', '"part":{"n":-3}')
VECTOR = [1.0, 0.1, 0.0, 1.5e-6]


@pytest.fixture
def numbers(rest: TestClient) -> TestClient:
    made = {"class": "N", "properties": PROPERTIES, "vectorIndexConfig": {"distance": "l2-squared"}}
    assert rest.post("/v1/schema", json=made).status_code == 200
    return rest


def put(rest: TestClient, place: int, vector: list[float] | None = None, **values: Any) -> None:
    body = {"class": "N", "id": IDS[place], "properties": values, **({} if vector is None else {"vector": vector})}
    reply = rest.post("/v1/objects", json=body)
    assert reply.status_code == 200, reply.text


def asked(rest: TestClient, query: str) -> str:
    return rest.post("/v1/graphql", json={"query": query}).text


def aggregated(rest: TestClient, fields: str, args: str = "") -> list[dict[str, Any]]:
    reply = rest.post("/v1/graphql", json={"query": f"{{Aggregate{{N{args}{{{fields}}}}}}}"}).json()
    found: list[dict[str, Any]] = reply["data"]["Aggregate"]["N"]
    return found


def test_an_object_is_spelled_alike_in_every_answer(numbers: TestClient) -> None:
    body = {"class": "N", "id": IDS[1], "properties": VALUES, "vector": VECTOR}
    inserted = numbers.post("/v1/objects", json=body)
    replaced = numbers.put(f"/v1/objects/N/{IDS[1]}", json=body)
    found = numbers.get(f"/v1/objects/N/{IDS[1]}?include=vector")
    listed = numbers.get("/v1/objects?class=N&include=vector")
    for answer in (inserted, replaced, found, listed):
        for text in (*SPELLED, '"vector":[1,0.1,0,0.0000015]'):
            assert text in answer.text
    fields = "n ns at{latitude longitude} part{n} _additional{vector distance}"
    text = asked(numbers, f"{{Get{{N(nearVector:{{vector:{VECTOR}}}){{{fields}}}}}}}")
    for part in (*SPELLED, '"vector":[1,0.1,0,0.0000015]', '"distance":0'):
        assert part in text


def test_a_distance_has_the_digits_of_a_float32(numbers: TestClient) -> None:
    put(numbers, 1, [0.1, 0.0])
    text = asked(numbers, "{Get{N(nearVector:{vector:[0.4,0]}){_additional{distance}}}}")
    assert '"distance":0.09' in text
    assert len(text.partition('"distance":')[2].partition("}")[0]) <= 11


def test_settings_are_spelled_as_they_were_given(rest: TestClient) -> None:
    given = {"class": "N", "invertedIndexConfig": {"bm25": {"b": 1.0, "k1": 2.0}}}
    assert '"bm25":{"b":1,"k1":2}' in rest.post("/v1/schema", json=given).text
    assert '"bm25":{"b":1,"k1":2}' in rest.get("/v1/schema").text


def test_figures_of_integers_are_exact(numbers: TestClient) -> None:
    big = 2**63 - 1
    for place in (1, 2, 3):
        put(numbers, place, i=big - 2 * (place == 3))
    text = asked(numbers, "{Aggregate{N{i{sum mean median mode minimum maximum}}}}")
    for part in (f'"sum":{3 * big - 2}', f'"median":{big}', f'"mode":{big}', f'"minimum":{big - 2}'):
        assert part in text
    (group, _) = aggregated(numbers, "i{sum mean}", '(groupBy:["i"])')
    assert group["i"] == {"sum": 2 * big, "mean": big}


def test_a_sum_beyond_what_json_can_say_leaves_the_other_figures(numbers: TestClient) -> None:
    put(numbers, 1, n=1.5e308)
    put(numbers, 2, n=1.7e308)
    (found,) = aggregated(numbers, "n{count sum mean median maximum}")
    assert found["n"] == {"count": 2, "sum": None, "mean": 1.6e308, "median": 1.6e308, "maximum": 1.7e308}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (3470000.0, "3.47e+06"),
        (1.0, "1"),
        (123456.0, "123456"),
        (1e6, "1e+06"),
        (-1234567.5, "-1.2345675e+06"),
        (0.0001, "0.0001"),
        (1e-5, "1e-05"),
        (1e100, "1e+100"),
        (-0.0, "0"),
    ],
)
def test_a_group_of_a_number_has_the_name_that_weaviate_gives_it(numbers: TestClient, value: float, name: str) -> None:
    whole = int(value) if value.is_integer() and abs(value) < 2**63 else None
    put(numbers, 1, n=value, i=whole)
    for property in ("n", "i"):
        for group in aggregated(numbers, "groupedBy{path value}", f'(groupBy:["{property}"])'):
            assert group["groupedBy"] == {"path": [property], "value": name}


def test_groups_of_other_types_are_named_by_their_values(numbers: TestClient) -> None:
    place, date = {"latitude": 51.225555, "longitude": -6.0}, "2024-01-01T02:00:00.5+02:00"
    put(numbers, 1, at=place, on=date, i=2**63 - 1, b=True)
    names = {"at": '{"latitude":51.225555,"longitude":-6}', "on": date, "i": str(2**63 - 1)}
    for property, name in {**names, "b": "true"}.items():
        (group,) = aggregated(numbers, "groupedBy{value} meta{count}", f'(groupBy:["{property}"])')
        assert group == {"groupedBy": {"value": name}, "meta": {"count": 1}}


def test_a_limit_is_of_groups(numbers: TestClient) -> None:
    put(numbers, 1, i=1)
    put(numbers, 2, i=2)
    assert aggregated(numbers, "meta{count}", "(limit:0)") == [{"meta": {"count": 2}}]
    assert aggregated(numbers, "meta{count}", '(limit:1 groupBy:["i"])') == [{"meta": {"count": 1}}]


def test_nothing_to_aggregate(numbers: TestClient) -> None:
    (found,) = aggregated(numbers, "t{count topOccurrences{value}} n{count sum} b{count totalTrue percentageTrue}")
    assert found["t"] == {"count": 0, "topOccurrences": []}
    assert found["n"] == {"count": 0, "sum": None}
    assert found["b"] == {"count": 0, "totalTrue": 0, "percentageTrue": None}


def test_types_of_an_aggregation_are_named_by_class_and_property(numbers: TestClient) -> None:
    put(numbers, 1, t="x", i=1)
    kind = "__typename"
    fields = f"{kind} t{{{kind} topOccurrences{{{kind}}}}} i{{{kind}}} meta{{{kind}}} groupedBy{{{kind}}}"
    assert aggregated(numbers, fields, '(groupBy:["i"])') == [
        {
            kind: "AggregateN",
            "t": {kind: "AggregateNtObj", "topOccurrences": [{kind: "AggregateNtTopOccurrencesObj"}]},
            "i": {kind: "AggregateNiObj"},
            "meta": {kind: "AggregateNMetaObject"},
            "groupedBy": {kind: "AggregateNGroupedByObj"},
        }
    ]


def test_dates_of_far_years_keep_their_nanoseconds(numbers: TestClient) -> None:
    dates = [f"2300-01-01T00:00:00.00000000{digit}Z" for digit in (9, 3, 3, 1)] + ["9999-12-31T23:59:59-14:00"]
    for place, date in enumerate(dates, 1):
        put(numbers, place, on=date, i=1)
    for args in ("", '(groupBy:["i"])', '(where:{path:["i"] operator:Equal valueInt:1})'):
        (found,) = aggregated(numbers, "on{count minimum maximum median mode}", args)
        low, high = dates[3], dates[4]
        assert found["on"] == {"count": 5, "minimum": low, "maximum": high, "median": dates[1], "mode": dates[1]}
