"""The training tool runs from drawing to a saved model, which it measures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")
pytest.importorskip("av")

TOOL = Path(__file__).parents[2] / "tools" / "train_tiny_any.py"


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        timeout=300,
    )


def run(*arguments: str) -> str:
    done = start(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_seed_makes_the_same_model(tmp_path: Path) -> None:
    for name in ("one", "other"):
        out = run(str(tmp_path / name), "--tiny")
        assert "saved in" in out
        assert "text > all kinds together" in out
    one, other = (contents(folder) for folder in tmp_path.iterdir())
    assert {Path("clip_0_Transformer/model.safetensors"), Path("modules.json")} <= one.keys()
    assert one == other


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_missing_is_reported(tmp_path: Path) -> None:
    done = start(str(tmp_path / "model"), "--font", str(tmp_path / "no.ttf"))
    assert done.returncode == 2
    assert "no.ttf" in done.stderr
    assert not (tmp_path / "model").exists()
