"""A server that speaks TLS on both ports: official client, commands, and certificates that are replaced meanwhile."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import orjson
import pytest
import weaviate
from weaviate.classes.config import Configure
from weaviate.config import AdditionalConfig, Timeout

from authority import Authority
from command import run
from server import Server
from weft.protocol import search_get
from weft.wire.grpc.wires import FRONT, installed

WAIT_S = 60


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def encrypted(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    certificate, key = authority.issue()
    flags = "--tls-certificate", str(certificate), "--tls-key", str(key)
    with Server(tmp_path_factory.mktemp("weft"), None, *flags) as running:
        yield running


def trusting(authority: Authority) -> Mapping[str, str]:
    """What has the official client trust the authority, on both wires."""
    return {"SSL_CERT_FILE": str(authority.file), "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority.file)}


def served(port: int) -> bytes:
    """The certificate that a new connection gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain, context.wrap_socket(plain) as tls:
        found = tls.getpeercert(binary_form=True)
        assert found is not None
        return found


def until_served(port: int, other_than: bytes) -> bytes:
    deadline = time.monotonic() + WAIT_S
    while (found := served(port)) == other_than:
        assert time.monotonic() < deadline, "the certificate was not replaced"
        time.sleep(0.1)
    return found


def test_the_official_client_over_tls(encrypted: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in trusting(authority).items():
        monkeypatch.setenv(name, value)
    with weaviate.connect_to_custom(
        http_host="localhost",
        http_port=encrypted.rest_port,
        http_secure=True,
        grpc_host="localhost",
        grpc_port=encrypted.grpc_port,
        grpc_secure=True,
        additional_config=AdditionalConfig(timeout=Timeout(query=60, insert=60, init=60), trust_env=True),
    ) as client:
        things = client.collections.create("Thing", vector_config=Configure.Vectors.self_provided())
        with client.batch.stream() as batch:
            for i in range(50):
                batch.add_object("Thing", {"n": i}, vector=[1.0, float(i)])
        found = things.query.near_vector([1.0, 0.0], limit=1).objects
        assert [one.properties["n"] for one in found] == [0]
        assert client.graphql_raw_query("{Get{Thing(limit:1){n}}}").errors is None


def test_commands_over_tls(encrypted: Server, authority: Authority, tmp_path: Path) -> None:
    url, ca = f"https://localhost:{encrypted.rest_port}", str(authority.file)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"title": "green tea"}\n{"title": "black coffee"}\n')
    imported = run(
        "import", str(rows), "--collection", "Tls", "--vectorizer", "none", "--url", url, "--ca-certificate", ca
    )
    assert imported.returncode == 0, imported.stderr
    environ = {"WEFT_URL": url, "WEFT_CA_CERTIFICATE": ca, "GRPC_PORT": str(encrypted.grpc_port)}
    found = run("search", "Tls", "tea", "--by", "keyword", environ=environ)
    assert "green tea" in found.stdout, found.stderr
    status = run("status", environ=environ)
    assert status.returncode == 0 and url in status.stdout
    stranger = run("status", "--url", url)
    assert stranger.returncode == 1 and "--ca-certificate" in stranger.stderr
    stranger = run("search", "Tls", "tea", "--url", url, "--grpc-port", str(encrypted.grpc_port))
    assert stranger.returncode == 1 and "--ca-certificate" in stranger.stderr
    plain = run("status", "--port", str(encrypted.rest_port))
    assert plain.returncode == 1 and "closed the connection" in plain.stderr


