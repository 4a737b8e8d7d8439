"""Random requests to every endpoint: a clear answer, never a failure of ours."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from weft.wire.rest import aliases, batch, cluster, objects, references, schema, tenants, tokenize

NOUNS = (cluster, schema, tenants, aliases, objects, references, batch, tokenize)
ENDPOINTS = [endpoint for noun in NOUNS for endpoint in noun.ENDPOINTS]
ID = "00000000-0000-0000-0000-00000000000a"
KEYS = st.sampled_from(
    [
        "class", "id", "properties", "name", "size", "vector", "vectors", "tenant", "dataType", "vectorConfig",
        "beacon", "from", "to", "objects", "match", "where", "operator", "path", "operands", "valueText", "valueInt",
        "dryRun", "output", "status", "text", "tokenization", "stopwords", "analyzerConfig", "alias", "activityStatus",
        "ref",
    ]
)  # fmt: skip
SCALARS = st.sampled_from(
    [
        "Thing", "name", "text", "int", ID, "And", "Equal", "word", f"weaviate://localhost/Thing/{ID}", "verbose", "",
        "READY", "\x00", "💩", None, True, False, 0, 1, -1, 1.5, 2**63, 1e308,
    ]
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
BODIES = JSON.map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)) | st.binary(max_size=20)
NAMES = st.sampled_from(["Thing", "thing", "Absent", ID, "name", "ref", "%2e%2e", "%00", "ü", "a%2Fb", "x" * 300])
JSON_TYPE = {"content-type": "application/json"}
QUERIES = st.dictionaries(
    st.sampled_from(["tenant", "limit", "offset", "after", "include", "class", "sort", "order", "output"]),
    st.sampled_from(["Thing", "5", "-1", "x", "vector", "asc", "verbose", ID, "", "\x00"]),
    max_size=3,
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_fails_the_server(rest: TestClient, data: Any) -> None:
    rest.post("/v1/schema", json={"class": "Thing", "properties": [{"name": "name", "dataType": ["text"]}]})
    endpoint = data.draw(st.sampled_from(ENDPOINTS))
    path = endpoint.path
    while "{" in path:
        before, _, rest_of_path = path.partition("{")
        path = before + data.draw(NAMES) + rest_of_path.partition("}")[2]
    reply = rest.request(endpoint.method, path, params=data.draw(QUERIES), content=data.draw(BODIES), headers=JSON_TYPE)
    assert reply.status_code < 500 or reply.status_code == 501, (endpoint, reply.text)
    if reply.status_code >= 400 and reply.content:
        refused = reply.json()
        assert refused["message"] if "code" in refused else refused["error"][0]["message"]
