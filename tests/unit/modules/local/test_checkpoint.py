"""The purpose of a checkpoint, from its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from weft.domain.errors import CorruptData, Misconfigured
from weft.modules.local.checkpoint import Checkpoint, Purpose, read_checkpoint
from weft.modules.local.models import ModelSource

BERT = {"architectures": ["BertModel"], "model_type": "bert"}


@pytest.mark.parametrize(
    ("checkpoint", "purpose"),
    [
        (Checkpoint("m", BERT), Purpose.EMBEDDING),
        (Checkpoint("m", BERT, {"model_type": "SentenceTransformer"}), Purpose.EMBEDDING),
        (Checkpoint("m", BERT, {"model_type": "MultiVectorEncoder"}), Purpose.LATE_INTERACTION),
        (Checkpoint("m", BERT, {"model_type": "ColBERT"}), Purpose.LATE_INTERACTION),
        (Checkpoint("m", BERT, {"query_prefix": "[Q] "}), Purpose.LATE_INTERACTION),
        (Checkpoint("m", BERT, {}, [{"type": "pylate.models.Dense.Dense"}]), Purpose.LATE_INTERACTION),
        (Checkpoint("m", {"architectures": ["HF_ColBERT"]}), Purpose.LATE_INTERACTION),
        (Checkpoint("m", {"architectures": ["ColQwen2ForRetrieval"]}), Purpose.LATE_INTERACTION),
        (Checkpoint("m", {"architectures": ["BertForSequenceClassification"]}), Purpose.CROSS_ENCODER),
        (Checkpoint("m", BERT, {"model_type": "CrossEncoder"}), Purpose.CROSS_ENCODER),
        (Checkpoint("m", BERT, {"model_type": "SparseEncoder"}), Purpose.SPARSE),
        (Checkpoint("m"), Purpose.EMBEDDING),
    ],
)
def test_the_purpose_is_found(checkpoint: Checkpoint, purpose: Purpose) -> None:
    assert checkpoint.purpose is purpose
    checkpoint.require(purpose)
    for other in set(Purpose) - {purpose}:
        with pytest.raises(Misconfigured, match=f"the model m is {purpose.value}.*, not {other.value}; .*serve"):
            checkpoint.require(other)


def write(folder: Path, **files: Any) -> Path:
    for name, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def read(folder: Path) -> Checkpoint:
    pytest.importorskip("sentence_transformers")
    return read_checkpoint(ModelSource("mine", folder), downloads=False)


@pytest.mark.filterwarnings("ignore")
def test_it_is_read_from_a_folder(tmp_path: Path) -> None:
    found = read(write(tmp_path, config=BERT, modules=[{"type": "a.B"}]))
    assert (found.architecture, found.model_type, found.own) == ("BertModel", "bert", {})
    assert found.modules == [{"type": "a.B"}]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", ["{", "[]", "7", "\x00"])
def test_a_configuration_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorruptData, match=r"config\.json of the model mine"):
        read(write(tmp_path, config=text))


def test_a_folder_without_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="the folder of the model mine holds no model"):
        read(tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["no-one/nothing-of-that-name", "nothing-of-that-name"])
def test_a_model_that_is_not_there_is_refused(name: str) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(Misconfigured, match=f"there is no model {name}"):
        read_checkpoint(ModelSource(name, None), downloads=False)
