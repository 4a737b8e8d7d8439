"""Addresses of engines: what is public of them, and what is refused."""

from __future__ import annotations

import pytest

from weft.domain.address import EngineAddress, has_secrets, public_address
from weft.domain.errors import Misconfigured


def test_a_name_is_no_address() -> None:
    assert EngineAddress.of(" embedded ") == EngineAddress("embedded", "", "embedded")


@pytest.mark.parametrize(
    ("given", "public"),
    [
        ("qdrant://h:6333", "qdrant://h:6333"),
        ("qdrant://h:6333?grpc=6400", "qdrant://h:6333"),
        ("qdrant://h:6333?api_key=Secret", "qdrant://h:6333"),
        ("milvus://root:Secret@h:19530/db/?token=Secret#Secret", "milvus://h:19530/db"),
        ("milvus://Secret@in03-1.api.zillizcloud.com", "milvus://in03-1.api.zillizcloud.com"),
        ("qdrant://[::1]:6333", "qdrant://[::1]:6333"),
    ],
)
def test_secrets_stay_out_of_words(given: str, public: str) -> None:
    address = EngineAddress.of(given)
    assert (address.driver, address.url, address.public) == (given.partition(":")[0], given, public)
    assert "Secret" not in repr(address)
    assert has_secrets(given) == ("Secret" in given)


@pytest.mark.parametrize(
    "given", ["qdrant://", "qdrant:///", "://h", "qdrant://Secret@h:port", "qdrant://Secret:S/@h:1"]
)
def test_what_is_no_address_is_refused_without_its_secrets(given: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        EngineAddress.of(given)
    assert "Secret" not in refused.value.message


def test_a_setting_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"catalog is an address \(postgresql://…\) that cannot be read"):
        public_address("postgresql://h:x/db", "catalog")
