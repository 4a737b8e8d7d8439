"""Page models as a module: images and texts in, multi-vectors out, errors of single objects."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tiny import late_interaction as tiny
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.query import MediaKind
from weft.modules import build_registry
from weft.modules.base import Media, ModuleInput, Vectorizer
from weft.modules.local import multi2multivec_transformers as module_file
from weft.modules.local.late_interaction import maxsim
from weft.modules.registry import Registry
from weft.settings.modules import ModelSettings

pytestmark = pytest.mark.filterwarnings("ignore")
ANYONE = Caller()
PAGES = {"imageFields": ["page"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny.colqwen2(folder / "colqwen2")
    tiny.colpali(folder / "colpali")
    tiny.colbert(folder / "colbert")
    return folder


@pytest.fixture(scope="module")
def registry(root: Path) -> Iterator[Registry]:
    found = build_registry(models=ModelSettings(path=str(root), threads=2))
    yield found
    found.close()


@pytest.fixture
def module(registry: Registry) -> Vectorizer:
    return registry.vectorizer("multi2multivec-transformers")


def page(seed: int, height: int = 90, width: int = 60) -> str:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def images(*data: str) -> list[ModuleInput]:
    return [ModuleInput(media=(Media(MediaKind.IMAGE, one),)) for one in data]


@pytest.mark.parametrize("model", ["colqwen2", "colpali"])
def test_a_page_finds_itself(registry: Registry, module: Vectorizer, model: str) -> None:
    assert registry.is_multi_vector("multi2multivec-transformers")
    settings = {**PAGES, "model": model}
    pages = [page(seed, 60 + 40 * seed, 80) for seed in range(3)]
    found = [one for one in module.embed_objects(images(*pages), settings, ANYONE) if not isinstance(one, WeftError)]
    assert len(found) == 3
    for i, one in enumerate(pages):
        asked = module.embed_media(MediaKind.IMAGE, one, settings, ANYONE)
        assert asked == pytest.approx(found[i], abs=0.05)
        assert int(np.argmax([maxsim(asked, other) / len(asked) for other in found])) == i
    asked = module.embed_query(["a red circle"], settings, ANYONE)
    assert asked.shape[1] == tiny.DIMENSIONS


def test_errors_stay_with_their_objects(module: Vectorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts of any size: here of an image each, so that what one part holds does not appear in another."""
    given = images(page(0), "no base64!", page(1), base64.b64encode(b"%PDF-1.4").decode(), page(2))
    settings = {**PAGES, "model": "colqwen2"}
    whole = module.embed_objects(given, settings, ANYONE)
    monkeypatch.setattr(module_file, "_DECODED_BYTES", 1)
    parts = module.embed_objects(given, settings, ANYONE)
    for found in (whole, parts):
        assert [isinstance(one, Invalid) for one in found] == [False, True, False, True, False]
    for one, other in zip(whole[::2], parts[::2], strict=True):
        assert not isinstance(one, WeftError) and not isinstance(other, WeftError)
        assert one == pytest.approx(other, abs=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2)])
def test_pages_of_odd_shapes_are_embedded_or_refused_each_by_itself(module: Vectorizer, shape: tuple[int, int]) -> None:
    for model in ("colqwen2", "colpali"):
        given = images(page(0), page(1, *shape))
        usual, odd = module.embed_objects(given, {**PAGES, "model": model}, ANYONE)
        assert not isinstance(usual, WeftError)
        assert "failed on this input" in odd.message if isinstance(odd, WeftError) else np.isfinite(odd).all()


def test_pages_are_pooled(module: Vectorizer) -> None:
    sizes = []
    for factor in (1, 2):
        settings = {**PAGES, "model": "colpali", "poolFactor": factor}
        (found,) = module.embed_objects(images(page(0)), settings, ANYONE)
        assert not isinstance(found, WeftError)
        sizes.append(len(found))
    assert sizes[1] == sizes[0] // 2


def test_texts_are_embedded_too(module: Vectorizer) -> None:
    settings = {"textFields": ["text"], "model": "colqwen2"}
    (found,) = module.embed_objects([ModuleInput(("a red", "circle"))], settings, ANYONE)
    assert not isinstance(found, WeftError) and found.shape[1] == tiny.DIMENSIONS


def test_a_text_model_reads_no_pages(module: Vectorizer) -> None:
    (found,) = module.embed_objects(images(page(0)), {**PAGES, "model": "colbert"}, ANYONE)
    assert isinstance(found, Invalid)
    assert "colbert reads text, not images" in found.message


def test_marks_of_images_in_a_text_are_reported(module: Vectorizer) -> None:
    """They stand for an image that is not there."""
    with pytest.raises(WeftError, match="no images were passed"):
        module.embed_query(["<|image_pad|>"], {**PAGES, "model": "colqwen2"}, ANYONE)


def test_audio_and_videos_are_refused(module: Vectorizer) -> None:
    with pytest.raises(Invalid, match="does not embed audio; it embeds image, text"):
        module.embed_media(MediaKind.AUDIO, "aGk=", PAGES, ANYONE)


def test_the_fingerprint_names_the_space(module: Vectorizer) -> None:
    spaces = [module.fingerprint({**PAGES, **more}) for more in ({}, {"model": "colpali"}, {"poolFactor": 2})]
    assert len(set(spaces)) == 3
    assert module.fingerprint(PAGES) == module.fingerprint(module.defaults(PAGES))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "textFields or imageFields setting needs to be present"),
        ({"imageFields": []}, "at least one image field"),
        ({"imageFields": ["a", "b"]}, "exactly one property"),
        ({"imageFields": ["a"], "textFields": ["b"]}, "exactly one property"),
        ({**PAGES, "weights": {"imageFields": [1]}}, "weights have no meaning"),
        ({**PAGES, "poolFactor": 99}, "at most 16"),
        ({**PAGES, "model": "../x"}, "is not a model's name"),
    ],
)
def test_settings_that_cannot_be_are_refused(module: Vectorizer, settings: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        module.check_settings(settings)
