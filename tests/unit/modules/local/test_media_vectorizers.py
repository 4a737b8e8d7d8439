"""The modules of images, audio and video: what finds what with tiny-any, weights, errors of single objects."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")
pytest.importorskip("av")

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tiny import article, files, late_interaction, media
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Misconfigured, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules import build_registry
from weft.modules.base import Media, ModuleInput, Vectorizer
from weft.modules.local import media_models
from weft.modules.local.perceiver import PerceiverEncoder, PerceiverInput
from weft.modules.registry import Registry
from weft.settings.modules import ModelSettings

pytestmark = pytest.mark.filterwarnings("ignore")
ANYONE = Caller()
FIELDS = {f"{kind}Fields": [kind] for kind in ("text", "image", "audio", "video")}
ANY = {**FIELDS, "model": "tiny-any"}

IMAGES = {f"a {c} {f}": files.png(files.shape(c, f)) for c in files.COLOURS for f in ("circle", "square", "triangle")}
CLIPS = {
    "a low steady pure tone": files.wav(files.tone(200)),
    "a high steady pure tone": files.wav(files.tone(1900)),
    "a high beeping pure tone": files.wav(files.tone(1900, beeping=True)),
    "white noise": files.wav(files.noise()),
}
VIDEOS = {
    "a red circle moving left": files.mp4(files.moving("red", "circle", -0.6, 0)),
    "a blue square moving up": files.mp4(files.moving("blue", "square", 0, -0.6)),
    "a green triangle standing still": files.mp4(files.moving("green", "triangle", 0, 0)),
}
BY_KIND = [
    ("image", IMAGES),
    ("audio", CLIPS),
    ("video", VIDEOS),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    media.resnet(folder / "resnet")
    media.clip(folder / "clip")
    media.clap(folder / "clap")
    late_interaction.colbert(folder / "colbert")
    article.perceiver(folder / "perceiver")
    return folder


@pytest.fixture(scope="module")
def registry(root: Path) -> Iterator[Registry]:
    found = build_registry(models=ModelSettings(path=str(root), threads=2))
    yield found
    found.close()


@pytest.fixture
def bind(registry: Registry) -> Vectorizer:
    return registry.vectorizer("multi2vec-bind")


def of(kind: str, data: bytes) -> ModuleInput:
    return ModuleInput(media=(Media(MediaKind(kind), files.base64_of(data)),))


def embedded(module: Vectorizer, inputs: list[ModuleInput], settings: dict[str, Any]) -> list[Vector]:
    found = module.embed_objects(inputs, settings, ANYONE)
    errors = [one for one in found if isinstance(one, WeftError)]
    assert not errors, errors
    return [one for one in found if not isinstance(one, WeftError)]


@pytest.mark.parametrize(("kind", "things"), BY_KIND)
def test_words_find_what_they_say(bind: Vectorizer, kind: str, things: dict[str, bytes]) -> None:
    found = np.stack(embedded(bind, [of(kind, data) for data in things.values()], ANY))
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    ranks = [
        int(np.argsort(-(found @ bind.embed_query([text], ANY, ANYONE))).tolist().index(i))
        for i, text in enumerate(things)
    ]
    assert np.mean(np.array(ranks) < 2) >= 0.8, dict(zip(things, ranks, strict=True))


@pytest.mark.parametrize(("kind", "things"), BY_KIND)
def test_media_find_themselves(bind: Vectorizer, kind: str, things: dict[str, bytes]) -> None:
    found = np.stack(embedded(bind, [of(kind, data) for data in things.values()], ANY))
    for i, data in enumerate(things.values()):
        asked = bind.embed_media(MediaKind(kind), files.base64_of(data), ANY, ANYONE)
        assert int(np.argmax(found @ asked)) == i
        assert asked == pytest.approx(found[i], abs=0.02)


def test_parts_of_an_object_are_weighed(bind: Vectorizer) -> None:
    both = ModuleInput(("a blue square",), (Media(MediaKind.IMAGE, files.base64_of(IMAGES["a red circle"])),))
    (text,) = embedded(bind, [ModuleInput(("a blue square",))], ANY)
    (image,) = embedded(bind, [of("image", IMAGES["a red circle"])], ANY)
    (plain,) = embedded(bind, [both], ANY)
    assert plain == pytest.approx((text + image) / 2, abs=0.02)
    (weighed,) = embedded(bind, [ModuleInput(both.texts, both.media, (0.25, 0.75))], ANY)
    assert weighed == pytest.approx((text * 0.25 + image * 0.75) / 2, abs=0.02)


def test_errors_stay_with_their_objects(bind: Vectorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts of any size: here of one medium each, so that what one part holds does not appear in another."""
    image, audio = IMAGES["a red circle"], CLIPS["white noise"]
    given = [
        of("image", image),
        of("image", b"%PDF-1.4"),
        ModuleInput(("fine",), (Media(MediaKind.IMAGE, "no base64!"), Media(MediaKind.AUDIO, "x"))),
        of("audio", audio),
        of("audio", b"RIFF and then nothing"),
        of("video", image[:40]),
        ModuleInput(("a red circle",)),
    ]
    whole = bind.embed_objects(given, ANY, ANYONE)
    monkeypatch.setattr(media_models, "_DECODED_BYTES", 1)
    parts = bind.embed_objects(given, ANY, ANYONE)
    for found in (whole, parts):
        assert [isinstance(one, Invalid) for one in found] == [False, True, True, False, True, True, False]
    assert isinstance(whole[2], Invalid) and "the image is not base64" in whole[2].message
    for i in (0, 3, 6):
        one, other = whole[i], parts[i]
        assert not isinstance(one, WeftError) and not isinstance(other, WeftError)
        assert one == pytest.approx(other, abs=0.02)


