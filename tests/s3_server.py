"""A real S3-compatible server for tests: moto's, as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import pytest

ENVIRON: Mapping[str, str] = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "secret"}
BUCKET = "backups"
_CREDENTIAL = "tester/20260101/us-east-1/s3/aws4_request"
SIGNED = {"Authorization": f"AWS4-HMAC-SHA256 Credential={_CREDENTIAL}, SignedHeaders=host, Signature=0"}
"""The headers of a request that it takes for a signed one."""


@contextmanager
def s3_server() -> Iterator[str]:
    """Its ``host:port``; it has one bucket, ``BUCKET``."""
    for package in ("obstore", "moto", "flask_cors"):
        pytest.importorskip(package)
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **ENVIRON}
    ) as p:
        try:
            assert p.stdout is not None
            for line in p.stdout:
                if found := re.search(rb"http://(127\.0\.0\.1:\d+)", line):
                    break
            else:
                raise AssertionError("the S3 server did not start")
            threading.Thread(target=p.stdout.read, daemon=True).start()  # it logs each request
            address = found[1].decode()
            httpx.put(f"http://{address}/{BUCKET}", headers=SIGNED).raise_for_status()
            yield address
        finally:
            p.kill()
