"""Folders of both backends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from s3_server import BUCKET, ENVIRON, s3_server
from weft.jobs.backends.backend import Backend
from weft.jobs.backends.filesystem import FilesystemBackend
from weft.jobs.backends.s3 import S3Backend


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=["filesystem", "s3"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    if request.param == "filesystem":
        return FilesystemBackend(tmp_path / "backups")
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    address = request.getfixturevalue("s3_address")
    prefix = "".join(c for c in request.node.name if c.isalnum())
    return S3Backend(BUCKET, f"/weft/{prefix}", address, use_ssl=False)