def test_perceiver_sees_and_hears_the_beginning_of_a_video(
    registry: Registry, bind: Vectorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged by the inputs of its model, because with random weights it hardly distinguishes videos."""
    given: list[PerceiverInput] = []
    encode = PerceiverEncoder.encode

    def noted(self: PerceiverEncoder, run: Sequence[PerceiverInput]) -> list[Vector]:
        given.extend(run)
        return encode(self, run)

    monkeypatch.setattr(PerceiverEncoder, "encode", noted)
    settings = {"videoFields": ["video"], "model": "perceiver"}
    spread = {**settings, "frames": "spread"}
    drawn = np.stack([files.shape("red", "circle", x=i / 40, side=224) for i in range(40)])
    video = files.mp4(drawn, fps=25, audio=files.tone(300, seconds=1.6))
    embedded(bind, [of("video", video)], settings)
    embedded(bind, [of("video", files.mp4(drawn[:5]))], settings)
    embedded(bind, [of("video", video)], spread)
    long, short, over_all = given
    wanted = drawn.transpose(0, 3, 1, 2) / 255
    assert np.abs(long.frames - wanted[:16]).mean() < 0.02
    assert np.abs(np.fft.rfft(long.audio[:, 0])).argmax() / 0.64 == pytest.approx(300, abs=3)
    assert np.abs(short.frames - wanted[[0, 1, 2, 3, *[4] * 12]]).mean() < 0.02 and not short.audio.any()
    assert np.abs(over_all.frames[-1] - wanted[38]).mean() < 0.02 and not over_all.audio.any()
    assert bind.fingerprint(spread) != bind.fingerprint(settings)
    with pytest.raises(Invalid, match="setting frames must be first or spread, not 'all'"):
        bind.check_settings({**settings, "frames": "all"})


def test_images_by_a_resnet(registry: Registry) -> None:
    module = registry.vectorizer("img2vec-neural")
    settings = {"imageFields": ["image"], "model": "resnet"}
    found = np.stack(embedded(module, [of("image", data) for data in IMAGES.values()], settings))
    assert found.shape == (len(IMAGES), 64)
    asked = module.embed_media(MediaKind.IMAGE, files.base64_of(IMAGES["a red circle"]), settings, ANYONE)
    assert int(np.argmax(found @ asked)) == 0
    with pytest.raises(Invalid, match="does not embed text; it embeds image"):
        module.embed_query(["a red circle"], settings, ANYONE)
    with pytest.raises(Invalid, match="does not embed video; it embeds image"):
        module.embed_media(MediaKind.VIDEO, "aGk=", settings, ANYONE)


def test_models_that_do_not_read_a_kind_say_so(registry: Registry, bind: Vectorizer) -> None:
    settings = {**FIELDS, "model": "clap"}
    image, text = bind.embed_objects([of("image", IMAGES["a red circle"]), ModuleInput(("hi",))], settings, ANYONE)
    assert isinstance(image, Invalid) and "clap does not embed image; it embeds audio, text" in image.message
    assert not isinstance(text, WeftError)


def test_a_model_of_images_takes_videos(bind: Vectorizer) -> None:
    (found,) = embedded(bind, [of("video", VIDEOS["a red circle moving left"])], {**FIELDS, "model": "clip"})
    assert found.shape == (media.DIMENSIONS,)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_dimensions_keep_the_first_numbers(bind: Vectorizer) -> None:
    (whole,) = embedded(bind, [ModuleInput(("a red circle",))], ANY)
    (short,) = embedded(bind, [ModuleInput(("a red circle",))], {**ANY, "dimensions": 16})
    assert short == pytest.approx(whole[:16] / np.linalg.norm(whole[:16]), abs=1e-5)
    (found,) = bind.embed_objects([ModuleInput(("hello",))], {**ANY, "dimensions": 65}, ANYONE)
    assert isinstance(found, Invalid) and "at most 64" in found.message


def test_a_late_interaction_model_is_refused(bind: Vectorizer) -> None:
    with pytest.raises(Misconfigured, match="late-interaction model"):
        bind.embed_query(["hello"], {**FIELDS, "model": "colbert"}, ANYONE)


@pytest.mark.parametrize("name", ["img2vec-neural", "multi2vec-clip", "multi2vec-bind"])
def test_the_fingerprint_names_the_space(registry: Registry, name: str) -> None:
    module = registry.vectorizer(name)
    fields = {"imageFields": ["image"]}
    spaces = [module.fingerprint({**fields, **more}) for more in ({}, {"model": "tiny-any"}, {"dimensions": 32})]
    assert len(set(spaces)) == 3
    assert all(space.startswith(name + "|") and space.endswith("|normalised") for space in spaces)
    assert module.fingerprint(fields) == module.fingerprint(module.defaults(fields))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("img2vec-neural", {}, "imageFields not present"),
        ("img2vec-neural", {"imageFields": []}, "at least one image field name"),
        ("img2vec-neural", {"imageFields": ["a"], "model": "../x"}, "is not a model's name"),
        ("multi2vec-clip", {}, "textFields or imageFields setting needs to be present"),
        ("multi2vec-clip", {"textFields": ["a"], "inferenceUrl": 7}, "inferenceUrl must be text"),
        ("multi2vec-clip", {"imageFields": ["a"], "weights": {"imageFields": [1, 2]}}, "does not equal number"),
        ("multi2vec-clip", {"imageFields": ["a"], "weights": 5}, "weights must be an object"),
        (
            "multi2vec-clip",
            {"imageFields": ["a"], "weights": {"imageFields": [float("inf")]}},
            "must hold numbers, not inf",
        ),
        ("multi2vec-bind", {}, "setting needs to be present"),
        ("multi2vec-bind", {"textFields": ["a"], "IMUFields": ["b"]}, "IMUFields cannot be embedded"),
        ("multi2vec-bind", {"thermalFields": ["b"]}, "thermalFields cannot be embedded"),
        ("multi2vec-bind", {"depthFields": ["b"]}, "depthFields cannot be embedded"),
        ("multi2vec-bind", {"textFields": ["a"], "dimensions": 0}, "integer above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    registry: Registry, name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        registry.vectorizer(name).check_settings(settings)
