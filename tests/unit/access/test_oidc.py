"""Tokens of an identity provider that runs beside the tests."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from issuer import Issuer
from unit.access.world import World
from weft.access import issuer_keys
from weft.access.oidc import Identity, OidcProvider
from weft.config import load_settings
from weft.domain.errors import Misconfigured, Unauthenticated


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


def provider(issuer: Issuer, **settings: Any) -> OidcProvider:
    return OidcProvider(load_settings({**issuer.settings(), **settings}, {}).access.oidc)


@pytest.mark.parametrize("algorithm", ["RS256", "PS512", "ES256"])
def test_a_token_names_user_and_groups(issuer: Issuer, algorithm: str) -> None:
    issuer.rotate(algorithm, "other")
    found = provider(issuer).identify(issuer.token(groups=["staff", "dev", "staff", 3]))
    assert found == Identity("jane", ("staff", "dev"))


@pytest.mark.parametrize(("groups", "expected"), [("staff", ("staff",)), (None, ()), (3, ())])
def test_groups_may_be_one_text_or_missing(issuer: Issuer, groups: Any, expected: tuple[str, ...]) -> None:
    assert provider(issuer).identify(issuer.token(groups=groups)).groups == expected


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "http://evil"}, "issued by"),
        ({"iss": None}, "issued by"),
        ({"aud": "another"}, "not for this server"),
        ({"aud": None}, "not for this server"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "expiry"),
        ({"exp": "soon"}, "expiry"),
        ({"nbf": 2**40}, "not valid yet"),
        ({"sub": None}, "required claim 'sub'"),
        ({"sub": 7}, "required claim 'sub'"),
        ({"sub": ""}, "required claim 'sub'"),
    ],
)
def test_claims_that_do_not_hold(issuer: Issuer, claims: dict[str, Any], says: str) -> None:
    with pytest.raises(Unauthenticated, match=says):
        provider(issuer).identify(issuer.token(**claims))


def test_audiences(issuer: Issuer) -> None:
    assert provider(issuer).identify(issuer.token(aud=["another", "weft-tests"])).user == "jane"
    careless = provider(issuer, oidc_skip_client_id_check=True, oidc_client_id="")
    assert careless.identify(issuer.token(aud="another")).user == "jane"


def tampered(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "root"}).encode()).rstrip(b"=").decode()
    return f"{header}.{forged}.{signature}"


def test_signatures_that_do_not_hold(issuer: Issuer) -> None:
    known = provider(issuer)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for token, says in (
        (tampered(issuer.token()), "signature"),
        (issuer.token({"alg": "HS256"}), "not accepted"),
        (f"{none}.{issuer.token().split('.')[1]}.", "not accepted"),
        ("a.b.c", "not a signed"),
        ("..", "not a signed"),
        (issuer.token({"kid": "unknown"}), "not the issuer's"),
    ):
        with pytest.raises(Unauthenticated, match=says):
            known.identify(token)
    stolen = Issuer()
    with stolen, pytest.raises(Unauthenticated, match="signature"):
        known.identify(stolen.token(iss=issuer.url))


def test_a_token_without_a_key_name_is_by_the_only_key(issuer: Issuer) -> None:
    assert provider(issuer).identify(issuer.token({"kid": None})).user == "jane"


def test_new_keys_are_fetched_when_they_are_used(issuer: Issuer) -> None:
    known = provider(issuer)
    old = issuer.token()
    assert known.recall(old) is None
    known.identify(old)
    known.identify(issuer.token(sub="joe"))
    assert issuer.requests == ["/.well-known/openid-configuration", "/keys"]
    issuer.rotate("ES256", "ec-2")
    assert known.identify(issuer.token()).user == "jane"
    assert len(issuer.requests) == 4
    assert known.recall(old) == Identity("jane", ())


def test_the_first_token_waits_for_the_first_keys(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_keys, "_FIRST_WAIT_S", 60.0)
    monkeypatch.setattr(issuer_keys, "_WAIT_S", 0.0)
    known = provider(issuer)
    assert known.identify(issuer.token()).user == "jane"
    issuer.slow = True
    with pytest.raises(Unauthenticated, match="not the issuer's"):
        known.identify(issuer.token({"kid": "unknown"}))
    issuer.slow = False


def test_keys_are_fetched_before_the_first_token(issuer: Issuer) -> None:
    known = provider(issuer)
    issuer.slow = True
    known.prepare()
    fetch = known._keys._fetch
    assert fetch is not None, "it does not wait for the provider"
    issuer.slow = False
    assert fetch.ended.wait(60)
    issuer.down = True
    assert known.identify(issuer.token()).user == "jane"


def test_unknown_keys_do_not_flood_the_provider(issuer: Issuer) -> None:
    known = provider(issuer)
    for i in range(50):
        with pytest.raises(Unauthenticated):
            known.identify(issuer.token({"kid": f"unknown-{i}"}))
    assert len(issuer.requests) == 20


def test_a_provider_that_is_down_and_comes_back(issuer: Issuer) -> None:
    known = provider(issuer)
    issuer.down = True
    with pytest.raises(Unauthenticated, match="could not be fetched"):
        known.identify(issuer.token())
    issuer.down = False
    known.identify(issuer.token())
    issuer.down = True
    assert known.identify(issuer.token(sub="joe")).user == "joe", "its keys are known"


def test_a_provider_that_hangs_holds_few(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_FETCH_S", 60.0), ("_WAIT_S", 60.0), ("_SLOW_S", 0.0)):
        monkeypatch.setattr(issuer_keys, name, seconds)
    known = provider(issuer)
    known.identify(issuer.token())
    tokens = [issuer.token({"kid": f"unknown-{number}"}) for number in range(41)]
    issuer.slow, issuer.says_issuer = True, "another: what it answers in the end is of no use"
    refused = threading.Semaphore(0)

    def bogus(token: str) -> None:
        with pytest.raises(Unauthenticated, match="not the issuer's"):
            known.identify(token)
        refused.release()

    waiting = [threading.Thread(target=bogus, args=(token,)) for token in tokens[:40]]
    for one in waiting:
        one.start()
    for _ in range(40 - issuer_keys._MOST_WAITING):
        assert refused.acquire(timeout=30), "where others wait already, a token is refused at once"
    assert known.identify(issuer.token(sub="joe")).user == "joe", "its keys are known"
    assert not refused.acquire(blocking=False), "the others wait"
    issuer.slow = False
    for _ in range(issuer_keys._MOST_WAITING):
        assert refused.acquire(timeout=30)
    for one in waiting:
        one.join()
    bogus(tokens[40])
    assert known._keys._fetch is None, "it has hung lately"
    assert len(issuer.requests) == 3, "one fetch"


@pytest.mark.parametrize(("wait_s", "fetch_s"), [(0.05, 60.0), (60.0, 0.05)])
def test_a_provider_that_hangs_holds_a_token_and_a_fetch_not_for_long(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, wait_s: float, fetch_s: float
) -> None:
    known = provider(issuer)
    known.identify(issuer.token())
    monkeypatch.setattr(issuer_keys, "_WAIT_S", wait_s)
    monkeypatch.setattr(issuer_keys, "_FETCH_S", fetch_s)
    issuer.slow = True
    with pytest.raises(Unauthenticated, match="not the issuer's"):
        known.identify(issuer.token({"kid": "unknown"}))
    assert (known._keys._fetch is not None) is (fetch_s > wait_s)
    issuer.slow = False


def test_old_keys_stay_in_use_while_they_are_fetched_again(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_keys, "_REFRESH_AFTER_S", -1.0)
    known = provider(issuer)
    assert known.identify(issuer.token()).user == "jane"
    issuer.slow = True
    for number in range(20):
        assert known.identify(issuer.token(sub=f"joe-{number}")).user == f"joe-{number}"
    issuer.slow = False


def test_a_provider_that_says_it_is_another(issuer: Issuer) -> None:
    issuer.says_issuer = "http://evil"
    with pytest.raises(Unauthenticated, match="evil"):
        provider(issuer).identify(issuer.token())
    direct = provider(issuer, oidc_jwks_url=f"{issuer.url}/keys")
    assert direct.identify(issuer.token()).user == "jane"


def test_a_checked_token_is_not_good_beyond_its_time(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    known = provider(issuer)
    now = time.time()
    token = issuer.token(exp=int(now) + 30)
    known.identify(token)
    monkeypatch.setattr(time, "time", lambda: now + 31)
    assert known.recall(token) is None
    with pytest.raises(Unauthenticated, match="expired"):
        known.identify(token)


def test_certificates(tmp_path: Path, issuer: Issuer) -> None:
    with pytest.raises(Misconfigured, match="oidc_certificate"):
        provider(issuer, oidc_certificate=str(tmp_path / "missing.pem"))
    with pytest.raises(Misconfigured, match="oidc_certificate"):
        provider(issuer, oidc_certificate="-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----")


def test_tokens_over_rest_with_roles_of_user_and_group(tmp_path: Path, issuer: Issuer) -> None:
    world = World(tmp_path, rbac_root_groups=("owners",), **issuer.settings())
    try:
        assert world.ask(None, "GET", "/v1/.well-known/openid-configuration").json() == {
            "href": f"{issuer.url}/.well-known/openid-configuration",
            "clientId": "weft-tests",
            "scopes": ["openid", "email"],
        }
        token = issuer.token(groups=["staff"])
        refused = world.ask(token, "GET", "/v1/schema/Movies")
        assert refused.status_code == 403 and "user 'jane' (of group 'staff')" in refused.text
        body = {"roles": ["viewer"], "groupType": "oidc"}
        assert world.ask("root-key", "POST", "/v1/authz/groups/staff/assign", body).status_code == 200
        assert world.ask(token, "GET", "/v1/schema/Movies").status_code == 200
        info = world.ask(token, "GET", "/v1/users/own-info").json()
        assert info["groups"] == ["staff"] and [role["name"] for role in info["roles"]] == ["viewer"]
        owner = issuer.token(sub="olga", groups=["owners"])
        assert world.ask(owner, "DELETE", "/v1/schema/Movies").status_code == 200
        assert world.ask(tampered(token), "GET", "/v1/meta").status_code == 401
        assert world.ask("root-key", "GET", "/v1/meta").status_code == 200
        anonymous = world.ask(None, "GET", "/v1/meta")
        assert anonymous.status_code == 401 and "[API-keys, OIDC]" in anonymous.json()["message"]
    finally:
        world.close()
