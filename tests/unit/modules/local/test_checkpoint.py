"""The purpose of a checkpoint, from its configuration."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from weft.domain.errors import CorruptData, Misconfigured
from weft.modules.local.checkpoint import Checkpoint, Purpose, read_checkpoint, refusal_of_hub

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
    return read_checkpoint(str(folder), "mine", local_files_only=True)


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


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        (
            "GatedRepoError",
            403,
            r"model a/b is gated: .* at https://huggingface\.co/a/b, and .* HF_TOKEN",
        ),
        ("RepositoryNotFoundError", 401, "there is no model a/b on the hub, or it is private"),
        ("RemoteEntryNotFoundError", 404, "a/b on the hub is not a model"),
        ("HfHubHTTPError", 502, "the hub cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_said_in_words(kind: str, status: int, said: str) -> None:
    errors: Any = pytest.importorskip("huggingface_hub.errors")
    http = importlib.import_module(errors.Response.__module__.partition(".")[0])
    response = errors.Response(status, request=http.Request("GET", "https://huggingface.co/a/b"))
    error = getattr(errors, kind)("refused", response=response)
    assert re.search(said, refusal_of_hub("a/b", error))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", ["no-one/nothing-of-that-name", "no such folder", "/nowhere"])
def test_a_model_that_is_not_there_is_refused(place: str) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(Misconfigured, match="there is no model mine"):
        read_checkpoint(place, "mine", local_files_only=True)
