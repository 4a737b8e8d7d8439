"""Ranking in this process: by cross-encoders and by late interaction, beside the library's own scores."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tiny import late_interaction as tiny
from weft.domain.caller import Caller
from weft.domain.errors import CorruptData, Invalid, Misconfigured
from weft.modules import build_registry
from weft.modules.base import Reranker
from weft.modules.local.torch_loading import best_placement
from weft.modules.registry import Registry
from weft.settings.modules import ModelSettings

pytestmark = pytest.mark.filterwarnings("ignore")
ANYONE = Caller()
QUERY = "what is the capital of france?"
DOCUMENTS = ["paris is the capital of france", "a red circle", "", "the photo of a square " * 60, "/etc/hosts"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rerankers")
    tiny.cross_encoder(folder / "cross")
    tiny.cross_encoder(folder / "classes", labels=3)
    tiny.colbert(folder / "colbert")
    tiny.bert(folder / "plain")
    return folder


@pytest.fixture(scope="module")
def registry(root: Path) -> Iterator[Registry]:
    found = build_registry(models=ModelSettings(path=str(root), threads=1))
    yield found
    found.close()


@pytest.fixture
def reranker(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Reranker:
    monkeypatch.delenv("RERANKER_INFERENCE_API", raising=False)
    return registry.reranker("reranker-transformers")


def test_scores_are_the_raw_logits(reranker: Reranker, root: Path) -> None:
    """In the dtype that this machine computes in; bfloat16 has 8 bits, and a batch adds up in its own order."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    placement = best_placement()
    model = AutoModelForSequenceClassification.from_pretrained(root / "cross", dtype=placement.torch_dtype).eval()
    tokenizer = AutoTokenizer.from_pretrained(root / "cross")
    expected = []
    for document in DOCUMENTS:
        tokens = tokenizer([QUERY], [document], truncation=True, max_length=128, return_tensors="pt")
        with torch.inference_mode():
            expected.append(float(model(**tokens).logits[0, 0]))
    tolerance = 1e-5 if placement.dtype == "float32" else 0.1
    assert reranker.rank(QUERY, DOCUMENTS, {"model": "cross"}, ANYONE) == pytest.approx(expected, abs=tolerance)
    assert np.ptp(expected) > 0.3


def test_a_late_interaction_model_ranks_by_maxsim(reranker: Reranker, root: Path) -> None:
    from sentence_transformers import MultiVectorEncoder

    model = MultiVectorEncoder(str(root / "colbert"), device="cpu", local_files_only=True)
    expected = model.similarity(model.encode_query([QUERY]), model.encode_document(DOCUMENTS))[0].tolist()
    assert reranker.rank(QUERY, DOCUMENTS, {"model": "colbert"}, ANYONE) == pytest.approx(expected, rel=0.02)


def test_a_model_is_shared_with_the_vectorizer(registry: Registry, reranker: Reranker) -> None:
    reranker.rank(QUERY, DOCUMENTS, {"model": "colbert"}, ANYONE)
    vectorizer = registry.vectorizer("text2colbert-transformers")
    assert vectorizer.embed_query([QUERY], {"model": "colbert"}, ANYONE).shape == (tiny.QUERY_TOKENS, tiny.DIMENSIONS)


def test_an_empty_query_and_no_documents_are_no_mistake(reranker: Reranker) -> None:
    assert reranker.rank(QUERY, [], {"model": "cross"}, ANYONE) == []
    assert len(reranker.rank("", ["a", "b"], {"model": "cross"}, ANYONE)) == 2


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("classes", "has 3 classes"),
        ("plain", r"is a model of single vectors \(BertModel\), not a cross-encoder"),
        (
            "no-one/nothing",
            "there is no model no-one/nothing.*Or name a reranking container in RERANKER_INFERENCE_API",
        ),
        ("", "there is no model cross-encoder/ms-marco-MiniLM-L6-v2"),
    ],
)
def test_models_that_cannot_rank_are_refused(reranker: Reranker, model: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        reranker.rank(QUERY, DOCUMENTS, {"model": model}, ANYONE)


def test_a_cross_encoder_without_its_head_is_refused(reranker: Reranker, root: Path) -> None:
    from safetensors.numpy import load_file, save_file

    broken = shutil.copytree(root / "cross", root / "headless")
    weights = load_file(broken / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if "classifier" not in k}, broken / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CorruptData, match=r"2 weights of the model headless .*classifier"):
        reranker.rank(QUERY, DOCUMENTS, {"model": "headless"}, ANYONE)


def test_text_that_no_tokenizer_reads_is_refused_with_its_reason(reranker: Reranker) -> None:
    with pytest.raises(Invalid, match="cannot read this input"):
        reranker.rank(QUERY, ["fine", "\ud800"], {"model": "cross"}, ANYONE)


@pytest.mark.parametrize("settings", [{"model": 7}, {"model": "../elsewhere"}, {"inferenceUrl": 7}])
def test_settings_that_cannot_be_are_refused(reranker: Reranker, settings: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        reranker.check_settings(settings)
