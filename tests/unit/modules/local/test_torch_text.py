"""Other models by torch: only where the extra ``weft[torch]`` is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sentence_transformers")

import shutil
import warnings
from collections.abc import Iterator

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import CorruptData, Invalid
from weft.modules import build_registry
from weft.modules.base import UNKNOWN, ModuleInput
from weft.modules.registry import Registry
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
    vectorizer: Any = registry.vectorizer("text2vec-transformers")
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
def test_weights_in_pytorchs_own_format_are_loaded(folder: Path, registry: Registry) -> None:
    import torch
    from safetensors.torch import load_file

    pickled = folder / "pickled"
    shutil.copytree(folder / "tiny", pickled)
    torch.save(load_file(pickled / "model.safetensors"), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    vectorizer: Any = registry.vectorizer("text2vec-transformers")
    one, same = (vectorizer.embed_query(["a cat"], {"model": name}, ANYONE) for name in ("pickled", "tiny"))
    assert np.array_equal(one, same)
    assert UNKNOWN not in vectorizer.fingerprint({"model": "pickled"}).split("|")


class _Code:
    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return open, (self.file, "w")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("content", ["code", "number", "cut off"])
def test_pickles_of_anything_but_weights_are_refused(
    folder: Path, registry: Registry, tmp_path: Path, content: str
) -> None:
    import torch

    name = f"unsafe {content}"
    shutil.copytree(folder / "tiny", folder / name)
    (folder / name / "model.safetensors").unlink()
    weights = folder / name / "pytorch_model.bin"
    values = {"code": _Code(tmp_path / "ran"), "number": 7, "cut off": torch.zeros(100)}
    torch.save({"embeddings.word_embeddings.weight": values[content]}, weights)
    if content == "cut off":
        weights.write_bytes(weights.read_bytes()[:-200])
    with pytest.raises(
        CorruptData, match=r"pytorch_model\.bin of the model unsafe .* cannot be loaded: it is damaged, or"
    ):
        registry.vectorizer("text2vec-transformers").embed_query(["a"], {"model": name}, ANYONE)
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["document", "passage"])
def test_the_prompts_of_a_model_go_before_queries_and_documents(folder: Path, registry: Registry, name: str) -> None:
    import json

    prompted = folder / f"prompted-{name}"
    shutil.copytree(folder / "tiny", prompted)
    file = prompted / "config_sentence_transformers.json"
    own = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**own, "prompts": {"query": "ask: ", name: "read: "}}), encoding="utf-8")
    vectorizer: Any = registry.vectorizer("text2vec-transformers")
    settings, plain = {"model": prompted.name}, {"model": "tiny"}
    query = vectorizer.embed_query(["a cat"], settings, ANYONE)
    (document,) = vectorizer.embed_texts(["a cat"], settings, ANYONE)
    assert np.allclose(query, vectorizer.embed_query(["ask: a cat"], plain, ANYONE), atol=1e-5)
    assert np.allclose(document, vectorizer.embed_query(["read: a cat"], plain, ANYONE), atol=1e-5)
    assert not np.allclose(query, document, atol=1e-2)
    assert ", prompt read: |" in vectorizer.fingerprint(settings)
    stated = {**settings, "queryPrompt": "q ", "documentPrompt": ""}
    assert np.allclose(
        vectorizer.embed_query(["a cat"], stated, ANYONE), vectorizer.embed_query(["q a cat"], plain, ANYONE), atol=1e-5
    )
    (bare,) = vectorizer.embed_texts(["a cat"], stated, ANYONE)
    assert np.allclose(bare, vectorizer.embed_query(["a cat"], plain, ANYONE), atol=1e-5)
    assert "prompt " not in vectorizer.fingerprint(stated).removeprefix(f"text2vec-transformers|{prompted.name}")


def test_prompts_can_be_set_for_the_model_in_the_wheel(registry: Registry) -> None:
    vectorizer: Any = registry.vectorizer("text2vec-transformers")
    settings = {"queryPrompt": "query: ", "documentPrompt": "passage: "}
    (document,) = vectorizer.embed_texts(["a cat"], settings, ANYONE)
    assert np.array_equal(document, vectorizer.embed_query(["passage: a cat"], {}, ANYONE))
    query = vectorizer.embed_query(["a cat"], settings, ANYONE)
    assert np.array_equal(query, vectorizer.embed_query(["query: a cat"], {}, ANYONE))
    assert vectorizer.fingerprint(settings) != vectorizer.fingerprint({})
    with pytest.raises(Invalid, match="setting queryPrompt must be text"):
        vectorizer.check_settings({"queryPrompt": 7})


@pytest.mark.filterwarnings("ignore")
def test_long_texts_are_counted_or_cut_into_chunks(registry: Registry) -> None:
    settings = {"model": "tiny"}
    text = "The cat sleeps. " * 40 + "The sea is wide."
    registry.vectorizer("text2vec-transformers").embed_objects([ModuleInput((text,))], settings, ANYONE)
    assert [one.truncated for one in registry.models()] == [1]
    module = registry.vectorizer("text2multivec-transformers")
    chunks = module.chunks(text, settings)
    assert chunks is not None
    assert "".join(chunks).replace(" ", "") == text.replace(" ", "")
    (rows,) = module.embed_objects([ModuleInput((text,))], settings, ANYONE)
    assert isinstance(rows, np.ndarray)
    assert rows.shape == (len(chunks), 32)
    assert [one.truncated for one in registry.models()] == [1]
