"""``weft move``: between collections of one server, and between a server and a data folder."""

from __future__ import annotations

import json
import re
import signal
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject, DataReference
from weaviate.classes.tenants import Tenant

from command import Weft, start
from server import Server


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.rest_port}?grpc={server.grpc_port}"


def key(*parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, "/".join(map(str, parts))))


def listed(server: Server, name: str, **query: str) -> list[dict[str, Any]]:
    found = httpx.get(server.url("/v1/objects"), params={"class": name, "include": "vector", "limit": 9_999, **query})
    return list(found.json()["objects"]) if found.content else []  # a collection that is not there yet has no body


def plain(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what another collection has otherwise: its name."""
    return [{name: value for name, value in one.items() if name != "class"} for one in objects]


@pytest.fixture(scope="module")
def library(server: Server) -> Server:
    """Authors, and books that lead to them and to each other; with a multi-vector, an alias, and objects that lack
    something."""
    with server.client() as client:
        names = [Property(name="name", data_type=DataType.TEXT)]
        client.collections.create("Author", properties=names, vector_config=Configure.Vectors.self_provided())
        books = client.collections.create(
            "Book",
            properties=[
                Property(name="title", data_type=DataType.TEXT),
                Property(name="pages", data_type=DataType.INT),
                Property(name="tags", data_type=DataType.TEXT_ARRAY),
            ],
            references=[ReferenceProperty(name="by", target_collection="Author")],
            vector_config=[
                Configure.Vectors.self_provided(name="cover"),
                Configure.MultiVectors.self_provided(name="words"),
            ],
        )
        client.collections.use("Author").data.insert_many(
            [DataObject({"name": f"author {i}"}, key("author", i), vector=[i, 1.5]) for i in range(5)]
        )
        books.data.insert_many(
            [
                DataObject(
                    {"title": f"book {i}", "pages": 2**40 + i, "tags": ["a", f"b{i}"]} if i % 7 else {"title": "bare"},
                    key("book", i),
                    vector={"cover": [i, 0.1, 3], "words": [[i, 1], [2, 0.3]]} if i % 5 else {"cover": [1, i, 0]},
                )
                for i in range(300)
            ]
        )
        books.data.reference_add_many(
            [DataReference("by", key("book", i), key("author", i % 5)) for i in range(0, 300, 2)]
        )
        client.alias.create(alias_name="Volumes", target_collection="Book")
    return server


RENAMED = ("--collection", "Author=Writer", "--collection", "Book=Volume")


def test_a_plan_says_what_would_be_moved_and_writes_nothing(library: Server, weft: Weft, tmp_path: Path) -> None:
    done = weft("move", address(library), address(library), "--plan", *RENAMED)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Book → Volume: 300 objects, about " in done.stdout
    assert "  properties: title (text), pages (int), tags (text[]), by (Writer)\n" in done.stdout
    assert "  vector words: hnsw, cosine, several vectors an object\n" in done.stdout
    assert "  changed: the collection Book is named Volume in the target\n" in done.stdout
    planned = json.loads(weft("move", address(library), address(library), "--json", *RENAMED).stdout)["collections"]
    assert [(one["source"], one["target"], one["objects"]) for one in planned] == [
        ("Author", "Writer", 5),
        ("Book", "Volume", 300),
    ]
    with library.client() as client:
        assert not client.collections.exists("Volume")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_has_everything(library: Server, weft: Weft) -> None:
    done = weft("move", address(library), address(library), "--copy", *RENAMED)
    assert (done.returncode, done.stdout) == (
        0,
        "Writer: 5 objects copied, 0 rejected\nVolume: 300 objects copied, 0 rejected\n",
    )
    assert plain(listed(library, "Writer")) == plain(listed(library, "Author"))
    copied = json.dumps(plain(listed(library, "Volume")))
    assert json.loads(copied.replace("/Writer/", "/Author/")) == plain(listed(library, "Book"))
    again = weft("move", address(library), address(library), "--copy", *RENAMED)
    assert again.stdout == done.stdout
    other = weft("move", address(library), address(library), "--copy", *RENAMED, "--state", "other.json")
    assert other.returncode == 1
    assert "has a collection Writer with 5 objects, which this move has not copied" in other.stderr


def test_a_copy_that_was_killed_continues(server: Server, weft: Weft, tmp_path: Path) -> None:
    with server.client() as client:
        many = client.collections.create("Many", vector_config=Configure.Vectors.self_provided())
        many.data.insert_many([DataObject({"n": i}, key("many", i), vector=[i] * 64) for i in range(4_000)])
    arguments = ("move", address(server), address(server), "--copy", "--collection", "Many=Moved", "--state", "s.json")
    state = tmp_path / "s.json"
    kills = 0
    for _ in range(20):
        running = start(*arguments, folder=tmp_path)
        while running.poll() is None and (not state.exists() or b'"after": "' not in state.read_bytes()):
            time.sleep(0.005)
        if running.poll() is None:
            running.send_signal(signal.SIGKILL)
            kills += 1
        running.communicate()
        if kills == 2:
            break
        if b'"done": true' in state.read_bytes():
            break
    done = weft(*arguments)
    assert (done.returncode, done.stdout) == (0, "Moved: 4,000 objects copied, 0 rejected\n")
    assert plain(listed(server, "Moved")) == plain(listed(server, "Many"))


def test_each_tenant_is_moved(server: Server, weft: Weft) -> None:
    with server.client() as client:
        shops = client.collections.create(
            "Shop",
            multi_tenancy_config=Configure.multi_tenancy(enabled=True),
            vector_config=Configure.Vectors.self_provided(),
        )
        shops.tenants.create([Tenant(name=name) for name in ("a", "b", "c")])
        for name in ("a", "b"):
            shops.with_tenant(name).data.insert_many(
                [DataObject({"n": i}, key(name, i), vector=[1, i]) for i in (1, 2)]
            )
        shops.tenants.deactivate("b")
    done = weft("move", address(server), address(server), "--copy", "--collection", "Shop=Store")
    assert done.stdout == "Store: 2 objects copied, 0 rejected\n"
    assert plain(listed(server, "Store", tenant="a")) == plain(listed(server, "Shop", tenant="a"))
    assert [one["name"] for one in httpx.get(server.url("/v1/schema/Store/tenants")).json()] == ["a", "c"]
    plan = weft("move", address(server), address(server), "--collection", "Shop=Store").stdout
    assert "  lost: 1 of 3 tenants, which are not active" in plan


def test_what_cannot_be_moved_is_refused_with_a_sentence(server: Server, weft: Weft) -> None:
    here = address(server)
    for arguments, problem in (
        ((here, here), "are the same place"),
        ((here, here, "--collection", "Absent=Other"), "has no collection Absent"),
        ((here, "qdrant://a/docs"), "cannot be the target"),
        ((here, "http://127.0.0.1:1", "--collection", "A=B"), "no server answers"),
        ((here, here, "--collection", "A=C", "--collection", "B=C"), "would have the same name"),
    ):
        done = weft("move", *arguments)
        assert done.returncode == 1
        assert problem in done.stderr


def test_what_differs_is_found_and_repaired(library: Server, weft: Weft) -> None:
    here = address(library)
    moving = ("move", here, here, "--collection", "Author=Poet", "--collection", "Book=Poem")
    first = weft(*moving, "--sync")
    assert (first.returncode, first.stdout) == (
        0,
        "Poet: 5 objects stored, 0 removed, 0 rejected\nPoem: 300 objects stored, 0 removed, 0 rejected\n",
    )
    equal = weft(*moving, "--verify")
    assert equal.returncode == 0, equal.stdout
    assert "Poem: equal, 300 objects at the source, 300 at the target; 0 of 256 digests differ\n" in equal.stdout
    assert re.search(r"  filter title: 100.0% of the counts agree, \d+ asked\n", equal.stdout)
    with library.client() as client:
        poems = client.collections.use("Poem")
        poems.data.delete_by_id(key("book", 1))
        poems.data.update(key("book", 2), {"title": "another"})
        poems.data.update(key("book", 3), vector={"cover": [9, 9, 9]})
        poems.data.insert({"title": "new"}, uuid=key("new"))
        poems.data.reference_delete(key("book", 4), "by", key("author", 4))
    done = weft(*moving, "--verify", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["equal"] is False
    found = {one["name"]: one for one in report["collections"]}
    counts = {name: found["Poem"][name] for name in ("missing", "changed", "onlyAtTarget", "known")}
    assert counts == {"missing": 1, "changed": 3, "onlyAtTarget": 1, "known": {}}
    assert sorted(found["Poem"]["examples"]) == sorted(
        [
            f"{key('book', 1)}: the target lacks it",
            f"{key('book', 2)}: times, title differ",
            f"{key('book', 3)}: times, vector cover differ",
            f"{key('book', 4)}: times, by differ",
            f"{key('new')}: only the target has it",
        ]
    )
    assert found["Poet"]["equal"] is True
    assert weft(*moving, "--sync").stdout == (
        "Poet: 0 objects stored, 0 removed, 0 rejected\nPoem: 4 objects stored, 1 removed, 0 rejected\n"
    )
    assert weft(*moving, "--verify").returncode == 0


def test_most_of_a_collection_is_deleted_only_if_that_is_meant(server: Server, weft: Weft) -> None:
    with server.client() as client:
        for name, count in (("Few", 1), ("Full", 300)):
            objects = [DataObject({"n": i}, key(name, i), vector=[1, i]) for i in range(count)]
            made = client.collections.create(name, vector_config=Configure.Vectors.self_provided())
            made.data.insert_many(objects)
    moving = ("move", address(server), address(server), "--collection", "Few=Full", "--sync")
    refused = weft(*moving)
    assert refused.returncode == 1
    assert "299 objects of 300 would be deleted from Full" in refused.stderr
    assert len(listed(server, "Full")) == 300
    assert weft(*moving, "--force").stdout == "Full: 1 object stored, 300 removed, 0 rejected\n"
    assert plain(listed(server, "Full")) == plain(listed(server, "Few"))


def test_into_a_data_folder_and_back(library: Server, weft: Weft, tmp_path: Path) -> None:
    here, chosen = address(library), ("--collection", "Author", "--collection", "Book")
    done = weft("move", here, "data", "--copy", *chosen)
    assert (done.returncode, done.stdout) == (
        0,
        "Author: 5 objects copied, 0 rejected\nBook: 300 objects copied, 0 rejected\n",
    )
    back = ("move", "data", here, "--collection", "Author=Returned", "--collection", "Book=Return")
    assert weft(*back, "--copy").returncode == 0
    assert plain(listed(library, "Returned")) == plain(listed(library, "Author"))
    verified = weft(*back, "--verify", "--queries", "2")
    assert verified.returncode == 0, verified.stdout
    assert "Return: equal, 300 objects at the source, 300 at the target; 0 of 256 digests differ" in verified.stdout
    absent = weft("move", "absent", here, "--plan")
    assert (absent.returncode, "absent is no folder" in absent.stderr) == (1, True)
    taken = weft("move", str(library.folder), here, "--plan")
    assert (taken.returncode, "weft: " in taken.stderr) == (1, True)
    assert not (tmp_path / "absent").exists()


def insert(server: Server, name: str, uuid: str) -> int:
    sent = {"class": name, "id": uuid, "properties": {"n": 1}}
    return httpx.post(server.url("/v1/objects"), json=sent).status_code


def test_over_and_back(server: Server, weft: Weft) -> None:
    here = address(server)
    with server.client() as client:
        old = client.collections.create("Old", vector_config=Configure.Vectors.self_provided())
        old.data.insert_many([DataObject({"n": i}, key("old", i), vector=[1, i]) for i in range(20)])
        client.alias.create(alias_name="Current", target_collection="Old")
    over = weft("move", here, here, "--cutover", "--collection", "Old=New", "--alias", "Current=New")
    assert over.returncode == 0, over.stdout + over.stderr
    assert "New: equal, 20 objects at the source, 20 at the target" in over.stdout
    assert f"The way back: weft move {here} {here} --cutover --collection New=Old" in over.stdout
    assert insert(server, "Old", key("late")) == 422
    assert insert(server, "Current", key("new")) == 200
    assert [one["id"] for one in listed(server, "New")].count(key("new")) == 1
    back = weft("move", here, here, "--cutover", "--collection", "New=Old", "--alias", "Current=Old")
    assert back.returncode == 0, back.stdout + back.stderr
    assert insert(server, "New", key("late")) == 422
    assert insert(server, "Current", key("newer")) == 200
    assert {one["id"] for one in listed(server, "Old")} >= {key("new"), key("newer")}


def test_a_source_takes_writes_again_when_it_cannot_be_left(server: Server, weft: Weft) -> None:
    here = address(server)
    with server.client() as client:
        for name, kind in (("Left", DataType.TEXT), ("Right", DataType.INT)):
            client.collections.create(name, properties=[Property(name="n", data_type=kind)])
    failed = weft("move", here, here, "--cutover", "--collection", "Left=Right")
    assert failed.returncode == 1
    assert "Left.n" in failed.stderr or "Right.n is text at the source and int at the target" in failed.stderr
    with server.client() as client:
        client.collections.use("Left").data.insert({"n": "taken"})


def test_a_target_follows_its_source(server: Server, tmp_path: Path) -> None:
    here = address(server)
    with server.client() as client:
        leading = client.collections.create("Leading", vector_config=Configure.Vectors.self_provided())
        leading.data.insert({"n": 0}, uuid=key("leading", 0), vector=[1, 0])
        moving = ("move", here, here, "--sync", "--follow", "--interval", "0.05", "--collection", "Leading=Led")
        running = start(*moving, folder=tmp_path)
        try:
            for i in range(1, 4):
                leading.data.insert({"n": i}, uuid=key("leading", i), vector=[1, i])
                while len(listed(server, "Led")) <= i and running.poll() is None:
                    time.sleep(0.05)
            leading.data.delete_by_id(key("leading", 2))
            while len(listed(server, "Led")) != 3 and running.poll() is None:
                time.sleep(0.05)
        finally:
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=60)
    assert running.returncode == 130
    assert plain(listed(server, "Led")) == plain(listed(server, "Leading"))
