"""The tool that compares two servers: Weft agrees with itself over two engines, and planted differences are found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from weaviate.exceptions import WeaviateQueryError

import differential
from reference.installed import reference_environ
from server import Server
from two_servers.answers import Document
from two_servers.known import KNOWN
from two_servers.question import Question
from two_servers.report import Report
from two_servers.server import Server as AskedServer
from two_servers.things import THING, thing_id
from weft.wire.errors import to_refusal

SEED, OBJECTS, QUESTIONS, CHANGES = 7, 60, 200, 60
PAGE = Path(__file__).parents[2] / "docs/differences.md"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("reference")
    with Server(folder / "data", reference_environ(folder / "installed")) as server:
        yield server


def address(server: Server) -> str:
    return f"{server.rest_port}:{server.grpc_port}"


def run(a: Server, b: Server, *flags: object) -> int:
    given = ("--strict", "--seed", SEED, "--objects", OBJECTS, *flags)
    return differential.main([address(a), address(b), *map(str, given)])


def test_two_engines_give_the_same_answers(
    embedded: Server, reference: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(embedded, reference, "--questions", QUESTIONS, "--changes", CHANGES)
    out = capsys.readouterr().out
    assert status == 0, out
    assert f"0 of {QUESTIONS + CHANGES} answers differ" in out


def test_planted_differences_are_found(embedded: Server, reference: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers and vectors that only one server has, and a collection."""
    assert run(embedded, reference, "--questions", 0, "--changes", 0) == 0
    with reference.client() as client:
        things = client.collections.use(THING)
        for number in range(0, OBJECTS, 3):
            things.data.update(uuid=thing_id(number), properties={"n": 1000}, vector={"b": [9.0, 9.0, 9.0, number]})
        client.collections.create("DifferNowhere")
    flags = ("--filled", "--rooms", "search", "aggregate", "rest", "--questions", 200)
    assert run(embedded, reference, *flags) == 1
    table = capsys.readouterr().out
    differing = {line[:40].strip() for line in table.splitlines() if re.fullmatch(r".{40}( +\d+){3} +[1-9]\d*", line)}
    assert {"objects whole", "address"} <= differing, table
    assert any(kind.startswith("aggregate") for kind in differing), table
    assert {"keyword", "near vector: dot", "cursor", "schema"}.isdisjoint(differing), table


def test_a_server_that_is_not_there(embedded: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert differential.main([address(embedded), "1:2"]) == 2
    assert "error: 1:2 does not answer" in capsys.readouterr().err


def test_a_mistake_of_the_program_is_no_agreement(embedded: Server) -> None:
    broken = Question("broken", "", lambda server: Document(int(vars(server)["nothing"])))
    with AskedServer(address(embedded)) as server:
        report = Report([server, server])
        report.ask([broken])
    assert report.differences == 1


def test_an_internal_error_is_neither_agreement_nor_known(embedded: Server) -> None:
    message = to_refusal(RuntimeError()).message
    failing = httpx.MockTransport(lambda request: httpx.Response(500, json={"error": [{"message": message}]}))

    def search(server: AskedServer) -> Document:
        raise WeaviateQueryError(message, "GRPC search")

    questions = [Question("bm25", "", search), Question("bm25", "", lambda server: server.request("GET", "/v1/meta"))]
    with AskedServer(address(embedded)) as server:
        server.http.close()
        server.http = httpx.Client(transport=failing, base_url="http://failing")
        report = Report([server, server], changed=True)
        report.ask(questions)
    assert report.differences == len(questions)


def test_every_known_difference_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [one.row for one in KNOWN if f"| {one.row}" not in page] == []
