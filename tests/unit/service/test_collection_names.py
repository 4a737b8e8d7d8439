"""Names of collections and aliases over a whole server: what is taken, and what an alias without a collection says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from in_process import InProcess


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcess]:
    """With a class GreenCar, which has the alias Auto."""
    made = InProcess(tmp_path, autoschema_enabled=True)
    assert post(made, "/v1/schema", {"class": "GreenCar"})[0] == 200
    assert post(made, "/v1/aliases", {"class": "GreenCar", "alias": "Auto"})[0] == 200
    yield made
    made.close()


def post(server: InProcess, path: str, body: dict[str, Any]) -> tuple[int, str]:
    answer = server.rest.post(path, json=body)
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("GreenCar", "class name GreenCar already exists"),
        ("greenCar", "class name GreenCar already exists"),
        ("GREENCAR", "found similar class"),
        ("Greencar", "found similar class"),
        ("Auto", "alias name Auto already exists"),
        ("AUTO", "found similar alias"),
    ],
)
def test_a_name_that_differs_only_in_case_is_taken(server: InProcess, name: str, reason: str) -> None:
    status, text = post(server, "/v1/schema", {"class": name})
    assert status == 422
    assert reason in text


@pytest.mark.parametrize("name", ["GREENCAR", "AUTO"])
def test_auto_schema_makes_no_such_collection_either(server: InProcess, name: str) -> None:
    one = {"class": name, "properties": {"x": 1}}
    status, text = post(server, "/v1/objects", one)
    assert status == 422
    assert "found similar" in text
    status, text = post(server, "/v1/batch/objects", {"objects": [one]})
    assert "FAILED" in text
    assert "found similar" in text
    assert [found["class"] for found in server.rest.get("/v1/schema").json()["classes"]] == ["GreenCar"]


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("Auto", "create alias: Auto, alias already exists"),
        ("AUTO", "create alias: AUTO, alias already exists"),
        ("auto", "create alias: Auto, alias already exists"),
        ("GreenCar", "create alias: class GreenCar already exists"),
    ],
)
def test_an_alias_that_is_taken(server: InProcess, alias: str, reason: str) -> None:
    status, text = post(server, "/v1/aliases", {"class": "GreenCar", "alias": alias})
    assert status == 422
    assert reason in text


def test_a_deletion_through_an_alias_names_the_collection(server: InProcess) -> None:
    where = {"path": ["id"], "operator": "Equal", "valueText": "00000000-0000-0000-0000-00000000000a"}
    deleted = server.rest.request("DELETE", "/v1/batch/objects", json={"match": {"class": "Auto", "where": where}})
    assert deleted.json()["match"]["class"] == "GreenCar"


def test_an_alias_without_its_collection_says_so(server: InProcess) -> None:
    server.rest.delete("/v1/schema/GreenCar")
    one = {"class": "Auto", "properties": {"x": 1}}
    for status, text in (
        post(server, "/v1/objects", one),
        post(server, "/v1/batch/objects", {"objects": [one]}),
        post(server, "/v1/objects", {**one, "class": "auto"}),
    ):
        assert status in (200, 404, 422)
        assert "could not find class GreenCar in schema, to which the alias Auto points" in text
    assert server.rest.get("/v1/schema").json()["classes"] == []
