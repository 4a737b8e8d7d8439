"""``weft collections``, ``weft delete`` and ``weft copy``."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject

from command import ENVIRON, Weft
from server import Server


@pytest.fixture
def tomes(server: Server) -> Iterator[str]:
    """Three objects with vectors; the second refers to the first."""
    with server.client() as client:
        made = client.collections.create(
            "Tome",
            properties=[Property(name="year", data_type=DataType.INT)],
            references=[ReferenceProperty(name="follows", target_collection="Tome")],
            vector_config=[Configure.Vectors.self_provided(name="a"), Configure.MultiVectors.self_provided(name="b")],
        )
        first = made.data.insert({"year": 1}, vector={"a": [1.0, 0.0], "b": [[1.0, 0.0], [0.0, 1.0]]})
        made.data.insert_many([DataObject({"year": n}, vector={"a": [float(n), 1.0]}) for n in (2, 3)])
        second = next(one.uuid for one in made.iterator() if one.properties["year"] == 2)
        made.data.reference_add(second, "follows", first)
        yield "Tome"
        for name in ("Tome", "Second"):
            client.collections.delete(name)


def test_collections_are_listed_and_described(weft: Weft, tomes: str) -> None:
    listed = weft("collections").stdout.splitlines()
    assert listed[0].split() == ["collection", "objects", "properties", "vectors"]
    assert next(line.split() for line in listed if tomes in line) == ["Tome", "3", "2", "a", "(none),", "b", "(none)"]
    assert tomes in weft("collections", "--names").stdout.splitlines()
    described = weft("collections", "tome").stdout
    assert described.startswith("Tome: 3 objects\nproperties\n  year     int")
    assert "  b  none    hnsw, cosine, multi-vector" in described
    document = json.loads(weft("collections", tomes, "--json").stdout)
    assert (document["class"], document["objectCount"]) == ("Tome", 3)
    (listed_one,) = [one for one in json.loads(weft("collections", "--json").stdout) if one["class"] == tomes]
    assert listed_one == document
    done = weft("collections", "Tombe")
    assert (done.returncode, done.stderr) == (1, "weft: no collection 'Tombe'; did you mean Tome?\n")


def test_a_copy_has_vectors_references_and_times(server: Server, weft: Weft, tomes: str) -> None:
    done = weft("copy", tomes, "Second")
    assert (done.returncode, done.stdout) == (0, "Second: 3 objects copied from Tome, 0 rejected\n")
    with server.client() as client:
        found = [
            {
                one.uuid: (one.properties, one.vector, one.metadata.creation_time)
                for one in client.collections.use(name).iterator(include_vector=True)
            }
            for name in ("Tome", "Second")
        ]
        assert found[0] == found[1]
        assert len(found[0]) == 3
    assert "is a collection Second already" in weft("copy", tomes, "Second").stderr
    assert "name the copy differently" in weft("copy", tomes, "tome").stderr


def test_objects_are_deleted_only_when_that_is_confirmed(weft: Weft, tomes: str) -> None:
    condition = ("--where", "year>=2")
    done = weft("delete", tomes, *condition)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("weft: Delete 2 objects of Tome? Nothing was deleted: say --yes")
    assert weft("delete", tomes, *condition, "--dry-run").stdout == "would delete 2 objects of Tome\n"
    assert weft("delete", tomes, *condition, "--yes").stdout == "deleted 2 objects of Tome\n"
    assert weft("delete", tomes, *condition, "--yes").stdout == "deleted 0 objects of Tome\n"
    assert weft("delete", tomes, "--dry-run").stdout == "would delete the collection Tome with its 1 object\n"
    report = json.loads(weft("delete", tomes, "--yes", "--json").stdout)
    assert report == {"collection": "Tome", "tenant": None, "objects": 1, "failed": 0, "dryRun": False}
    assert weft("delete", tomes, "--yes").returncode == 1


def test_one_tenant_is_deleted(server: Server, weft: Weft) -> None:
    with server.client() as client:
        made = client.collections.create("Rented", multi_tenancy_config=Configure.multi_tenancy(enabled=True))
        made.tenants.create(["ann", "bob"])
        assert "no tenant 'eve'" in weft("delete", "Rented", "--tenant", "eve", "--yes").stderr
        done = weft("delete", "Rented", "--tenant", "bob", "--yes")
        assert (done.returncode, done.stdout) == (0, "deleted the tenant bob of Rented\n")
        assert list(made.tenants.get()) == ["ann"]
        client.collections.delete("Rented")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_is_asked(server: Server, tomes: str) -> None:
    command = [sys.executable, "-m", "weft", "delete", tomes, "--port", str(server.rest_port)]
    for answer, status, there in ((b"n\n", 1, True), (b"y\n", 0, False)):
        ours, theirs = pty.openpty()
        os.write(ours, answer)
        done = subprocess.run(command, stdin=theirs, capture_output=True, env=ENVIRON)
        os.close(ours)
        os.close(theirs)
        assert done.returncode == status
        assert done.stderr.startswith(b"Delete the collection Tome with its 3 objects? [y/N] ")
        with server.client() as client:
            assert client.collections.exists(tomes) is there
