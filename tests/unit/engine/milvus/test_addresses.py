"""Addresses of Milvus and of Zilliz Cloud."""

from __future__ import annotations

import pytest

from weft.domain.errors import Misconfigured
from weft.engine.milvus.address import MilvusAddress, parse_address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("milvus://localhost", MilvusAddress("http://localhost:19530")),
        ("milvus://10.0.0.1:21000", MilvusAddress("http://10.0.0.1:21000")),
        ("milvus://root:a%40b@host:19530/shop", MilvusAddress("http://host:19530", "root:a@b", "shop")),
        ("milvus://key123@host?tls=true", MilvusAddress("https://host:19530", "key123")),
        ("milvus://host:443", MilvusAddress("https://host:443")),
        ("milvus://host?consistency=bounded", MilvusAddress("http://host:19530", consistency="Bounded")),
        ("milvus://[::1]:19530?prefix=two_", MilvusAddress("http://[::1]:19530", prefix="two_")),
        (
            "milvus://abc@in03-1.serverless.gcp-us-west1.cloud.zilliz.com",
            MilvusAddress("https://in03-1.serverless.gcp-us-west1.cloud.zilliz.com:443", "abc"),
        ),
        (
            "milvus://abc@in01-12a.aws-us-west-2.vectordb.zillizcloud.com:19538",
            MilvusAddress("https://in01-12a.aws-us-west-2.vectordb.zillizcloud.com:19538", "abc"),
        ),
    ],
)
def test_what_an_address_says(address: str, expected: MilvusAddress) -> None:
    assert parse_address(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "milvus://",
        "milvus://secret@host:port",
        "milvus://secret@host?color=red",
        "milvus://secret@host?tls=perhaps",
        "milvus://secret@host/a/b",
        "milvus://secret@host?consistency=eventual",
        "milvus://secret@host?prefix=a-b",
        "qdrant://secret@host",
    ],
)
def test_an_address_that_cannot_be_is_refused_without_its_secret(address: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        parse_address(address)
    assert "secret" not in refused.value.message


def test_a_token_is_not_in_what_is_logged() -> None:
    assert "abc123" not in repr(parse_address("milvus://abc123@host"))
