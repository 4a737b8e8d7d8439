"""More tenants than may be open at once: nobody notices, and nothing is lost."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, Tenancy
from weft.engine.embedded.changes import Done, Upsert
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.engine import Engine
from weft.engine.embedded.shard import Shard

CONFIG = CollectionConfig("Shared", (), {}, tenancy=Tenancy(enabled=True), document={"class": "Shared"})
MOST = 4


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    return CONFIG


def opened(folder: Path) -> Engine:
    return Engine(folder, parse, durable=False, write_queue=1000, most_open_tenants=MOST)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = opened(tmp_path)
    yield engine
    engine.close()


def collection(engine: Engine, tenants: int) -> Collection:
    made = engine.create(CONFIG)
    engine.put_tenants(made, {f"t{i}": "ACTIVE" for i in range(tenants)})
    return made


def store(shard: Shard, number: int) -> None:
    obj = Object(number.to_bytes(16), {}, {}, 1, 1)
    (outcome,) = shard.submit([Upsert(obj, shard.encode([obj])[0])])
    assert isinstance(outcome, Done)


def test_those_not_asked_for_longest_are_closed(engine: Engine) -> None:
    made = collection(engine, 20)
    for i in range(20):
        store(made.shard(f"t{i}"), i)
        assert made.open_count <= MOST
    assert {name for name, _ in made.shards()} == {f"t{i}" for i in range(16, 20)}
    for i in range(20):
        assert made.count(f"t{i}") == 1
    assert made.open_count == MOST, "counting opens nothing"
    for i in range(20):
        assert made.shard(f"t{i}").lookup([i.to_bytes(16)]) == [0]


def test_what_somebody_holds_or_set_read_only_stays_open(engine: Engine) -> None:
    made = collection(engine, 12)
    held = made.shard("t0")
    made.shard("t1").read_only = True
    for i in range(2, 12):
        made.shard(f"t{i}")
    store(held, 0)
    assert made.shard("t0") is held
    assert made.shard("t1").read_only


def test_more_than_the_limit_are_open_while_all_are_in_use(engine: Engine) -> None:
    made = collection(engine, MOST + 3)
    held = [made.shard(f"t{i}") for i in range(MOST + 3)]
    for i, shard in enumerate(held):
        store(shard, i)
    assert made.open_count == len(held)


def test_many_threads_on_many_tenants(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    engine = opened(tmp_path)
    made = collection(engine, 30)

    def write(worker: int) -> list[int]:
        chooser = random.Random(seed + worker)
        chosen = [chooser.randrange(30) for _ in range(60)]
        for n, tenant in enumerate(chosen):
            store(made.shard(f"t{tenant}"), worker * 1000 + n)
        return chosen

    with ThreadPoolExecutor(4) as pool:
        chosen = [tenant for some in pool.map(write, range(4)) for tenant in some]
    expected = [chosen.count(tenant) for tenant in range(30)]
    assert [made.count(f"t{i}") for i in range(30)] == expected
    engine.close()
    again = opened(tmp_path)
    assert [again.get("Shared").shard(f"t{i}").count for i in range(30)] == expected
    again.close()


def test_a_tenant_made_again_counts_anew(engine: Engine) -> None:
    made = collection(engine, 1)
    store(made.shard("t0"), 1)
    engine.put_tenants(made, {"t0": "INACTIVE"})
    assert made.count("t0") == 1
    engine.drop_tenants(made, ["t0"])
    assert made.count("t0") == 0
    engine.put_tenants(made, {"t0": "ACTIVE"})
    assert made.count("t0") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="open files are not counted there")
@pytest.mark.parametrize(("files", "tenants"), [(256, 8), (1024, 85), (10_000, 1082)])
def test_as_many_are_open_as_there_may_be_files(files: int, tenants: int) -> None:
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))\n"
        "from weft.engine.embedded.open_tenants import affordable; print(affordable())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == tenants
