"""Stopping a server: what runs ends cleanly, what was acknowledged is there, and it never takes forever."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import httpx
import pytest
from weaviate.classes.config import Configure, DataType, Property

from command import ENVIRON
from server import Server
from weft.protocol import batch as messages

HEALTH = "/grpc.health.v1.Health/Check"
STREAM = "/weaviate.v1.Weaviate/BatchStream"
Unary: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"
Stream: TypeAlias = "grpc.StreamStreamMultiCallable[bytes, bytes]"


_NEVER_GIVEN = range(20_000, 32_000)
"""Ports that no system assigns by itself. A client that connects to any other port where nothing listens may get that
very port for its own end, and be connected with itself."""


def free_port() -> int:
    while True:
        port = random.choice(_NEVER_GIVEN)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def on_fixed_ports(folder: Path, **environ: str) -> Server:
    """So that it has the same address when it comes back."""
    return Server(folder, environ, "--port", str(free_port()), "--grpc-port", str(free_port()))


def make(server: Server) -> None:
    reply = httpx.post(
        server.url("/v1/schema"),
        json={"class": "Things", "vectorizer": "none", "properties": [{"name": "n", "dataType": ["int"]}]},
    )
    assert reply.status_code == 200, reply.text


def let_it_arrive(server: Server) -> None:
    """What was sent before, the server's event loop has seen when it has answered a few other requests."""
    with httpx.Client() as http:
        for _ in range(10):
            assert http.get(server.url("/v1/.well-known/ready")).status_code == 200


def stored(server: Server) -> set[str]:
    with server.client() as client:
        return {str(one.uuid) for one in client.collections.use("Things").iterator()}


def test_an_import_that_streams_goes_on_when_the_server_is_back(tmp_path: Path) -> None:
    with on_fixed_ports(tmp_path / "data") as server:
        make(server)
        half, back, total = threading.Event(), threading.Event(), 3000

        def restart() -> None:
            half.wait(60)
            assert server.stop() == 0
            server.start()
            back.set()

        restarting = threading.Thread(target=restart)
        restarting.start()
        with server.client() as client:
            with client.batch.stream() as stream:
                for n in range(total):
                    stream.add_object("Things", {"n": n}, uuid=uuid.UUID(int=n + 1), vector=[float(n), 1.0])
                    if n == total // 2:
                        half.set()
                        back.wait(60)
            assert not client.batch.failed_objects
        restarting.join(60)
        assert len(stored(server)) == total


