"""Other models by torch: only where the extra ``weft[torch]`` is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sentence_transformers")

import shutil
import warnings
from collections.abc import Iterator

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import CorruptData, Misconfigured
from weft.modules import build_registry
from weft.modules.base import Registry
from weft.settings.modules import ModelSettings

ANYONE = Caller()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small BERT of random weights, as sentence-transformers saves one."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from weft.modules.local.models import BUNDLED, MINILM

    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    BertModel(config).save_pretrained(root / "bare")
    tokenizer = Tokenizer.from_file(str(BUNDLED / MINILM / "tokenizer.json"))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", model_max_length=64
    ).save_pretrained(root / "bare")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformer = Transformer(str(root / "bare"))
        SentenceTransformer(modules=[transformer, Pooling(32)], device="cpu").save(str(root / "tiny"))
    return root


@pytest.fixture
def registry(folder: Path) -> Iterator[Registry]:
    found = build_registry(models=ModelSettings(path=str(folder), threads=2))
    yield found
    found.close()


@pytest.mark.filterwarnings("ignore")
def test_a_folder_is_served(registry: Registry) -> None:
    vectorizer = registry.vectorizer("text2vec-transformers")
    settings = {"model": "tiny"}
    one, same, other = (vectorizer.embed_query([text], settings, ANYONE) for text in ("a cat", "a cat ", "the sea"))
    assert one.shape == (32,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert float(one @ same) == pytest.approx(1, abs=1e-5)
    assert float(one @ other) < 0.9999
    assert vectorizer.fingerprint(settings) != vectorizer.fingerprint({})


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_that_lacks_weights_is_refused(folder: Path, registry: Registry) -> None:
    from safetensors.numpy import load_file, save_file

    broken = folder / "broken"
    shutil.copytree(folder / "tiny", broken)
    weights = load_file(broken / "model.safetensors")
    weights = {k: v for k, v in weights.items() if not k.endswith("layer.1.output.dense.weight")}
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CorruptData, match=r"1 weights of the model broken .*layer\.1\.output\.dense\.weight"):
        registry.vectorizer("text2vec-transformers").embed_query(["a"], {"model": "broken"}, ANYONE)


@pytest.mark.filterwarnings("ignore")
def test_pickled_weights_are_refused(folder: Path, registry: Registry) -> None:
    pickled = folder / "pickled"
    shutil.copytree(folder / "tiny", pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(Misconfigured, match="could run code"):
        registry.vectorizer("text2vec-transformers").embed_query(["a"], {"model": "pickled"}, ANYONE)
