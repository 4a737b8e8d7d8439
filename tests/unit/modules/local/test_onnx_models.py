"""Models as ONNX files beside the same models run by torch: one vector or score each, whatever the architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("onnx")
pytest.importorskip("PIL")

import json
import shutil
import subprocess
import sys

import numpy as np

from tiny import files, media, text
from tiny import late_interaction as tiny
from weft.domain.caller import Caller
from weft.domain.errors import CorruptData, Invalid, Misconfigured
from weft.domain.query import MediaKind
from weft.modules import build_registry
from weft.modules.local.checkpoint import exported_checkpoint
from weft.modules.local.cross_encoder import load_cross_encoder
from weft.modules.local.late_interaction import Passage, PassageRole, load_late_interaction
from weft.modules.local.media_encoder import Sample
from weft.modules.local.media_loading import load_media
from weft.modules.local.models import ModelSource
from weft.modules.local.onnx_models.export import export_model
from weft.modules.local.onnx_models.image_text import load_onnx_image_text
from weft.modules.local.onnx_models.pair_scorer import load_onnx_cross_encoder
from weft.modules.local.onnx_models.text import load_onnx_text
from weft.modules.local.onnx_models.token_vectors import load_onnx_late_interaction
from weft.modules.local.role_text import RoleText
from weft.modules.local.torch_loading import EXACT
from weft.settings.modules import ModelSettings

pytestmark = pytest.mark.filterwarnings("ignore")
ANYONE = Caller()
TEXTS = ["hello", "the capital of france is paris!", "a red circle " * 60, "東京 photo"]
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": {"dense": True},
    "mpnet": {"pooling": "cls"},
    "distilbert": {"pooling": ("mean", "max"), "dense": True},
    "xlm-roberta": {"pooling": "weightedmean", "include_prompt": False},
    "modernbert": {"pooling": "mean_sqrt_len_tokens", "include_prompt": False},
    "qwen3": {"pooling": "lasttoken"},
}


def exported(folder: Path, precision: str = "float32") -> Any:
    """The checkpoint of an export of the model in ``folder``."""
    target = folder.parent / f"{folder.name}-{precision}"
    if not target.exists():
        export_model(ModelSource(folder.name, folder), target, precision=precision, downloads=False)
    return exported_checkpoint(ModelSource(target.name, target), downloads=False)


def run(encoder: Any, inputs: list[Any]) -> list[np.ndarray]:
    return list(encoder.encode(encoder.prepare(inputs)))


def assert_equal(found: list[np.ndarray], expected: list[np.ndarray], tolerance: float = 1e-5) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() < tolerance


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("onnx")


@pytest.fixture(scope="module")
def sentences(root: Path) -> Path:
    return text.sentences(root / "sentences", "bert", dense=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_have_the_vectors_of_the_library(family: str, tmp_path: Path) -> None:
    """With its pooling, layers, prompts and lengths; the long text is cut where the library cuts it."""
    from sentence_transformers import SentenceTransformer

    folder = text.sentences(tmp_path, family, **FAMILIES[family])
    library = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    encoder = load_onnx_text(exported(folder))
    queries, documents = (
        encode(TEXTS, normalize_embeddings=True) for encode in (library.encode_query, library.encode_document)
    )
    assert_equal(run(encoder, [RoleText(one, True) for one in TEXTS]), list(queries))
    assert_equal(run(encoder, [RoleText(one, False) for one in TEXTS]), list(documents))
    own = library.encode(TEXTS, prompt="hello ", normalize_embeddings=True)
    assert_equal(run(encoder, [RoleText(one, True, "hello ") for one in TEXTS]), list(own))


def test_fewer_bits_are_nearly_the_same(sentences: Path) -> None:
    """A random model of 32 numbers a token is the worst case: blocks of 32 weights share a scale."""
    whole = run(load_onnx_text(exported(sentences)), TEXTS)
    sizes = []
    for precision, least in (("int8", 0.999), ("4bit", 0.97)):
        checkpoint = exported(sentences, precision)
        cosines = [float(a @ b) for a, b in zip(whole, run(load_onnx_text(checkpoint), TEXTS), strict=True)]
        assert min(cosines) > least
        sizes.append(sum(file.stat().st_size for file in checkpoint.folder.rglob("*.onnx")))
    assert sizes[1] < sizes[0]


def test_a_cross_encoder_has_the_scores_of_the_library(root: Path) -> None:
    folder = tiny.cross_encoder(root / "cross")
    pairs = [("what is the capital of france?", one) for one in [*TEXTS, ""]]
    expected = run(load_cross_encoder(ModelSource("cross", folder), downloads=False, placement=EXACT), pairs)
    assert np.ptp(expected) > 0.3
    assert_equal(run(load_onnx_cross_encoder(exported(folder)), pairs), expected, 1e-4)


@pytest.mark.parametrize("layout", ["colbert", "pylate"])
def test_late_interaction_has_the_vectors_of_the_library(layout: str, root: Path) -> None:
    folder = getattr(tiny, layout)(root / layout)
    checkpoint = exported(folder)
    if layout == "pylate":  # as PyLate has it beside an ONNX file, not as it was saved again by the export
        for name in ("modules.json", "config_sentence_transformers.json"):
            shutil.copy(folder / name, checkpoint.folder / name)
        (checkpoint.folder / "sentence_bert_config.json").unlink()
        checkpoint = exported(folder)
    library = load_late_interaction(ModelSource(layout, folder), downloads=False, placement=EXACT)
    encoder = load_onnx_late_interaction(checkpoint)
    for role in PassageRole:
        passages = [Passage(role, one) for one in TEXTS]
        assert_equal(run(encoder, passages), run(library, passages))
    with pytest.raises(Invalid, match="tokenPooling of the index"):
        encoder.prepare([Passage(PassageRole.DOCUMENT, "hello", pool_factor=2)])


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_texts_and_images_have_the_vectors_of_the_library(family: str, root: Path) -> None:
    folder = getattr(media, family)(root / family)
    library = load_media(ModelSource(family, folder), downloads=False, placement=EXACT)
    encoder = load_onnx_image_text(exported(folder))
    images = [files.shape("red", "circle", side=side) for side in (96, 32, 20)]
    wide, high = files.shape("blue", "square", side=99)[:60], files.shape("blue", "square", side=99)[:, :41]
    samples = [Sample("text", one) for one in TEXTS]
    samples += [Sample(MediaKind.IMAGE, one) for one in (*images, wide, high)]
    samples.append(Sample(MediaKind.VIDEO, files.moving("red", "circle", 0.3, 0.3), 1.0))
    assert_equal(run(encoder, samples), run(library, samples))


def test_modules_serve_exports_where_there_is_no_torch(root: Path, sentences: Path) -> None:
    """In a process that cannot import torch: text, ranking by pairs and by tokens, and images."""
    models = root / "served"
    for name, folder in (
        ("sentences", sentences),
        ("cross", tiny.cross_encoder(root / "served-cross")),
        ("colbert", tiny.colbert(root / "served-colbert")),
        ("clip", media.clip(root / "served-clip")),
    ):
        shutil.copytree(exported(folder).folder, models / name)
    program = """
