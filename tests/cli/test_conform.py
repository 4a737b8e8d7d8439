"""``weft conform`` as a command: over the embedded engine, and over a real Milvus with a catalog in PostgreSQL."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from command import ENVIRON
from milvus_server import installed
from postgres import Postgres

COMMAND = (sys.executable, "-m", "weft", "conform")
ONLY = [f"--only={one}" for one in ("writing", "reading", "several", "maxsim", "tenants", "two servers")]
"""Not what takes a Milvus long, and has tests of its own."""
REFUSED = {
    "multi vectors are ranked by maxsim",
    "an object has several vectors",
    "a collection with several kinds of vectors is held or refused",
}
needs_milvus = pytest.mark.skipif(not installed, reason="no Milvus server for this platform")


def conform(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], env=ENVIRON, capture_output=True, text=True, timeout=600)


@pytest.fixture
def milvus(milvus_address: str) -> Iterator[Any]:
    """A client, and something that others have there."""
    from pymilvus import MilvusClient

    client = MilvusClient(f"http://{milvus_address}")
    client.create_collection("weftconform", dimension=2)
    yield client
    client.drop_collection("weftconform")
    client.close()


def left(milvus: Any, connection: Connection[Any]) -> list[str]:
    schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'weftconform')")
    return [one for one in milvus.list_collections() if one.startswith("weftconform")] + [
        one[0] for one in schemas.fetchall()
    ]


def test_the_embedded_engine_keeps_all_promises() -> None:
    done = conform("--engine", "embedded", "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 proven, 0 refused, 0 failed, 5 left out" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@needs_milvus
def test_milvus_and_a_shared_catalog(milvus: Any, milvus_address: str, postgres: Postgres, catalog_url: str) -> None:
    done = conform("--engine", f"milvus://{milvus_address}", "--catalog", catalog_url, "--json", *ONLY)
    report = json.loads(done.stdout)
    found = {(one["verdict"], one["check"]) for one in report["checks"]}
    assert {one for one in found if one[0] != "proven"} == {("refused", one) for one in REFUSED}
    assert {one["error"] for one in report["checks"] if one["verdict"] == "refused"} == {"Unsupported"}
    assert (done.returncode, report["passed"], report["left"]) == (0, True, None)
    with postgres.connect() as connection:
        assert left(milvus, connection) == ["weftconform"]


@needs_milvus
def test_what_is_interrupted_leaves_nothing(
    milvus: Any, milvus_address: str, postgres: Postgres, catalog_url: str
) -> None:
    given = ("--engine", f"milvus://{milvus_address}", "--catalog", catalog_url)
    with subprocess.Popen([*COMMAND, *given], env=ENVIRON, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "an edit keeps what it does not touch" in line:
                running.send_signal(signal.SIGINT)
                break
        rest = running.stdout.read()
    assert running.returncode == 130
    assert "Not all checks were run: interrupted." in rest
    with postgres.connect() as connection:
        assert left(milvus, connection) == ["weftconform"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "needs an engine"),
        (("--engine", "embedded", "--only", "speed"), "the groups are: writing, reading"),
        (("--engine", "milvus://127.0.0.1:1"), "did not answer"),
        (("--engine", "nothing://host"), "there is no engine 'nothing'"),
    ],
)
def test_what_cannot_be_checked_says_why(arguments: tuple[str, ...], said: str) -> None:
    done = conform(*arguments)
    assert done.returncode == 1
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
