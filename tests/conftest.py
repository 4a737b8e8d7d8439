"""What holds for all tests: hypothesis makes the same examples each time, however slow the machine is.

``pytest --hypothesis-profile=new`` makes others. PostgreSQL is started once, where a test asks for it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from milvus_server import installed, milvus_server

if TYPE_CHECKING:
    from postgres import Postgres

settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("new", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")

MILVUS = [
    "contract/test_milvus_part.py",
    "contract/test_milvus_store.py",
    "wire/test_milvus.py",
    "wire/test_two_servers.py",
]
collect_ignore = [] if installed else MILVUS


def pytest_report_header() -> str:
    """What cannot be tested here."""
    return "" if installed else "no Milvus server for this platform (package milvus), so nothing of it is tested"


_numbers = itertools.count()
os.environ["DISK_USE_WARNING_PERCENTAGE"] = "0"  # what programs print does not depend on how full this disk is


@pytest.fixture(scope="session")
def milvus_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``host:port`` of the real Milvus server of this run, or of the one that ``MILVUS_TEST_ADDRESS`` names."""
    if elsewhere := os.environ.get("MILVUS_TEST_ADDRESS"):
        yield elsewhere
        return
    with milvus_server(tmp_path_factory.mktemp("milvus")) as address:
        yield address


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    from postgres import Postgres

    with Postgres() as server:
        yield server


@pytest.fixture
def catalog_url(postgres: Postgres) -> str:
    """The address of a catalog that nothing is in yet."""
    return postgres.url(f"catalog_{next(_numbers)}")
