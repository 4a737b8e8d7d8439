"""Credentials: what of a request's headers reaches modules."""

from __future__ import annotations

from weft.domain.caller import Caller, Credentials

HEADERS = {"Authorization": "Bearer secret", "X-OpenAI-Api-Key": "key", "cookie": "c"}


def test_headers_are_found_in_any_case() -> None:
    credentials = Credentials.of(HEADERS)
    assert credentials.get("x-openai-api-key") == credentials.get("X-OPENAI-API-KEY") == "key"
    assert credentials.get("X-Cohere-Api-Key") == ""


def test_other_headers_are_not_kept() -> None:
    credentials = Credentials.of(HEADERS)
    assert credentials.get("authorization") == credentials.get("cookie") == ""


def test_no_value_is_in_the_representation() -> None:
    assert "key" not in repr(Caller("jane", credentials=Credentials.of(HEADERS)))


def test_another_value_leaves_the_caller_as_it_was() -> None:
    caller = Caller("jane", credentials=Credentials.of(HEADERS))
    changed = caller.having("X-OpenAI-Api-Key", "other")
    assert (caller.credentials.get("X-OpenAI-Api-Key"), changed.credentials.get("X-OpenAI-Api-Key")) == ("key", "other")
    assert changed.user == "jane"