import sys
sys.modules["torch"] = sys.modules["sentence_transformers"] = sys.modules["transformers"] = None
from weft.domain.caller import Caller
from weft.modules import build_registry
from weft.settings.modules import ModelSettings
registry, anyone = build_registry(models=ModelSettings(path=sys.argv[1], threads=1)), Caller()
text = registry.vectorizer("text2vec-transformers")
print(text.embed_query(["hello"], {"model": "sentences"}, anyone).shape, text.fingerprint({"model": "sentences"}))
tokens = registry.vectorizer("text2colbert-transformers").embed_query(["hello"], {"model": "colbert"}, anyone)
print(tokens.shape)
print(registry.vectorizer("multi2vec-clip").embed_query(["hello"], {"model": "clip"}, anyone).shape)
for name in ("cross", "colbert"):
    ranked = registry.reranker("reranker-transformers").rank("hello", ["hello", "circle"], {"model": name}, anyone)
    print(len(ranked), ranked[0] != ranked[1])
registry.close()
"""
    done = subprocess.run([sys.executable, "-c", program, str(models)], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    first, *others = done.stdout.splitlines()
    assert first.startswith("(24,) text2vec-transformers|sentences|")
    assert others == ["(12, 16)", "(32,)", "2 True", "2 True"]


def test_where_torch_is_installed_the_original_weights_are_taken(sentences: Path, root: Path) -> None:
    both = root / "both"
    shutil.copytree(sentences, both)
    shutil.copytree(exported(sentences).folder / "onnx", both / "onnx")
    assert exported_checkpoint(ModelSource("both", both), downloads=False) is None
    (both / "model.safetensors").unlink()
    source = ModelSource("both", both)
    assert exported_checkpoint(source, downloads=False) is not None


def test_exports_in_other_bits_have_other_fingerprints(sentences: Path, root: Path) -> None:
    exports = [exported(sentences, precision).folder for precision in ("float32", "int8")]
    assert len({ModelSource("one", folder).revision for folder in exports}) == 2


def test_what_is_wrong_with_a_folder_is_said(sentences: Path, root: Path, tmp_path: Path) -> None:
    whole = exported(sentences).folder

    def refusal(folder: str, change: Any) -> str:
        shutil.copytree(whole, tmp_path / folder)
        change(tmp_path / folder)
        registry = build_registry(models=ModelSettings(path=str(tmp_path), threads=1))
        try:
            with pytest.raises((Misconfigured, CorruptData)) as caught:
                registry.vectorizer("text2vec-transformers").embed_query(["hello"], {"model": folder}, ANYONE)
        finally:
            registry.close()
        return caught.value.message

    def state(module: str) -> Any:
        def change(folder: Path) -> None:
            modules = json.loads((folder / "modules.json").read_text())
            modules[1]["type"] = module
            (folder / "modules.json").write_text(json.dumps(modules))

        return change

    def cut(folder: Path) -> None:
        graph = folder / "onnx" / "model.onnx"
        graph.write_bytes(graph.read_bytes()[:5000])

    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"
    assert "is damaged or not an ONNX graph" in refusal("cut", cut)
    assert "run git lfs pull" in refusal("lfs", lambda folder: (folder / "onnx" / "model.onnx").write_text(pointer))
    assert "has no tokenizer.json" in refusal("words", lambda folder: (folder / "tokenizer.json").unlink())
    assert "tokenizer.json of the model bad cannot be read" in refusal(
        "bad", lambda folder: (folder / "tokenizer.json").write_text("{}")
    )
    assert "a module LSTM, which runs only with torch" in refusal("lstm", state("x.LSTM"))
    layer = "2_Dense/model.safetensors"
    assert "the layer 2_Dense of the model layer" in refusal("layer", lambda folder: (folder / layer).unlink())


def test_what_cannot_be_exported_is_refused(sentences: Path, root: Path, tmp_path: Path) -> None:
    source = ModelSource("sentences", sentences)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(Invalid, match="is not empty"):
        export_model(source, tmp_path / "full", precision="float32", downloads=False)
    with pytest.raises(Invalid, match="precision must be one of float32, int8, 4bit"):
        export_model(source, tmp_path / "made", precision="2bit", downloads=False)
    page_model = ModelSource("pages", tiny.colpali(root / "pages"))
    with pytest.raises(Misconfigured, match="models of text are exported"):
        export_model(page_model, tmp_path / "made", precision="float32", downloads=False)
    assert not (tmp_path / "made").exists()
