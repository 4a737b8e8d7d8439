"""Everything at once, by official clients, on a server that is killed and stopped again and again: the short form of
``python -m tests.soak kills``."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from soak.kills import Kills

ROUNDS = 4


def test_what_was_acknowledged_survives_kills_and_every_index_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client would wait 15 s in all for a server that is gone on purpose.
    monkeypatch.setattr("weaviate.retry.time", SimpleNamespace(sleep=lambda seconds: None))
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    run = Kills(tmp_path, seed, 1)
    try:
        for _ in range(ROUNDS):
            run.once()
            print(run)
    finally:
        run.end()