def test_certificates_are_replaced_while_it_runs(encrypted: Server, authority: Authority) -> None:
    ports = encrypted.rest_port, encrypted.grpc_port
    first = served(ports[0])
    assert served(ports[1]) == first
    with httpx.Client(
        base_url=encrypted.url("").replace("http", "https"), verify=ssl.create_default_context(cafile=authority.file)
    ) as http:
        assert http.get("/v1/meta").status_code == 200
        _, key = authority.issue()
        second = until_served(ports[0], first)
        assert until_served(ports[1], first) == second
        assert http.get("/v1/meta").status_code == 200  # over the connection that there was
        key.write_text("half a key")
        while not any("stays in use" in line for line in encrypted.lines):
            time.sleep(0.1)
        assert [served(port) for port in ports] == [second, second]
    authority.issue()
    until_served(ports[0], second)


def test_clients_need_a_certificate_where_an_authority_is_set(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("mutual")
    clients = Authority(tmp_path, "clients")
    own, own_key = clients.issue("client")
    settings = {
        "TLS_CERTIFICATE": str(certificate),
        "TLS_PRIVATE_KEY": str(key),
        "TLS_CA_CERTIFICATE": str(clients.file),
    }
    with Server(tmp_path / "data", settings) as server:
        url = f"https://localhost:{server.rest_port}"
        environ = {"WEFT_URL": url, "WEFT_CA_CERTIFICATE": str(authority.file), "GRPC_PORT": str(server.grpc_port)}
        assert run("status", environ=environ).returncode == 1
        environ |= {"WEFT_CLIENT_CERTIFICATE": str(own), "WEFT_CLIENT_KEY": str(own_key)}
        assert run("status", environ=environ).returncode == 0
        found = run("search", "Missing", "x", environ=environ)
        assert "could not find class" in found.stderr.lower() or "Missing" in found.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"TLS_PRIVATE_KEY": ""}, "tls_certificate needs tls_key"),
        ({"TLS_CERTIFICATE": "/missing.pem"}, "cannot read the certificate /missing.pem"),
        ({"GRPC_CERT_FILE": "/missing.pem", "GRPC_KEY_FILE": "/missing.key"}, "cannot read the certificate"),
    ],
)
def test_the_server_does_not_start_with_bad_files(
    authority: Authority, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    certificate, key = authority.issue("unused")
    settings = {"TLS_CERTIFICATE": str(certificate), "TLS_PRIVATE_KEY": str(key)} | change
    done = run("serve", "--data-path", str(tmp_path / "data"), "--port", "0", "--grpc-port", "0", environ=settings)
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_several_processes_over_tls_record_what_they_answer(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("several")
    settings = {"TLS_CERTIFICATE": str(certificate), "TLS_PRIVATE_KEY": str(key), "AUDIT_LOG": "file"}
    several = FRONT in installed()
    with Server(tmp_path / "data", settings, "--workers", "2" if several else "1") as server:
        while several and not any("answers searches" in line for line in server.lines):
            time.sleep(0.02)
        base = f"https://localhost:{server.rest_port}/v1"
        with httpx.Client(base_url=base, verify=ssl.create_default_context(cafile=authority.file)) as http:
            assert http.post("/schema", json={"class": "Thing", "vectorizer": "none"}).is_success
            assert http.post("/objects", json={"class": "Thing", "vector": [1, 2]}).is_success
        request = search_get.SearchRequest(collection="Thing", uses_127_api=True, limit=1).SerializeToString()
        credentials = grpc.ssl_channel_credentials(authority.pem)
        with grpc.secure_channel(f"localhost:{server.grpc_port}", credentials) as channel:
            search: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/weaviate.v1.Weaviate/Search")
            with ThreadPoolExecutor(8) as pool:
                replies = list(pool.map(lambda _: search(request, timeout=60), range(200)))
        assert {len(search_get.SearchReply.FromString(reply).results) for reply in replies} == {1}
    lines = [orjson.loads(line) for line in (tmp_path / "data/audit.log").read_bytes().splitlines()]
    searches = [line for line in lines if line["verb"] == "search"]
    assert len(searches) == 200
    assert {(line["user"], line["wire"], line["address"]) for line in searches} == {("anonymous", "grpc", "127.0.0.1")}
