"""Providers that never answer: searches that wait for one keep no others from being answered, over any wire."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from server import Server
from weft.protocol import search_get
from weft.wire.grpc.wires import installed

KEYS = {
    "AUTHENTICATION_APIKEY_ENABLED": "true",
    "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "key-of-one,key-of-other",
    "AUTHENTICATION_APIKEY_USERS": "one,other",
    "WEFT_REST_WORKERS": "2",
    "WEFT_GRPC_WORKERS": "2",
}
QUERY = {"query": '{Get{Docs(nearText:{concepts:["a"]}){t}}}'}
MANY = 40
"""More than there are threads."""


@contextmanager
def hole() -> Iterator[tuple[str, threading.Semaphore]]:
    """The address of a server that takes connections and never answers, and what it releases for each."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    arrived, taken = threading.Semaphore(0), list[socket.socket]()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            arrived.release()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", arrived
    for one in taken:
        one.close()


@pytest.mark.parametrize("wire", installed())
def test_what_waits_for_a_provider_keeps_no_others_waiting(tmp_path: Path, wire: str) -> None:
    with (
        hole() as (address, arrived),
        Server(tmp_path, {**KEYS, "WEFT_GRPC_WIRE": wire, "OPENAI_BASE_URL": address}) as server,
        httpx.Client(base_url=server.url(""), timeout=100, headers={"Authorization": "Bearer key-of-one"}) as http,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options=[("grpc.use_local_subchannel_pool", 1)]) as mine,
        ThreadPoolExecutor(2 * MANY) as threads,
    ):
        made = {"class": "Docs", "vectorizer": "text2vec-openai", "properties": [{"name": "t", "dataType": ["text"]}]}
        assert http.post("/v1/schema", json=made).status_code == 200
        stored = {"class": "Docs", "properties": {"t": "x"}, "vector": [1, 0]}
        assert http.post("/v1/objects", json=stored).status_code == 200
        headers = {"Authorization": "Bearer key-of-one", "X-OpenAI-Api-Key": "k"}

        def hang() -> int:
            return httpx.post(server.url("/v1/graphql"), json=QUERY, headers=headers, timeout=100).status_code

        def search(on: grpc.Channel, key: str, text: str) -> Any:
            asked = search_get.SearchRequest(collection="Docs", uses_127_api=True)
            if text:
                asked.near_text.query.append(text)
            metadata = [(name.lower(), value) for name, value in {**headers, "Authorization": f"Bearer {key}"}.items()]
            call: Any = on.unary_unary("/weaviate.v1.Weaviate/Search")
            try:
                return search_get.SearchReply.FromString(
                    call(asked.SerializeToString(), metadata=metadata, timeout=100)
                )
            except grpc.RpcError as error:
                return error.code()

        waiting: list[Future[Any]] = [threads.submit(hang) for _ in range(MANY)]
        waiting += [threads.submit(search, channel, "key-of-one", "a") for _ in range(MANY)]
        for _ in waiting:
            assert arrived.acquire(timeout=60), "each has a connection to the provider"
        for key in ("key-of-one", "key-of-other"):
            reply = http.get("/v1/meta", headers={"Authorization": f"Bearer {key}"})
            assert reply.status_code == 200
            assert len(search(mine, key, "").results) == 1
        assert http.get("/v1/.well-known/live").status_code == 200
        assert not any(one.done() for one in waiting)
        server.kill()
