"""The checks of ``weft conform`` over every engine: what one refuses, it says in its abilities."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.kinds import DRIVERS
from weft.catalog.lmdb import LmdbCatalog
from weft.conformance.bench import Bench
from weft.conformance.check import Check
from weft.conformance.suite import CHECKS
from weft.domain.errors import Unsupported
from weft.engine.database import Database, Parse
from weft.files.folder_lock import FolderLock

REFUSED = {"qdrant edge": {"distances of hamming are exact"}, "qdrant server": {"distances of hamming are exact"}}
LEFT_OUT = {
    "reference": {
        "a vector of other dimensions is refused alone",  # the service refuses it first; the reference relies on that
        "random filters select what the embedded engine selects",  # its errors are of a more general kind
    }
}


Kind = tuple[str, Bench]


@pytest.fixture(scope="module", params=list(DRIVERS))
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kind]:
    folder = tmp_path_factory.mktemp("bench")
    make = DRIVERS[request.param](folder / "first")

    def opened(home: Path, parse: Parse) -> Database:
        return Database(FolderLock(home), LmdbCatalog(home, sync=False), make(), parse)

    bench = Bench(opened, folder)
    yield request.param, bench
    bench.close()


@pytest.mark.parametrize("check", [one for one in CHECKS if not one.needs_servers], ids=lambda check: check.name)
def test_conformance(kind: Kind, check: Check) -> None:
    name, bench = kind
    if check.name in LEFT_OUT.get(name, ()):
        pytest.skip("not promised by this one")
    try:
        if check.name in REFUSED.get(name, ()):
            with pytest.raises(Unsupported):
                check.prove(bench)
        else:
            check.prove(bench)
    finally:
        bench.end_check()
