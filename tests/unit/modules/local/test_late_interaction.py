"""Late-interaction models of every form in which they are saved, beside the library's own encoding of them."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tiny import late_interaction as tiny
from weft.domain.errors import CorruptData, Invalid, Misconfigured
from weft.modules.local.late_interaction import (
    LateInteractionEncoder,
    Passage,
    PassageRole,
    load_late_interaction,
    maxsim,
)
from weft.modules.local.models import ModelSource
from weft.modules.local.torch_loading import EXACT, Placement

pytestmark = pytest.mark.filterwarnings("ignore")

MODELS: dict[str, Callable[[Path], Path]] = {
    "colbert": tiny.colbert,
    "pylate": tiny.pylate,
    "stanford": tiny.stanford,
    "colpali": tiny.colpali,
    "colqwen2": tiny.colqwen2,
}
PAGE_MODELS = ("colpali", "colqwen2")
TEXTS = [
    "what is the capital of france?",
    "",
    "paris, the capital.",
    "a red circle " * 20,
    "日本 \x00 [MASK]",
    "/etc/hosts",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("late")


@pytest.fixture(scope="module")
def folders(root: Path) -> dict[str, Path]:
    return {name: make(root / name) for name, make in MODELS.items()}


@pytest.fixture(scope="module")
def encoders(folders: dict[str, Path]) -> dict[str, LateInteractionEncoder]:
    return {name: load(folder) for name, folder in folders.items()}


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def load(folder: Path) -> LateInteractionEncoder:
    return load_late_interaction(ModelSource(folder.name, folder), downloads=False, placement=EXACT)


def bare(folder: Path) -> Any:
    import torch
    from sentence_transformers import MultiVectorEncoder

    return MultiVectorEncoder(str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float32})


def encode(encoder: LateInteractionEncoder, passages: list[Passage]) -> list[np.ndarray]:
    return encoder.encode(encoder.prepare(passages))


def image(seed: int, height: int = 70, width: int = 100) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_texts_are_embedded_as_the_library_does(
    encoders: dict[str, LateInteractionEncoder], folders: dict[str, Path], name: str
) -> None:
    passages = [Passage(role, text) for text in TEXTS for role in PassageRole]
    found = encode(encoders[name], passages)
    library = bare(folders[name])
    for passage, vectors in zip(passages, found, strict=True):
        ask = library.encode_query if passage.role is PassageRole.QUERY else library.encode_document
        expected = ask([{"text": passage.content}], convert_to_numpy=True)[0]
        assert vectors.dtype == np.float32
        assert vectors.shape == expected.shape
        assert vectors == pytest.approx(expected, abs=1e-5)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-5)


def test_queries_and_documents_differ_as_the_model_says(encoders: dict[str, LateInteractionEncoder]) -> None:
    for name in ("colbert", "pylate", "stanford"):
        query, document = encode(encoders[name], [Passage(role, "red, green!") for role in PassageRole])
        assert len(query) == tiny.QUERY_TOKENS, "filled up with [MASK]"
        assert len(document) < 10, "no punctuation"
    long = Passage(PassageRole.DOCUMENT, "red " * 500)
    assert len(encode(encoders["colbert"], [long])[0]) == tiny.DOCUMENT_TOKENS


@pytest.mark.parametrize("name", PAGE_MODELS)
def test_pages_are_embedded_as_the_library_does(
    encoders: dict[str, LateInteractionEncoder], folders: dict[str, Path], name: str
) -> None:
    from PIL import Image

    pages = [image(0), image(1, 200, 60), image(2, 30, 30)]
    found = encode(encoders[name], [Passage(PassageRole.DOCUMENT, page) for page in pages])
    library = bare(folders[name])
    for page, vectors in zip(pages, found, strict=True):
        expected = library.encode_document([{"image": Image.fromarray(page)}], convert_to_numpy=True)[0]
        assert vectors.shape == expected.shape
        assert vectors == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", PAGE_MODELS)
def test_a_run_may_mix_roles_kinds_and_factors(encoders: dict[str, LateInteractionEncoder], name: str) -> None:
    passages = [
        Passage(PassageRole.DOCUMENT, image(0)),
        Passage(PassageRole.QUERY, "a red circle"),
        Passage(PassageRole.DOCUMENT, image(1), 2),
        Passage(PassageRole.DOCUMENT, "a blue square"),
        Passage(PassageRole.DOCUMENT, image(2)),
    ]
    together = encode(encoders[name], passages)
    alone = [encode(encoders[name], [passage])[0] for passage in passages]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_pooling_keeps_one_in_so_many_vectors(encoders: dict[str, LateInteractionEncoder]) -> None:
    text, page = "what is the capital of france and paris a photo of blue", image(3)
    whole, half, third = (encode(encoders["colbert"], [Passage(PassageRole.DOCUMENT, text, n)])[0] for n in (1, 2, 3))
    assert [len(half), len(third)] == [1 + (len(whole) - 1) // n for n in (2, 3)]
    assert half[0] == pytest.approx(whole[0], abs=1e-6), "[CLS] stays by itself"
    assert np.linalg.norm(half, axis=1) == pytest.approx(np.ones(len(half)), abs=1e-5)
    for factor in (2, 4):
        whole, pooled = (encode(encoders["colpali"], [Passage(PassageRole.DOCUMENT, page, n)])[0] for n in (1, factor))
        assert len(pooled) == len(whole) // factor
    queries = [encode(encoders["colbert"], [Passage(PassageRole.QUERY, text, n)])[0] for n in (1, 3)]
    assert np.array_equal(queries[0], queries[1]), "queries are never pooled"


def test_an_image_for_a_text_model_is_refused(encoders: dict[str, LateInteractionEncoder]) -> None:
    with pytest.raises(Invalid, match="colbert reads text, not images"):
        encoders["colbert"].prepare([Passage(PassageRole.DOCUMENT, image(0))])


def test_a_model_that_leaves_out_every_token_is_reported(folders: dict[str, Path], root: Path) -> None:
    silent = shutil.copytree(folders["colbert"], root / "silent")
    settings = silent / "2_MultiVectorMask" / "config.json"
    settings.write_text(json.dumps({"skiplist_words": ["[CLS]", "[D] ", "[SEP]", "red"]}))
    encoder = load(silent)
    assert len(encode(encoder, [Passage(PassageRole.DOCUMENT, "red circle")])[0]) == 1
    with pytest.raises(Invalid, match="leaves out every token of this document"):
        encode(encoder, [Passage(PassageRole.DOCUMENT, "red")])


@pytest.mark.parametrize("kind", ["plain", "bare", "cross"])
def test_checkpoints_of_another_purpose_are_refused(root: Path, kind: str) -> None:
    """The library would put a random projection behind the first two."""
    folder = root / kind
    if kind == "plain":
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        tiny.bert(root / "inside")
        SentenceTransformer(modules=[Transformer(str(root / "inside")), Pooling(32)], device="cpu").save(str(folder))
    elif kind == "bare":
        tiny.bert(folder)
    else:
        tiny.cross_encoder(folder)
    with pytest.raises(Misconfigured, match=f"the model {kind} is a .*, not a late-interaction model"):
        load(folder)


@pytest.mark.parametrize(
    ("model", "file", "weight"),
    [
        ("colbert", "model.safetensors", "encoder.layer.1.output.dense.weight"),
        ("colbert", "1_Dense/model.safetensors", "linear.weight"),
        ("stanford", "model.safetensors", "linear.weight"),
        ("colpali", "model.safetensors", "embedding_proj_layer.weight"),
        ("colqwen2", "model.safetensors", "embedding_proj_layer.weight"),
    ],
)
def test_checkpoints_that_lack_weights_are_refused(
    folders: dict[str, Path], tmp_path: Path, model: str, file: str, weight: str
) -> None:
    from safetensors.numpy import load_file, save_file

    broken = shutil.copytree(folders[model], tmp_path / "broken")
    weights = load_file(broken / file)
    kept = {key: value for key, value in weights.items() if not key.endswith(weight)}
    assert len(kept) < len(weights)
    save_file(kept, broken / file, metadata={"format": "pt"})
    with pytest.raises(CorruptData, match=r"(?s)broken.*weight"):
        load(broken)


def test_what_one_model_lacks_is_not_reported_of_another(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    broken = shutil.copytree(folders["colpali"], tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    del weights["embedding_proj_layer.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})

    def attempt(folder: Path) -> str:
        try:
            return load(folder).name
        except CorruptData:
            return "refused"

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(attempt, [folders["colpali"], broken] * 4))
    assert outcomes == ["colpali", "refused"] * 4


def test_code_of_a_checkpoint_is_not_run(folders: dict[str, Path], tmp_path: Path) -> None:
    foreign = shutil.copytree(folders["stanford"], tmp_path / "foreign")
    config = json.loads((foreign / "config.json").read_text())
    config |= {"auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}, "model_type": "foreign"}
    (foreign / "config.json").write_text(json.dumps(config))
    (foreign / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(Misconfigured, match="foreign cannot be loaded"):
        load(foreign)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["colbert", "colpali", "colqwen2"])
def test_in_bfloat16_vectors_are_nearly_the_same(
    encoders: dict[str, LateInteractionEncoder], folders: dict[str, Path], name: str
) -> None:
    source = ModelSource(name, folders[name])
    rough = load_late_interaction(source, downloads=False, placement=Placement("cpu", "bfloat16"))
    passages = [Passage(role, "what is the capital of france") for role in PassageRole]
    if name != "colbert":
        passages += [Passage(PassageRole.DOCUMENT, image(0)), Passage(PassageRole.DOCUMENT, image(1), 2)]
    for one, other in zip(encode(encoders[name], passages), encode(rough, passages), strict=True):
        assert other.dtype == np.float32
        assert np.linalg.norm(other, axis=1) == pytest.approx(np.ones(len(other)), abs=1e-5)
        if len(one) == len(other):
            assert float((one * other).sum(axis=1).mean()) > 0.98


def test_maxsim_is_the_sum_of_greatest_products() -> None:
    query = np.array([[1, 0], [0, 1]], np.float32)
    document = np.array([[0.5, 0.1], [0.25, 0.75]], np.float32)
    assert maxsim(query, document) == pytest.approx(1.25)
