"""Addresses that objects name: only those of listed hosts, over TLS, from a real server."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from authority import Authority
from weft.domain.errors import Invalid, TooLarge
from weft.domain.shares import Shares
from weft.service.media_references import room as rooms
from weft.service.media_references.hosts import MediaHosts
from weft.service.media_references.room import Room


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/cat.png")
        else:
            self.send_response(404 if self.path == "/missing" else 200)
        if self.path == "/packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(b"cat")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, ssl.SSLContext]]:
    """The port of a server, and what trusts it."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    certificate, key = authority.issue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], ssl.create_default_context(cafile=str(authority.file))
    server.shutdown()
    thread.join()
    server.server_close()


def read(served: tuple[int, ssl.SSLContext], path: str, *hosts: str) -> bytes:
    port, trust = served
    media = MediaHosts(hosts or (f"127.0.0.1:{port}",), verify=trust)
    try:
        return media.read(f"https://127.0.0.1:{port}{path}", Room(Shares(1 << 20), ""))
    finally:
        media.close()


def test_a_listed_host(served: tuple[int, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(served, "/cat.png") == b"cat"
    monkeypatch.setattr(rooms, "MOST_BYTES", 2)
    with pytest.raises(TooLarge):
        read(served, "/cat.png")


@pytest.mark.parametrize(
    ("path", "message"),
    [("/moved", "answered with status 302"), ("/missing", "status 404"), ("/packed", "compresses the medium")],
)
def test_what_is_no_medium(served: tuple[int, ssl.SSLContext], path: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read(served, path)


@pytest.mark.parametrize("hosts", ["127.0.0.1", "example.com", "localhost"])
def test_another_host_is_not_called(served: tuple[int, ssl.SSLContext], hosts: str) -> None:
    with pytest.raises(Invalid, match="WEFT_MEDIA_HOSTS"):
        read(served, "/cat.png", hosts)


def test_all_hosts_are_all_public_ones(served: tuple[int, ssl.SSLContext]) -> None:
    with pytest.raises(Invalid, match="is not a public host"):
        read(served, "/cat.png", "*")


@pytest.mark.parametrize(
    "reference",
    ["https:", "https://", "https://user@example.com/", "https://example.com:0/", "https://a b/", "https://[/"],
)
def test_what_is_no_address(reference: str) -> None:
    with pytest.raises(Invalid, match="is not an address"):
        MediaHosts(["*"]).read(reference, Room(Shares(100), ""))


def test_without_hosts_nothing_is_called() -> None:
    with pytest.raises(Invalid, match="its operator can list hosts"):
        MediaHosts([]).read("https://example.com/", Room(Shares(100), ""))
