"""Each noun's endpoints: codes and shapes."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from unit.wire.rest.conftest import Make

ID = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
ABSENT = "00000000-0000-0000-0000-00000000000c"
OBJECT = f"/v1/objects/Thing/{ID}"


def test_schema(rest: TestClient, thing: Make) -> None:
    made = thing()
    assert made["class"] == "Thing"
    assert made["invertedIndexConfig"]["bm25"] == {"b": 0.75, "k1": 1.2}
    assert rest.get("/v1/schema").json() == {"classes": [made]}
    assert rest.get("/v1/schema/Thing").json() == made
    assert rest.get("/v1/schema/Other").status_code == 404
    assert rest.post("/v1/schema", json={"class": "Thing"}).status_code == 422
    assert rest.post("/v1/schema", json={"class": "no name"}).status_code == 422
    changed = rest.put("/v1/schema/Thing", json={**made, "description": "new"})
    assert (changed.status_code, changed.json()["description"]) == (200, "new")
    assert rest.put("/v1/schema/Thing", json={**made, "multiTenancyConfig": {"enabled": True}}).status_code == 422
    added = rest.post("/v1/schema/Thing/properties", json={"name": "extra", "dataType": ["int"]})
    assert (added.status_code, added.json()["indexFilterable"]) == (200, True)
    assert rest.delete("/v1/schema/Thing/properties/extra/index/filterable").status_code == 200
    assert rest.delete("/v1/schema/Thing/properties/absent/index/filterable").status_code == 422
    assert rest.delete("/v1/schema/Thing/vectors/absent/index").status_code == 422
    (shard,) = rest.get("/v1/schema/Thing/shards").json()
    assert (shard["status"], shard["vectorQueueSize"]) == ("READY", 0)
    path = f"/v1/schema/Thing/shards/{shard['name']}"
    assert rest.put(path, json={"status": "READONLY"}).json() == {"status": "READONLY"}
    assert rest.post("/v1/objects", json={"class": "Thing"}).status_code >= 400
    assert rest.put(path, json={"status": "READY"}).json() == {"status": "READY"}
    assert rest.put(path, json={}).status_code == 422
    assert rest.delete("/v1/schema/Thing").status_code == 200
    assert rest.delete("/v1/schema/Thing").status_code == 200


def test_one_object(rest: TestClient, thing: Make) -> None:
    thing()
    body = {"class": "Thing", "id": ID, "properties": {"name": "x", "size": 1}, "vector": [0.1, 2]}
    assert rest.head(OBJECT).status_code == 404
    for path in (OBJECT, f"/v1/objects/Absent/{ID}"):
        missing = rest.get(path)
        assert (missing.status_code, missing.content) == (404, b"")
    inserted = rest.post("/v1/objects", json=body)
    assert inserted.status_code == 200
    made = inserted.json()
    assert made["creationTimeUnix"] == made["lastUpdateTimeUnix"] > 1_700_000_000_000
    times = {"creationTimeUnix": made["creationTimeUnix"], "lastUpdateTimeUnix": made["lastUpdateTimeUnix"]}
    assert made == {**body, "vector": [0.1, 2.0], **times}
    assert rest.post("/v1/objects", json=body).status_code == 422
    assert rest.head(OBJECT).status_code == 204
    assert "vector" not in rest.get(OBJECT).json()
    assert rest.get(f"{OBJECT}?include=vector").json()["vector"] == [0.1, 2.0]
    assert rest.get(f"{OBJECT}?include=nothing").status_code == 400
    assert rest.patch(OBJECT, json={"properties": {"size": None, "name": "y"}}).status_code == 204
    assert rest.get(OBJECT).json()["properties"] == {"name": "y"}
    replaced = rest.put(OBJECT, json={"class": "Thing", "id": ID, "properties": {"size": 3}})
    assert (replaced.status_code, replaced.json()["properties"]) == (200, {"size": 3})
    assert rest.put(OBJECT, json={"class": "Thing", "id": OTHER}).status_code == 422
    assert rest.delete(OBJECT).status_code == 204
    assert rest.delete(OBJECT).status_code == 404
    assert rest.patch(OBJECT, json={"properties": {}}).status_code == 404
    assert rest.get("/v1/objects/Thing/no-uuid").status_code == 422


def test_the_older_form_by_id_alone(rest: TestClient, thing: Make) -> None:
    thing()
    path = f"/v1/objects/{ID}"
    assert rest.get(path).status_code == 404
    rest.post("/v1/objects", json={"class": "Thing", "id": ID, "properties": {"name": "x"}})
    assert rest.get(path).json()["class"] == "Thing"
    assert rest.head(path).status_code == 204
    assert rest.put(path, json={"class": "Thing", "properties": {"name": "y"}}).status_code == 200
    assert rest.patch(path, json={"class": "Thing", "properties": {"size": 1}}).status_code == 204
    assert rest.patch(path, json={"properties": {"size": 1}}).status_code == 422
    assert rest.get(path).json()["properties"] == {"name": "y", "size": 1}
    assert rest.delete(path).status_code == 204
    assert rest.delete(path).status_code == 404


def test_named_and_multi_vectors(rest: TestClient, thing: Make) -> None:
    own: dict[str, Any] = {"vectorizer": {"none": {}}}
    multi = {**own, "vectorIndexConfig": {"multivector": {"enabled": True}}}
    thing(vectorConfig={"one": own, "many": multi})
    vectors = {"one": [1, 2], "many": [[1, 2], [3, 4]], "none": None, "empty": []}
    inserted = rest.post("/v1/objects", json={"class": "Thing", "id": ID, "vectors": vectors}).json()
    assert inserted["vectors"] == {"one": [1.0, 2.0], "many": [[1.0, 2.0], [3.0, 4.0]]}
    for wrong in ("x", ["x"], [[1], [2, 3]], [None], [[[1]]], {"a": 1}, [True, "x"], ["1.5"]):
        reply = rest.post("/v1/objects", json={"class": "Thing", "vectors": {"one": wrong}})
        assert (reply.status_code, reply.json()["error"][0]["message"][:12]) == (422, "vector 'one'")


def test_validate_stores_nothing(rest: TestClient, thing: Make) -> None:
    thing()
    path = "/v1/objects/validate"
    assert rest.post(path, json={"class": "Thing", "id": ID, "properties": {"size": 1}}).status_code == 200
    assert rest.post(path, json={"class": "Thing", "properties": {"size": "x"}}).status_code == 422
    assert rest.post(path, json={"class": "Thing", "id": "x"}).status_code == 422
    assert rest.post(path, json={}).status_code == 422
    assert rest.get("/v1/objects?class=Thing").json()["objects"] == []


def test_lists(rest: TestClient, thing: Make) -> None:
    thing()
    rest.post("/v1/schema", json={"class": "Also", "properties": []})
    ids = [f"00000000-0000-0000-0000-{i:012d}" for i in range(5)]
    for id_ in ids:
        rest.post("/v1/objects", json={"class": "Thing", "id": id_, "vector": [1]})
    rest.post("/v1/objects", json={"class": "Also", "id": ID})

    def listed(query: str) -> list[str]:
        reply = rest.get(f"/v1/objects?{query}")
        assert reply.status_code == 200, reply.text
        assert reply.json()["totalResults"] == len(reply.json()["objects"])
        return [one["id"] for one in reply.json()["objects"]]

    assert listed("class=Thing&limit=2") == ids[:2]
    assert listed("class=Thing&limit=2&offset=1") == ids[1:3]
    assert listed(f"class=Thing&after={ids[2]}") == ids[3:]
    assert listed("class=Thing&limit=0") == []
    assert listed("") == [ID, *ids]
    assert listed("limit=3") == [ID, *ids[:2]]
    assert listed("limit=3&offset=2") == ids[1:4]
    assert listed("class=Thing&sort=name,size&order=desc") == ids
    with_vector = rest.get("/v1/objects?class=Thing&include=vector").json()["objects"][0]
    assert with_vector["vector"] == [1.0]
    for wrong in ("after=x", "limit=-1", "limit=x", "limit=99999999999999999999", "order=asc", "sort=a&order=up"):
        assert rest.get(f"/v1/objects?{wrong}").status_code == 422, wrong
    assert rest.get("/v1/objects?class=Absent").status_code == 404


def test_batches(rest: TestClient, thing: Make) -> None:
    thing()
    objects = [
        {"class": "Thing", "id": ID, "properties": {"size": 1}},
        {"class": "Thing", "properties": {"size": "x"}},
        {"class": "Absent"},
        3,
        {"class": "Thing"},
    ]
    reply = rest.post("/v1/batch/objects", json={"objects": objects})
    assert reply.status_code == 200
    results = reply.json()
    assert [one["result"]["status"] for one in results] == ["SUCCESS", "FAILED", "FAILED", "FAILED", "SUCCESS"]
    assert results[0]["id"] == ID
    assert len(results[4]["id"]) == 36
    assert "not" in results[1]["result"]["errors"]["error"][0]["message"] or "integer" in str(results[1])
    assert rest.post("/v1/batch/objects", json={"objects": []}).status_code == 422


def test_batch_delete(rest: TestClient, thing: Make) -> None:
    thing()
    for id_, name in ((ID, "x"), (OTHER, "y")):
        rest.post("/v1/objects", json={"class": "Thing", "id": id_, "properties": {"name": name}})
    where = {"operator": "Equal", "path": ["name"], "valueText": "x"}

    def delete(**body: Any) -> Any:
        return rest.request("DELETE", "/v1/batch/objects", json=body)

    dry = delete(match={"class": "Thing", "where": where}, dryRun=True, output="verbose").json()
    assert dry["results"]["objects"] == [{"id": ID, "status": "DRYRUN"}]
    assert (dry["results"]["matches"], dry["results"]["successful"]) == (1, 0)
    assert dry["match"] == {"class": "Thing", "where": {**where, "operands": None}}
    both = {"operator": "And", "operands": [where, {**where, "operands": None, "valueInt": None}]}
    matched = delete(match={"class": "Thing", "where": both}, dryRun=True).json()["match"]["where"]
    assert matched == {"operator": "And", "path": None, "operands": [{**where, "operands": None}] * 2}
    assert len(rest.get("/v1/objects?class=Thing").json()["objects"]) == 2
    real = delete(match={"class": "Thing", "where": where}).json()
    assert real["results"] == {"matches": 1, "limit": 10000, "successful": 1, "failed": 0, "objects": None}
    assert [one["id"] for one in rest.get("/v1/objects?class=Thing").json()["objects"]] == [OTHER]
    refused: tuple[dict[str, Any], ...] = (
        {},
        {"match": {}},
        {"match": {"class": "Thing"}},
        {"match": {"class": "Thing", "where": {}}},
        {"match": {"class": "Thing", "where": where}, "output": "all"},
        {"match": {"class": "Thing", "where": where}, "dryRun": "yes"},
    )
    for wrong in refused:
        assert delete(**wrong).status_code == 422, wrong


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


def test_an_object_in_an_array_that_looks_like_a_reference_is_kept_as_it_was_sent(rest: TestClient) -> None:
    nested = [{"name": name, "dataType": ["text"]} for name in ("beacon", "href")]
    properties = [{"name": "links", "dataType": ["object[]"], "nestedProperties": nested}]
    assert rest.post("/v1/schema", json={"class": "Thing", "properties": properties}).status_code == 200
    beacon = f"weaviate://elsewhere/thing/{ID.upper()}"
    links = [{"beacon": beacon, "href": "/somewhere"}, {"beacon": beacon}, {"beacon": "none"}]
    sent = {"class": "Thing", "id": ID, "properties": {"links": links}}
    assert rest.post("/v1/objects", json=sent).status_code == 200
    assert rest.get(OBJECT).json()["properties"]["links"] == links


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
    assert (absent.status_code, "no object with id" in absent.text) == (404, True)


def test_what_is_not_offered_says_so(rest: TestClient) -> None:
    for method, path, word in (
        ("POST", "/v1/classifications", "classify"),
        ("GET", f"/v1/classifications/{ID}", "classify"),
        ("POST", "/v1/modules/text2vec-contextionary/extensions", "nearText"),
    ):
        reply = rest.request(method, path)
        assert (reply.status_code, word in reply.text) == (501, True)


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
        3,
    ]
    reply = rest.post("/v1/batch/references", json=given)
    assert reply.status_code == 200
    results = reply.json()
    assert [one["result"]["status"] for one in results] == ["SUCCESS", *["FAILED"] * 4]
    assert results[0] == {**first, "result": {"status": "SUCCESS"}}
    assert "no such prop with name 'other'" in results[1]["result"]["errors"]["error"][0]["message"]


def test_tenants(rest: TestClient, thing: Make) -> None:
    thing(multiTenancyConfig={"enabled": True})
    path = "/v1/schema/Thing/tenants"
    sent = [{"name": "a"}, {"name": "b", "activityStatus": "COLD"}]
    assert rest.post(path, json=sent).json() == sent
    assert rest.get(path).json() == [
        {"name": "a", "activityStatus": "HOT"},
        {"name": "b", "activityStatus": "COLD"},
    ]
    assert rest.put(path, json=[{"name": "b", "activityStatus": "HOT"}]).status_code == 200
    assert rest.get(f"{path}/b").json() == {"name": "b", "activityStatus": "HOT"}
    assert [rest.head(f"{path}/{name}").status_code for name in "bc"] == [200, 404]
    assert rest.get(f"{path}/c").status_code == 404
    assert rest.request("DELETE", path, json=["a"]).status_code == 200
    assert [one["name"] for one in rest.get(path).json()] == ["b"]
    assert rest.request("DELETE", path, json=[3]).status_code == 422
    refused: tuple[Any, ...] = (
        {},
        [3],
        [{}],
        [{"name": "a b"}],
        [{"name": "../x"}],
        [{"name": "a", "activityStatus": "OFFLOADING"}],
        [{"name": "a", "activityStatus": []}],
        [{"name": "a", "activityStatus": False}],
    )
    for wrong in refused:
        assert rest.post(path, json=wrong).status_code == 422, wrong


def test_tokenize(rest: TestClient, thing: Make) -> None:
    thing()
    path = "/v1/tokenize"

    def query(**body: Any) -> Any:
        reply = rest.post(path, json={"text": "the cat", "tokenization": "word", **body})
        assert reply.status_code == 200, reply.text
        return reply.json()["query"]

    assert query() == ["cat"]
    assert query(tokenization="lowercase") == ["the", "cat"]
    assert query(tokenization="lowercase", stopwords={"preset": "en"}) == ["cat"]
    assert query(tokenization="trigram") == ["the", "hec", "eca", "cat"]
    assert query(analyzerConfig={"stopwordPreset": "none"}) == ["the", "cat"]
    assert query(stopwords={"preset": "none"}) == ["the", "cat"]
    assert query(analyzerConfig={"stopwordPreset": "x"}, stopwordPresets={"x": ["cat"]}) == ["the"]
    assert query(stopwordPresets={"en": ["cat"]}) == ["the"]
    assert query(analyzerConfig={"asciiFold": True, "asciiFoldIgnore": ["é"]}) == ["cat"]
    for wrong in (
        {"tokenization": "x"},
        {"tokenization": None},
        {"text": None},
        {"text": "x" * 10_001},
        {"analyzerConfig": {"asciiFoldIgnore": ["é"]}},
        {"analyzerConfig": {"stopwordPreset": "x"}},
        {"stopwords": {"preset": "de"}},
        {"stopwords": {"preset": "en"}, "stopwordPresets": {"x": ["a"]}},
    ):
        assert rest.post(path, json={"text": "a", "tokenization": "word", **wrong}).status_code == 422, wrong
    assert rest.post("/v1/schema/Thing/properties/name/tokenize", json={"text": "the cat"}).json() == {
        "indexed": ["the", "cat"],
        "query": ["cat"],
    }
    assert rest.post("/v1/schema/Thing/properties/size/tokenize", json={"text": "a"}).status_code == 422
    assert rest.post("/v1/schema/Thing/properties/absent/tokenize", json={"text": "a"}).status_code == 404


def test_aliases(rest: TestClient, thing: Make) -> None:
    thing()
    path = "/v1/aliases"
    assert rest.post(f"{path}/", json={"alias": "Other", "class": "Thing"}).json() == {
        "alias": "Other",
        "class": "Thing",
    }
    assert rest.get(path).json() == {"aliases": [{"alias": "Other", "class": "Thing"}]}
    assert rest.get(f"{path}?class=Absent").json() == {"aliases": []}
    assert rest.get(f"{path}/other").json()["class"] == "Thing"
    assert rest.get(f"{path}/Absent").status_code == 404
    assert rest.put(f"{path}/Other", json={"class": "Thing"}).status_code == 200
    assert rest.put(f"{path}/Absent", json={"class": "Thing"}).status_code == 404
    assert rest.post(path, json={"alias": "A"}).status_code == 422
    assert [rest.delete(f"{path}/Other").status_code for _ in range(2)] == [204, 404]
