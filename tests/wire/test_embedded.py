"""``weft.connect``: the server in this process, on a folder of its own or one that stays."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure
from weaviate.classes.data import DataObject

import weft
from weft.domain.errors import CorruptData, Misconfigured

NO_VECTOR = Configure.Vectors.self_provided()


def fill(client: weaviate.WeaviateClient, texts: list[str]) -> None:
    notes = client.collections.create("Note", vector_config=NO_VECTOR)
    notes.data.insert_many([DataObject({"text": text}, vector=[1.0, float(i)]) for i, text in enumerate(texts)])


def texts(client: weaviate.WeaviateClient) -> set[str]:
    return {str(one.properties["text"]) for one in client.collections.use("Note").iterator()}


def test_a_temporary_folder_goes_with_the_client() -> None:
    with weft.connect() as client:
        fill(client, ["a", "b"])
        folder = client.data_path
        assert texts(client) == {"a", "b"}
        assert folder.exists()
    assert not folder.exists()


def test_a_folder_stays_and_is_opened_again(tmp_path: Path) -> None:
    client = weft.connect(tmp_path / "new" / "data")
    fill(client, ["kept"])
    client.close()
    with weft.connect(str(tmp_path / "new" / "data")) as again:
        assert texts(again) == {"kept"}
        found = again.collections.use("Note").query.near_vector([1.0, 0.0], limit=1)
        assert found.objects[0].properties["text"] == "kept"


def test_a_folder_in_use_is_refused_in_another_process(tmp_path: Path) -> None:
    with weft.connect(tmp_path) as client:
        command = [sys.executable, "-m", "weft", "serve", "--port=0", "--grpc-port=0", "--data-path", str(tmp_path)]
        other = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert other.returncode == 1
        assert other.stderr.startswith(f"weft: {tmp_path} is in use by process ")
        fill(client, ["still works"])
    with weft.connect(tmp_path) as client:
        assert texts(client) == {"still works"}


def test_clients_of_one_folder_share_its_server(tmp_path: Path) -> None:
    first = weft.connect(tmp_path, query_defaults_limit=7)
    second = weft.connect(tmp_path / "x" / "..")
    third = weft.connect(str(tmp_path), query_defaults_limit=7)
    assert {one.address for one in (first, second, third)} == {f"http://127.0.0.1:{first.rest_port}"}
    fill(first, ["seen by all"])
    first.close()
    first.close()
    assert texts(second) == texts(third) == {"seen by all"}
    with pytest.raises(Misconfigured, match=r"open in this process with other settings \(query_defaults_limit\)"):
        weft.connect(tmp_path, query_defaults_limit=8)
    second.close()
    assert texts(third) == {"seen by all"}
    port = third.rest_port
    third.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    with weft.connect(tmp_path, query_defaults_limit=8) as again:
        assert texts(again) == {"seen by all"}


def test_async_clients(tmp_path: Path) -> None:
    async def run() -> str:
        async with weft.connect_async(tmp_path) as client:
            notes = await client.collections.create("Note", vector_config=NO_VECTOR)
            await notes.data.insert({"text": "async"}, vector=[1.0, 0.0])
            with weft.connect(tmp_path) as beside:
                assert texts(beside) == {"async"}
            found = await notes.query.near_vector([1.0, 0.0], limit=1)
            assert "1 collection, 1 object>" in repr(client)
        assert repr(client) == "<EmbeddedAsyncClient, closed>"
        return str(found.objects[0].properties["text"])

    assert asyncio.run(run()) == "async"
    with weft.connect(tmp_path) as client:
        assert texts(client) == {"async"}


def test_a_client_says_where_its_server_is_and_what_it_holds(tmp_path: Path) -> None:
    with weft.connect(tmp_path) as client:
        fill(client, ["a", "b"])
        assert client.get_meta()["hostname"] == client.address
        assert repr(client) == (
            f"<EmbeddedClient http://127.0.0.1:{client.rest_port} (gRPC {client.grpc_port}), data {tmp_path}: "
            "1 collection, 2 objects>"
        )
        assert "<tr><td>Note</td><td>2</td></tr>" in client._repr_html_()
    assert client._repr_html_() == "<p>&lt;EmbeddedClient, closed&gt;</p>"
    with pytest.raises(weaviate.exceptions.WeaviateClosedClientError):
        _ = client.address


def test_closing_stops_everything(tmp_path: Path) -> None:
    with weft.connect() as client:
        fill(client, ["libraries start what threads they keep"])
    before = set(threading.enumerate())
    client = weft.connect(tmp_path)
    fill(client, ["a"])
    rest = client.rest_port
    client.close()
    client.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", rest)) != 0
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
    assert [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()] == []
    gc.collect()  # what was left open warns now, and warnings are errors


def test_several_at_once_keep_to_their_folders(tmp_path: Path) -> None:
    with weft.connect(tmp_path / "one") as one, weft.connect(tmp_path / "two") as two, weft.connect() as three:
        for client, text in ((one, "1"), (two, "2"), (three, "3")):
            fill(client, [text])
        assert [texts(client) for client in (one, two, three)] == [{"1"}, {"2"}, {"3"}]


def test_settings_are_passed_on() -> None:
    with weft.connect(query_defaults_limit=2, autoschema_enabled=False) as client:
        client.collections.create("Note", vector_config=NO_VECTOR)
        with pytest.raises(weaviate.exceptions.UnexpectedStatusCodeError):
            client.collections.use("Note").data.insert({"new": "property"})
    with weft.connect(query_defaults_limit=2) as client:
        fill(client, ["a", "b", "c"])
        assert len(client.collections.use("Note").query.fetch_objects().objects) == 2


def test_with_api_keys_the_client_has_the_first() -> None:
    keys: dict[str, Any] = {"apikey_enabled": True, "apikey_allowed_keys": ["one", "two"], "apikey_users": ["jane"]}
    with weft.connect(anonymous_access=False, **keys) as client:
        fill(client, ["a"])
        assert texts(client) == {"a"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"query_default_limit": 3}, "did you mean query_defaults_limit"),
        ({"grpc_port": "x"}, "must be an integer"),
        ({"host": "0.0.0.0"}, "takes no host"),
        ({"data_path": "x"}, "first argument"),
        ({"tls_certificate": "x", "tls_key": "x"}, "without TLS"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        weft.connect(tmp_path / "data", **settings)
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_opened_is_let_go_of(tmp_path: Path) -> None:
    (tmp_path / "weft-format.json").write_text("of another make")
    with pytest.raises(CorruptData, match=r"weft-format\.json is damaged"):
        weft.connect(tmp_path)
    (tmp_path / "weft-format.json").unlink()
    with weft.connect(tmp_path) as client:
        fill(client, ["a"])


def test_a_script_that_forgets_to_close_loses_nothing(tmp_path: Path) -> None:
    script = """
import sys, weft
client = weft.connect(sys.argv[1])
notes = client.collections.create("Note")
notes.data.insert({"text": "kept"})
"""
    command = [sys.executable, "-W", "error", "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with weft.connect(tmp_path) as client:
        assert texts(client) == {"kept"}
