"""Who is let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.access.authenticator import Authenticator
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
