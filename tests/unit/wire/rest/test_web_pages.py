"""What a web page may make a browser send to a server that answers without credentials."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from in_process import Recording
from weft.settings.server import RestSettings, ServerSettings
from weft.wire.rest.app import build_app
from weft.wire.rest.web_pages import WebPages, host_name

JSON = {"Content-Type": "application/json"}
FOREIGN = "https://evil.example"


def served(
    world: Recording,
    *,
    host: str = "127.0.0.1",
    hosts: tuple[str, ...] = (),
    cors: str = "",
    anonymous: bool = True,
    url: str = "http://localhost:8080",
) -> TestClient:
    rest = RestSettings(workers=1, cors_allow_origin=cors)
    pages = WebPages(ServerSettings(host=host, allowed_hosts=hosts), rest, anonymous=anonymous)
    app = build_app(world.door, world.access.authenticator, rest, body_limit_bytes=1000, pages=pages)
    return TestClient(app, base_url=url)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/meta"),
        ("GET", "/v1/objects"),
        ("GET", "/v1//objects/"),
        ("POST", "/v1/schema"),
        ("DELETE", "/v1/schema/Thing"),
        ("POST", "/v1/graphql"),
        ("GET", "/v1/.well-known/openid-configuration"),
    ],
)
@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://localhost:3000", "http://127.0.0.1:8080"])
def test_pages_of_other_origins_are_refused(world: Recording, method: str, path: str, origin: str) -> None:
    reply = served(world).request(method, path, headers={"Origin": origin})
    assert reply.status_code == 403
    message = reply.json()["error"][0]["message"]
    assert repr(origin) in message and "CORS_ALLOW_ORIGIN" in message


def test_a_refused_page_changes_nothing(world: Recording) -> None:
    rest = served(world)
    assert rest.post("/v1/schema", json={"class": "Thing"}, headers={"Origin": FOREIGN}).status_code == 403
    assert rest.get("/v1/schema").json() == {"classes": []}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_images_and_scripts_of_other_sites_are_refused_and_links_are_followed(world: Recording, site: str) -> None:
    rest = served(world)
    sent = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert rest.get("/v1/meta", headers=sent).status_code == 403
    assert rest.get("/v1/meta", headers={**sent, "Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert rest.post("/v1/graphql", headers={**sent, "Sec-Fetch-Mode": "navigate"}).status_code == 403
    assert rest.get("/v1/meta", headers={"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert rest.get("/v1/meta", headers={"Sec-Fetch-Mode": "cors"}).status_code == 200  # as fetch of Node.js sends it


def test_the_origins_of_the_setting_may_call(world: Recording) -> None:
    rest = served(world, cors="https://a.example, https://b.example")
    for origin in ("https://a.example", "https://B.example"):
        assert rest.get("/v1/meta", headers={"Origin": origin}).status_code == 200
    assert rest.get("/v1/meta", headers={"Origin": FOREIGN}).status_code == 403
    assert served(world, cors="*").get("/v1/meta", headers={"Origin": FOREIGN}).status_code == 200


def test_a_page_of_the_server_itself_may_call(world: Recording) -> None:
    own = {"Origin": "http://localhost:8080"}
    assert served(world).get("/v1/meta", headers=own).status_code == 200
    rest = served(world, host="0.0.0.0", hosts=("weft.example",), url="http://weft.example:8080")
    assert rest.get("/v1/meta", headers={"Origin": "http://weft.example:8080"}).status_code == 200
    rebound = served(world, host="0.0.0.0", url="http://evil.example:8080")
    assert rebound.post("/v1/schema", headers={"Origin": "http://evil.example:8080"}).status_code == 403


def test_where_credentials_are_needed_pages_are_not_looked_at(world: Recording) -> None:
    rest = served(world, anonymous=False, url="http://any.example")
    assert rest.get("/v1/meta", headers={"Origin": FOREIGN}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST.:8080", 200),
        ("weft.localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("127.8.9.1", 200),
        ("[::1]:8080", 200),
        ("evil.example:8080", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("192.168.1.5:8080", 403),
        ("[2001:db8::1]:8080", 403),
        ("evil.example@localhost", 403),
        ("", 403),
    ],
)
def test_a_loopback_server_answers_to_its_own_names(world: Recording, host: str, status: int) -> None:
    assert served(world).get("/v1/meta", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("host", ["weft", "weft.svc.cluster.local:8080", "10.0.0.7:8080", "db.example"])
def test_a_server_of_a_network_answers_to_any_name(world: Recording, host: str) -> None:
    assert served(world, host="0.0.0.0").get("/v1/meta", headers={"Host": host}).status_code == 200
    assert served(world, anonymous=False).get("/v1/meta", headers={"Host": host}).status_code == 200


def test_names_of_the_setting(world: Recording) -> None:
    rest = served(world, host="10.0.0.7", hosts=("Weft", "db.example:8080"), anonymous=False)
    for host in ("weft:8080", "DB.example", "10.0.0.7:8080", "localhost", "[::1]"):
        assert rest.get("/v1/meta", headers={"Host": host}).status_code == 200
    refused = rest.get("/v1/meta", headers={"Host": "evil.example"})
    assert refused.status_code == 403 and "WEFT_ALLOWED_HOSTS" in refused.text
    assert served(world, hosts=("*",)).get("/v1/meta", headers={"Host": "evil.example"}).status_code == 200


def test_two_hosts_must_both_be_own(world: Recording) -> None:
    rest = served(world)
    assert rest.get("/v1/meta", headers=[("Host", "localhost"), ("Host", "evil.example")]).status_code == 403


def test_names_of_hosts() -> None:
    assert host_name(b"[::1]:80") == "::1"
    assert host_name(b"0:0:0:0:0:0:0:1") == "::1"
    assert host_name(b" A.b.:80") == "a.b"
