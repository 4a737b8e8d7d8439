"""Signatures of requests to AWS, against those that AWS publishes: its test suite, and the example of its guide."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from weft.modules.providers.aws_signing import AwsCredentials, AwsSigner, signed_headers

AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CREDENTIALS = AwsCredentials("AKIDEXAMPLE", SECRET)
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"
    "Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAk"
    "iY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
HOST = "https://example.amazonaws.com"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("method", "url", "headers", "content", "signature"),
    [
        ("GET", f"{HOST}/", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", f"{HOST}/", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "POST",
            f"{HOST}/",
            FORM,
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "GET",
            f"{HOST}/?Param2=value2&Param1=value1",
            {},
            b"",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("GET", f"{HOST}/ሴ", {}, b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    ],
)
def test_the_signatures_are_those_of_the_published_suite(
    method: str, url: str, headers: dict[str, str], content: bytes, signature: str
) -> None:
    found = signed_headers(method, url, content, headers, CREDENTIALS, "us-east-1", "service", at=AT)
    assert found["Authorization"].endswith(f"Signature={signature}")
    assert found["X-Amz-Date"] == "20150830T123600Z"


def test_the_example_of_the_guide() -> None:
    url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    found = signed_headers("GET", url, b"", headers, CREDENTIALS, "us-east-1", "iam", at=AT)
    assert found["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_the_token_of_temporary_credentials_is_sent_and_signed() -> None:
    temporary = AwsCredentials("AKIDEXAMPLE", SECRET, TOKEN)
    found = signed_headers("POST", f"{HOST}/", b"", {}, temporary, "us-east-1", "service", at=AT)
    assert found["X-Amz-Security-Token"] == TOKEN
    assert found["Authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    )


def test_an_encoded_path_is_encoded_once_more() -> None:
    """The colon of a model's name is sent as %3A, which is signed as %253A."""
    sent = signed_headers("POST", f"{HOST}/model/a%3A0/invoke", b"", {}, CREDENTIALS, "us-east-1", "bedrock", at=AT)
    other = signed_headers("POST", f"{HOST}/model/a:0/invoke", b"", {}, CREDENTIALS, "us-east-1", "bedrock", at=AT)
    assert sent["Authorization"] != other["Authorization"]
    assert sent["Authorization"].endswith("Signature=57fbe2cbf4cbebfc7af622d9cf33ab09ad2dc5dd72e3aae24dd4ac4091fd3045")


def signed_for(host: str) -> dict[str, str]:
    return signed_headers("POST", f"{host}/", b"", {}, CREDENTIALS, "us-east-1", "service", at=AT)


@pytest.mark.parametrize(
    "given", ["https://Example.AmazonAWS.com", f"{HOST}:443", "https://me:secret@example.amazonaws.com"]
)
def test_the_host_is_signed_as_it_is_sent(given: str) -> None:
    one, other = (
        signed_headers("POST", f"{host}/", b"", {}, CREDENTIALS, "us-east-1", "service", at=AT)
        for host in (given, HOST)
    )
    assert one == other


def test_another_port_is_signed() -> None:
    assert signed_for(f"{HOST}:8443") != signed_for(HOST)


def test_no_secret_is_visible() -> None:
    signer = AwsSigner(AwsCredentials("AKIDEXAMPLE", SECRET, "the token"), "us-east-1", "bedrock")
    assert SECRET not in repr(signer) and "the token" not in repr(signer)
    assert SECRET not in str(signer(f"{HOST}/", b"", FORM))