def test_every_acknowledged_object_of_a_raw_stream_is_stored_and_reported(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        make(server)
        acknowledged: set[str] = set()
        reported: set[str] = set()
        asked_to_stop, signalled = threading.Event(), False

        def requests() -> Any:
            yield messages.BatchStreamRequest(start=messages.BatchStreamRequest.Start()).SerializeToString()
            n = 0
            while not asked_to_stop.is_set():
                request = messages.BatchStreamRequest()
                for _ in range(50):
                    n += 1
                    request.data.objects.values.add(collection="Things", uuid=str(uuid.UUID(int=n)))
                yield request.SerializeToString()
                time.sleep(0.002)

        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stream: Stream = channel.stream_stream(STREAM)
            for data in stream(requests()):
                reply = messages.BatchStreamReply.FromString(data)
                acknowledged |= set(reply.acks.uuids)
                reported |= {one.uuid for one in reply.results.successes}
                if len(reported) > 500 and not signalled:
                    server.process.send_signal(signal.SIGTERM)
                    signalled = True
                if reply.HasField("shutting_down"):
                    asked_to_stop.set()
        assert server._end() == 0
        assert asked_to_stop.is_set()
        assert acknowledged == reported
        server.start()
        assert stored(server) == reported


@pytest.mark.parametrize("reads", [True, False])
def test_a_client_that_never_ends_is_ended(tmp_path: Path, reads: bool) -> None:
    with Server(tmp_path / "data", {"WEFT_SHUTDOWN_TIMEOUT": "12s"}) as server:
        make(server)
        over = threading.Event()

        def requests() -> Any:
            yield messages.BatchStreamRequest(start=messages.BatchStreamRequest.Start()).SerializeToString()
            request = messages.BatchStreamRequest()
            request.data.objects.values.add(collection="Things", uuid=str(uuid.UUID(int=1)))
            yield request.SerializeToString()
            over.wait(60)

        half_sent = socket.create_connection(("127.0.0.1", server.rest_port))
        half_sent.sendall(b"POST /v1/objects HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        let_it_arrive(server)
        seen: list[str | None] = []
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel, half_sent:
            stream: Stream = channel.stream_stream(STREAM)
            call = stream(requests())
            for data in call:
                seen.append(messages.BatchStreamReply.FromString(data).WhichOneof("message"))
                if seen[-1] == "results":
                    break
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            if reads:
                seen += [messages.BatchStreamReply.FromString(data).WhichOneof("message") for data in call]
                assert seen[-1] == "shutting_down", "and then it ended well"
                assert call.code() is grpc.StatusCode.OK
            assert server._end() == 0
            assert time.monotonic() - began < 30, "12 s and what a busy machine adds"
            over.set()
        server.start()
        assert stored(server) == {str(uuid.UUID(int=1))}


def test_a_provider_that_never_answers_holds_nothing_up(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as provider,
        Server(tmp_path / "data", {"WEFT_SHUTDOWN_TIMEOUT": "8s", "MODULES_CLIENT_TIMEOUT": "600s"}) as server,
    ):
        endpoint = f"http://127.0.0.1:{provider.getsockname()[1]}"
        document = {
            "class": "Asked",
            "properties": [{"name": "t", "dataType": ["text"]}],
            "vectorizer": "text2vec-ollama",
            "moduleConfig": {"text2vec-ollama": {"apiEndpoint": endpoint, "model": "m"}},
        }
        assert httpx.post(server.url("/v1/schema"), json=document).status_code == 200

        replies: list[httpx.Response] = []

        def ask_over_rest() -> None:
            asked = {"class": "Asked", "properties": {"t": "x"}}
            replies.append(httpx.post(server.url("/v1/objects"), json=asked, timeout=60))

        asking = threading.Thread(target=ask_over_rest)
        asking.start()
        request = messages.BatchObjectsRequest()
        one = request.objects.add(collection="Asked", uuid=str(uuid.UUID(int=1)))
        one.properties.non_ref_properties.update({"t": "y"})
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            store: Unary = channel.unary_unary("/weaviate.v1.Weaviate/BatchObjects")
            call = store.future(request.SerializeToString())
            asked = [provider.accept()[0] for _ in range(2)]
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert call.exception(60) is not None
            assert call.code() is grpc.StatusCode.UNAVAILABLE
        assert server._end() == 0
        assert time.monotonic() - began < 30, "8 s and what a busy machine adds"
        asking.join(60)
        assert replies[0].status_code == 503
        assert "stopped before this was finished" in replies[0].text
        for connection in asked:
            connection.close()
        assert not any("Traceback" in line for line in server.lines), server.lines


def test_it_says_that_it_is_not_ready_while_it_stops(tmp_path: Path) -> None:
    with Server(tmp_path / "data", {"WEFT_SHUTDOWN_TIMEOUT": "30s"}) as server:
        make(server)
        address = ("127.0.0.1", server.rest_port)
        running = socket.create_connection(address)
        body = b'{"class": "Things", "id": "00000000-0000-0000-0000-000000000007", "vector": [1, 2]}'
        head = (
            b"POST /v1/objects HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel, running, httpx.Client() as http:
            health: Unary = channel.unary_unary(HEALTH)
            search: Unary = channel.unary_unary("/weaviate.v1.Weaviate/Search")
            assert health(b"") == b"\x08\x01"
            assert http.get(server.url("/v1/.well-known/ready")).status_code == 200
            running.sendall(head + body[:10])
            let_it_arrive(server)
            server.process.send_signal(signal.SIGTERM)
            while http.get(server.url("/v1/.well-known/ready")).status_code == 200:
                time.sleep(0.01)
            assert http.get(server.url("/v1/.well-known/live")).status_code == 200
            refused = http.get(server.url("/v1/schema"))
            assert refused.status_code == 503
            assert "stopping" in refused.json()["error"][0]["message"]
            (node,) = http.get(server.url("/v1/nodes")).json()["nodes"]
            assert node["status"] == "UNHEALTHY"
            assert health(b"") == b"\x08\x02"
            with pytest.raises(grpc.RpcError) as caught:
                search(b"")
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            running.sendall(body[10:])
            assert running.recv(100).startswith(b"HTTP/1.1 200"), "what ran is finished"
        assert server._end() == 0
        server.start()
        assert len(stored(server)) == 1


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        make(server)
        with socket.create_connection(("127.0.0.1", server.rest_port)) as stuck:
            stuck.sendall(b"POST /v1/objects HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            let_it_arrive(server)
            server.process.send_signal(signal.SIGTERM)
            while not any("stopping" in line for line in server.lines):
                time.sleep(0.01)
            server.process.send_signal(signal.SIGINT)
            assert server._end() == -signal.SIGINT


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGHUP")
def test_sighup_ends_no_server_that_has_no_terminal(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        for _ in range(2):
            server.process.send_signal(signal.SIGHUP)
            while not any("SIGHUP: replaced certificates are in use" in line for line in server.lines):
                time.sleep(0.01)
            del server.lines[:]
        let_it_arrive(server)
        assert server.stop() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="has no terminals of this kind")
def test_a_terminal_that_is_closed_stops_its_server(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [*Server.command, "serve", "--data-path", str(tmp_path / "data"), "--port", "0", "--grpc-port", "0"]
    within = f"import fcntl, os, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv({command[0]!r}, {command!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", within], stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRON, start_new_session=True
    )
    os.close(theirs)
    printed = b""
    while b"Ctrl-C" not in printed:
        printed += os.read(ours, 1000)
    os.close(ours)
    assert process.wait(60) == 0, "it stopped as by SIGTERM"


def test_the_port_answers_while_the_collections_are_opened(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with on_fixed_ports(folder, WEFT_DURABLE="false") as server:
        with server.client() as client:
            things = client.collections.create(
                "Things",
                vector_config=Configure.Vectors.self_provided(),
                properties=[Property(name="t", data_type=DataType.TEXT)],
            )
            words = " ".join(f"word{n}" for n in range(300))
            things.data.insert_many([{"t": words} for _ in range(4000)])
        server.stop()
        for index in folder.glob("collections/*/*/index"):
            shutil.rmtree(index)  # rebuilt at the next start, which takes its time
        seen: list[tuple[int, int, str]] = []

        def watch() -> None:
            with httpx.Client() as http:
                while not seen or seen[-1][0] != 200:
                    try:
                        ready = http.get(f"http://127.0.0.1:{port}/v1/.well-known/ready").status_code
                        live = http.get(f"http://127.0.0.1:{port}/v1/.well-known/live").status_code
                        schema = http.get(f"http://127.0.0.1:{port}/v1/schema").text
                    except httpx.TransportError:
                        continue
                    seen.append((ready, live, schema))

        port = int(server._flags[1])
        watching = threading.Thread(target=watch)
        watching.start()
        server.start()
        watching.join(60)
        assert seen[0][:2] == (503, 200)
        assert "opening its collections" in seen[0][2]
        assert seen[-1][0] == 200


def test_a_signal_while_the_collections_are_opened(tmp_path: Path) -> None:
    with on_fixed_ports(tmp_path / "data", WEFT_DURABLE="false") as server:
        make(server)
        port = server.rest_port
        server.stop()

        ready = []

        def start() -> None:
            with contextlib.suppress(AssertionError):  # not started
                server.start()
                ready.append(True)

        starter = threading.Thread(target=start)
        starter.start()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.005)
        server.process.send_signal(signal.SIGTERM)
        starter.join(60)
        assert server.process.wait(60) == 0
        assert server.lines[-1] == ("stopped" if ready else "stopped before it was ready"), "late, or early, as it came"
        server.start()
        assert stored(server) == set()


@pytest.mark.parametrize(
    ("first", "printed"),
    [
        ("exec(SIGNAL)", "stopped before it was ready"),
        ("try: exec(SIGNAL)\n    except KeyboardInterrupt: pass", "stopped"),
    ],
    ids=["within an exec of text", "swallowed by what is being imported"],
)
def test_wherever_the_start_is_when_the_signal_comes(tmp_path: Path, first: str, printed: str) -> None:
    script = f"""
import sys
from weft.app import App
from weft.cli import main

SIGNAL = "import signal, time; signal.raise_signal(signal.SIGTERM); time.sleep(60)"
start = App.start

def signalled(app):
    {first}
    start(app)

App.start = signalled
sys.exit(main(["serve", "--port", "0", "--grpc-port", "0", "--data-path", {str(tmp_path / "data")!r}]))
"""
    (tmp_path / "signalled.py").write_text(script)
    command = [sys.executable, "-m", "signalled"]  # as ``python -m weft``; scripts end otherwise
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == printed
