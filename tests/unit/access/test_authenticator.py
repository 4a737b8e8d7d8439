"""Who is let in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from weft.access import keys
from weft.access.authenticator import Authenticator
from weft.access.state import UserRecord
from weft.access.store import AccessStore
from weft.domain.caller import Credentials
from weft.domain.errors import Unauthenticated
from weft.settings.access import AccessSettings

KEYS = AccessSettings(anonymous=False, apikey_enabled=True, apikeys=("k1", "k2"), apikey_users=("jane", "john"))


def made(tmp_path: Path, settings: AccessSettings) -> Authenticator:
    return Authenticator(settings, AccessStore(tmp_path, sync=False))


def test_anonymous(tmp_path: Path) -> None:
    caller = made(tmp_path, AccessSettings()).authenticate(None, Credentials.of({"x-openai-api-key": "o"}))
    assert caller.user is None
    assert caller.credentials.get("X-OpenAI-Api-Key") == "o"


def test_keys_name_their_users(tmp_path: Path) -> None:
    auth = made(tmp_path, KEYS)
    assert auth.authenticate("Bearer k1", Credentials()).user == "jane"
    assert auth.authenticate("bearer  k2 ", Credentials()).user == "john"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic k1", "k1", "Bearer k3", "Bearer kä"])
def test_everyone_else_is_refused(tmp_path: Path, header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        made(tmp_path, KEYS).authenticate(header, Credentials())


def test_a_wrong_key_is_refused_even_where_strangers_are_welcome(tmp_path: Path) -> None:
    auth = made(
        tmp_path,
        AccessSettings(apikey_enabled=True, apikeys=("k1",), apikey_users=("jane",), anonymous=True),
    )
    assert auth.authenticate(None, Credentials()).user is None
    with pytest.raises(Unauthenticated, match="invalid api key"):
        auth.authenticate("Bearer nope", Credentials())


def test_a_call_that_lasts_ends_with_its_key(tmp_path: Path) -> None:
    """Whatever becomes of the user: the header of the call no longer means its caller."""
    secret = keys.new_secret()
    record = UserRecord(keys.digest(secret, "key"), "key", True, 0.0)
    store = AccessStore(tmp_path, sync=False)
    settings = AccessSettings(anonymous=False, db_users_enabled=True)
    auth = Authenticator(settings, store)

    def users(**given: UserRecord) -> None:
        store.change(lambda state: (replace(state, secrets=(secret,), users=given), None))

    users(jane=record)
    caller = auth.authenticate("Bearer key", Credentials())
    auth.check_still(caller, "Bearer key")
    for changed in (
        {"jane": replace(record, key=keys.digest(secret, "other"))},
        {"jane": replace(record, key=None)},
        {"jane": replace(record, active=False)},
        {},
        {"joe": record},
    ):
        users(**changed)
        with pytest.raises(Unauthenticated):
            auth.check_still(caller, "Bearer key")
    users(jane=record)
    auth.check_still(caller, "Bearer key")


def test_a_call_without_credentials_lasts(tmp_path: Path) -> None:
    auth = made(tmp_path, AccessSettings())
    auth.check_still(auth.authenticate(None, Credentials()), None)
