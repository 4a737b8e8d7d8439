"""Damaged, missing and foreign files of indexes in a closed shard: it opens and answers as if nothing had happened."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from oracle.test_collection import (
    Check,
    Model,
    change,
    config_of,
    low_thresholds,
    opened,
)
from weft.domain.schema import CollectionConfig

__all__ = ["low_thresholds"]

Damage = Callable[[Path, np.random.Generator], None]


def removed(path: Path, rng: np.random.Generator) -> None:
    path.unlink()


def emptied(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(b"")


def cut(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(path.read_bytes()[: int(rng.integers(path.stat().st_size))])


def flipped(path: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def foreign(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(rng.bytes(path.stat().st_size))


def lengthened(path: Path, rng: np.random.Generator) -> None:
    with path.open("ab") as file:
        file.write(rng.bytes(1000))


def filled(folder: Path, config: CollectionConfig) -> Model:
    """A closed shard in ``folder`` whose indexes all have snapshots."""
    rng = np.random.default_rng(7)
    model: Model = {}
    shard = opened(folder, config)
    for _ in range(12):
        change(shard, model, rng)
        while shard.maintain():
            pass
    shard.checkpoint()
    shard.close()
    return model


@pytest.mark.parametrize("damage", [removed, emptied, cut, flipped, foreign, lengthened])
def test_every_file_of_the_indexes(damage: Damage, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    config = config_of()
    whole = tmp_path / "whole"
    model = filled(whole, config)
    rng = np.random.default_rng(11)
    files = [p.relative_to(whole) for p in sorted((whole / "index").rglob("*")) if p.is_file()]
    assert len(files) >= 6, files
    check = Check()
    for file in files:
        folder = tmp_path / "damaged"
        shutil.copytree(whole, folder)
        damage(folder / file, rng)
        shard = opened(folder, config)
        check.all(shard, model, rng)
        while shard.maintain():
            pass
        shard.close()
        shard = opened(folder, config)
        check.all(shard, model, rng)
        shard.close()
        shutil.rmtree(folder)
    assert check.found >= 0.97 * check.wanted


def test_without_any_index(tmp_path: Path) -> None:
    model = filled(tmp_path, config_of())
    shutil.rmtree(tmp_path / "index")
    shard = opened(tmp_path, config_of())
    Check().all(shard, model, np.random.default_rng(1))
    shard.close()


def test_foreign_files_do_no_harm(tmp_path: Path) -> None:
    model = filled(tmp_path, config_of())
    for folder in [tmp_path, *(p for p in tmp_path.rglob("*") if p.is_dir())]:
        (folder / "notes.txt").write_text("mine")
        (folder / ".hidden").mkdir()
    foreign_files = [*tmp_path.rglob("notes.txt"), *tmp_path.rglob(".hidden")]
    shard = opened(tmp_path, config_of())
    Check().all(shard, model, np.random.default_rng(1))
    shard.close()
    assert all(path.exists() for path in foreign_files)
