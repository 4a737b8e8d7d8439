"""References without a class, and references that are kept once, over a whole server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from in_process import InProcess


def uuid(n: int) -> str:
    return f"00000000-0000-0000-0000-{n:012d}"


def beacon(n: int, collection: str = "") -> dict[str, str]:
    return {"beacon": f"weaviate://localhost/{collection}{'/' if collection else ''}{uuid(n)}"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcess]:
    """Classes A and B with the objects 1 and 2; From, whose ``r`` leads to both, and whose ``once`` to A, with 9."""
    made = InProcess(tmp_path)
    for name in ("A", "B"):
        send(made, "POST", "/v1/schema", {"class": name, "properties": [{"name": "n", "dataType": ["text"]}]})
    send(made, "POST", "/v1/objects", {"class": "A", "id": uuid(1)})
    send(made, "POST", "/v1/objects", {"class": "B", "id": uuid(2)})
    once = {"name": "once", "dataType": ["A", "B"], "disableDuplicatedReferences": True}
    send(made, "POST", "/v1/schema", {"class": "From", "properties": [{"name": "r", "dataType": ["A", "B"]}, once]})
    send(made, "POST", "/v1/objects", {"class": "From", "id": uuid(9)})
    yield made
    made.close()


def send(server: InProcess, method: str, path: str, body: Any, status: int = 200) -> Any:
    answer = server.rest.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def targets(server: InProcess, name: str = "r") -> list[str]:
    stored = server.rest.get(f"/v1/objects/From/{uuid(9)}").json()["properties"]
    return [one["beacon"].removeprefix("weaviate://localhost/") for one in stored.get(name, [])]


def test_a_bare_reference_leads_to_the_target_that_has_the_object(server: InProcess) -> None:
    path = f"/v1/objects/From/{uuid(9)}/references/r"
    send(server, "POST", path, beacon(2))
    assert targets(server) == [f"B/{uuid(2)}"]
    send(server, "PUT", path, [beacon(1), beacon(2)])
    assert targets(server) == [f"A/{uuid(1)}", f"B/{uuid(2)}"]
    send(server, "DELETE", path, beacon(1), 204)
    assert targets(server) == [f"B/{uuid(2)}"]
    send(server, "POST", path, beacon(7), 422)
    send(server, "PATCH", f"/v1/objects/From/{uuid(9)}", {"properties": {"r": [beacon(1)]}}, 204)
    assert targets(server) == [f"B/{uuid(2)}", f"A/{uuid(1)}"]
    send(server, "POST", "/v1/objects", {"class": "From", "properties": {"r": [beacon(7)]}}, 422)
    objects = [{"class": "From", "properties": {"r": [beacon(n)]}} for n in (1, 7)]
    results = send(server, "POST", "/v1/batch/objects", {"objects": objects})
    assert [one["result"]["status"] for one in results] == ["SUCCESS", "FAILED"]


def test_a_target_that_comes_later_is_found_when_it_is_read(server: InProcess) -> None:
    pairs = [{"from": f"weaviate://localhost/From/{uuid(9)}/r", "to": beacon(n)["beacon"]} for n in (1, 5)]
    results = send(server, "POST", "/v1/batch/references", pairs)
    assert [one["result"]["status"] for one in results] == ["SUCCESS", "SUCCESS"]
    assert targets(server) == [f"A/{uuid(1)}", uuid(5)]
    send(server, "POST", "/v1/objects", {"class": "B", "id": uuid(5), "properties": {"n": "late"}})
    query = "{Get{From{r{... on A{_additional{id}} ... on B{n _additional{id}}}}}}"
    found = send(server, "POST", "/v1/graphql", {"query": query})["data"]["Get"]["From"][0]["r"]
    assert [one["_additional"]["id"] for one in found] == [uuid(1), uuid(5)]
    send(server, "DELETE", f"/v1/objects/From/{uuid(9)}/references/r", beacon(5, "B"), 204)
    assert targets(server) == [f"A/{uuid(1)}"]


def test_a_reference_that_is_added_again_is_kept_once_where_the_property_says_so(server: InProcess) -> None:
    path = f"/v1/objects/From/{uuid(9)}/references/once"
    for one in (beacon(1, "A"), beacon(1), beacon(2)):
        send(server, "POST", path, one)
    pairs = [{"from": f"weaviate://localhost/From/{uuid(9)}/once", "to": beacon(2, "B")["beacon"]}] * 2
    send(server, "POST", "/v1/batch/references", pairs)
    send(server, "PATCH", f"/v1/objects/From/{uuid(9)}", {"properties": {"once": [beacon(1, "A")]}}, 204)
    assert targets(server, "once") == [f"A/{uuid(1)}", f"B/{uuid(2)}"]
    send(server, "POST", path.replace("once", "r"), beacon(1))
    send(server, "POST", path.replace("once", "r"), beacon(1))
    assert targets(server) == [f"A/{uuid(1)}"] * 2
