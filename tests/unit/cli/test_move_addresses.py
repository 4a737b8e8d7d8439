"""Addresses of places that ``weft move`` knows."""

from __future__ import annotations

import pytest

from weft.cli.move.address import PlaceKind, move_name, parse_address
from weft.domain.errors import Invalid


@pytest.mark.parametrize(
    ("text", "kind", "url", "grpc"),
    [
        ("http://a", PlaceKind.SERVER, "http://a:8080", ("a", 50051)),
        ("weft://a:1?grpc=2", PlaceKind.SERVER, "http://a:1", ("a", 2)),
        ("weaviate://[::1]:1?grpc=b:2", PlaceKind.SERVER, "http://[::1]:1", ("b", 2)),
        ("https://a", PlaceKind.SERVER, "https://a:443", ("a", 443)),
        ("weaviate://a?tls=true", PlaceKind.SERVER, "https://a:443", ("a", 443)),
        ("qdrant://a/docs", PlaceKind.QDRANT, "http://a:6333", ("", 0)),
        ("milvus://a:5/docs?tls=true&db=x", PlaceKind.MILVUS, "https://a:5", ("", 0)),
    ],
)
def test_an_address_names_a_place(text: str, kind: PlaceKind, url: str, grpc: tuple[str, int]) -> None:
    found = parse_address(text)
    assert (found.kind, found.url, found.grpc) == (kind, url, grpc)
    assert found.collection == ("docs" if "docs" in text else "")


def test_what_has_no_scheme_is_a_folder() -> None:
    assert parse_address("data/folder").kind is PlaceKind.FOLDER


def test_a_key_is_in_no_text_of_an_address() -> None:
    found = parse_address("qdrant://secret@a:1/docs", "other")
    assert (found.text, found.key) == ("qdrant://a:1/docs", "secret")
    assert "secret" not in repr(found)
    assert parse_address("milvus://root:pass%20word@a").key == "root:pass word"
    assert parse_address("http://a", "other").key == "other"
    assert move_name(found, found) == move_name(parse_address("qdrant://a:1/docs"), parse_address("qdrant://a:1/docs"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("mongodb://a", "'mongodb://a' is no place"),
        ("http://", "names no host"),
        ("http://a:x", "cannot be read"),
        ("http://a/v1", "has a path"),
        ("http://a?gprc=1", "unknown option 'gprc'"),
        ("http://a?grpc=x", "must be a port"),
        ("http://a?tls=yes", "must be true or false"),
        ("http://secret@a?tls=yes", "^tls of 'http://a"),
    ],
)
def test_an_address_that_names_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        parse_address(text)
