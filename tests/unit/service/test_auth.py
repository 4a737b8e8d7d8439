"""Who is let in."""

from __future__ import annotations

import pytest

from weft.config import Settings
from weft.domain.errors import Unauthenticated
from weft.service.auth import Authenticator

KEYS = Settings(
    anonymous_access=False, apikey_enabled=True, apikey_allowed_keys=("k1", "k2"), apikey_users=("jane", "john")
)


def test_anonymous() -> None:
    caller = Authenticator(Settings()).authenticate(None, {"x-openai-api-key": "o"})
    assert caller.user is None
    assert caller.headers == {"x-openai-api-key": "o"}


def test_keys_name_their_users() -> None:
    auth = Authenticator(KEYS)
    assert auth.authenticate("Bearer k1", {}).user == "jane"
    assert auth.authenticate("bearer  k2 ", {}).user == "john"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic k1", "k1", "Bearer k3", "Bearer kä"])
def test_everyone_else_is_refused(header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        Authenticator(KEYS).authenticate(header, {})


def test_a_wrong_key_is_refused_even_where_strangers_are_welcome() -> None:
    auth = Authenticator(
        Settings(apikey_enabled=True, apikey_allowed_keys=("k1",), apikey_users=("jane",), anonymous_access=True)
    )
    assert auth.authenticate(None, {}).user is None
    with pytest.raises(Unauthenticated, match="invalid api key"):
        auth.authenticate("Bearer nope", {})
