"""Each kind of part, empty and filled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.kinds import KINDS, REMOTE, Make, discard, remote_part
from reference.part import ReferencePart
from weft.conformance.things import CONFIG, COUNT, thing
from weft.domain.schema import (
    CollectionConfig,
)
from weft.engine.changes import Done, Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.part import Part
from weft.engine.remote.store import RemoteStore


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    shards: list[Shard] = []
    stores: list[RemoteStore] = []

    def made(config: CollectionConfig) -> Part:
        if request.param == "reference":
            return ReferencePart(config)
        if request.param in REMOTE:
            stores.append(REMOTE[request.param](tmp_path / f"engine {len(stores)}")())
            return remote_part(stores[-1], config)
        shards.append(Shard(tmp_path / str(len(shards)), config, durable=False, write_queue=10_000))
        return shards[-1]

    yield made
    for shard in shards:
        shard.close()
    for store in stores:
        discard(store)


@pytest.fixture
def part(make: Make) -> Part:
    return make(CONFIG)


@pytest.fixture
def filled(part: Part) -> Part:
    """With things 0 to 39; every property and vector is absent of some."""
    assert part.write([Upsert(thing(n)) for n in range(COUNT)]) == [Done(existed=False)] * COUNT
    return part
