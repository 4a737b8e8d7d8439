"""The training tool runs from drawing to a saved model, and measures the one in the wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from weft.modules.local.models import BUNDLED

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

TOOL = Path(__file__).parents[2] / "tools" / "train_tiny_any.py"


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(TOOL), *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_tiny_run_saves_a_model(tmp_path: Path) -> None:
    out = run(str(tmp_path / "model"), "--tiny")
    assert "saved in" in out
    assert (tmp_path / "model" / "modules.json").is_file()
    assert (tmp_path / "model" / "clip_0_Transformer" / "model.safetensors").is_file()


def test_the_model_in_the_wheel_finds_what_it_never_saw() -> None:
    out = run("--evaluate", str(BUNDLED / "tiny-any"))
    at_five = {line[:40].strip(): float(re.findall(r"\d\.\d\d", line)[1]) for line in out.splitlines()[1:]}
    assert len(at_five) == 4
    assert at_five["pictures, combinations not seen"] > 0.9, out
    assert at_five["sounds"] > 0.9, out
    assert at_five["films, combinations not seen"] > 0.85, out
