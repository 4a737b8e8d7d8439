"""References over REST: of one object, and in batches."""

from __future__ import annotations

from starlette.testclient import TestClient

from unit.wire.rest.conftest import Make

ID = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
ABSENT = "00000000-0000-0000-0000-00000000000c"
OBJECT = f"/v1/objects/Thing/{ID}"


def referring(rest: TestClient, thing: Make) -> None:
    """Two things, each of which may refer to things."""
    thing()
    assert rest.post("/v1/schema/Thing/properties", json={"name": "ref", "dataType": ["Thing"]}).status_code == 200
    for id_ in (ID, OTHER):
        rest.post("/v1/objects", json={"class": "Thing", "id": id_})


def test_references(rest: TestClient, thing: Make) -> None:
    referring(rest, thing)
    path = f"{OBJECT}/references/ref"
    beacon = {"beacon": f"weaviate://localhost/Thing/{OTHER}"}
    assert rest.post(path, json=beacon).status_code == 200
    assert [one["beacon"] for one in rest.get(OBJECT).json()["properties"]["ref"]] == [beacon["beacon"]]
    assert rest.request("DELETE", path, json=beacon).status_code == 204
    assert rest.put(path, json=[beacon, beacon]).status_code == 200
    assert len(rest.get(OBJECT).json()["properties"]["ref"]) == 2
    assert rest.post(path, json={}).status_code == 422
    assert rest.post(path, json={"beacon": "x"}).status_code == 422
    assert rest.post(f"{OBJECT}/references/other", json=beacon).status_code == 422


def test_references_of_an_object_named_by_its_id_alone(rest: TestClient, thing: Make) -> None:
    referring(rest, thing)
    path = f"/v1/objects/{ID}/references/ref"
    beacon = {"beacon": f"weaviate://localhost/Thing/{OTHER}"}
    assert rest.post(path, json=beacon).status_code == 200
    assert len(rest.get(OBJECT).json()["properties"]["ref"]) == 1
    assert rest.request("DELETE", path, json=beacon).status_code == 204
    assert rest.put(path, json=[beacon]).status_code == 200
    assert len(rest.get(OBJECT).json()["properties"]["ref"]) == 1
    absent = rest.post(f"/v1/objects/{ABSENT}/references/ref", json=beacon)
    assert (absent.status_code, "no object with id" in absent.text) == (422, True)


def test_batches_of_references(rest: TestClient, thing: Make) -> None:
    referring(rest, thing)
    origin = f"weaviate://localhost/Thing/{ID}"
    to = f"weaviate://localhost/{OTHER}"
    first = {"from": f"{origin}/ref", "to": to}
    given = [
        first,
        {"from": f"{origin}/other", "to": to},
        {"from": origin, "to": to},
        {"from": f"{to}/ref", "to": to},
        {},
    ]
    reply = rest.post("/v1/batch/references", json=given)
    assert reply.status_code == 200
    results = reply.json()
    assert [one["result"]["status"] for one in results] == ["SUCCESS", *["FAILED"] * 4]
    assert results[0] == {**first, "result": {"status": "SUCCESS"}}
    assert "property other does not exist for class Thing" in results[1]["result"]["errors"]["error"][0]["message"]
    assert rest.post("/v1/batch/references", json=[]).status_code == 422
    assert rest.post("/v1/batch/references", json=[first, 3]).status_code == 400
