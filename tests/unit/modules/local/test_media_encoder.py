"""Models of every architecture: their kinds, the lengths of their vectors, videos by frames, and what is refused."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from tiny import late_interaction, media
from weft.domain.errors import CorruptData, Invalid, Misconfigured, WeftError
from weft.domain.query import MediaKind
from weft.modules.local.media_encoder import MediaEncoder, Sample
from weft.modules.local.media_loading import load_media
from weft.modules.local.models import ModelSource
from weft.modules.local.scheduler import Scheduler, Urgency
from weft.modules.local.torch_loading import EXACT, Placement

pytestmark = pytest.mark.filterwarnings("ignore")
FAMILIES: dict[str, tuple[Callable[[Path], Path], int, set[str]]] = {
    "resnet": (media.resnet, 64, {"image", "video"}),
    "dinov2": (media.dinov2, 32, {"image", "video"}),
    "clip": (media.clip, 32, {"text", "image", "video"}),
    "siglip": (media.siglip, 32, {"text", "image", "video"}),
    "clap": (media.clap, 32, {"text", "audio"}),
    "xclip": (media.xclip, 32, {"text", "video"}),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, (make, _, _) in FAMILIES.items():
        make(folder / name)
    return folder


def load(folder: Path, placement: Placement = EXACT) -> MediaEncoder:
    return load_media(ModelSource(folder.name, folder), downloads=False, placement=placement)


def samples(encoder: MediaEncoder, kind: str) -> list[Sample]:
    """Three of one kind, of different sizes."""
    generator = np.random.default_rng(7)
    if kind == "text":
        return [Sample("text", text) for text in ("a red circle", "the photo of paris", "hello")]
    if kind == "audio":
        return [
            Sample(
                MediaKind.AUDIO,
                np.float32(0.125) * generator.standard_normal(int(encoder.rate * seconds), np.float32),
            )
            for seconds in (0.5, 2, 7)
        ]
    if kind == "image":
        shapes = [(40, 60, 3), (90, 30, 3), (1, 1, 3)]
        return [Sample(MediaKind.IMAGE, generator.integers(0, 256, shape, dtype=np.uint8)) for shape in shapes]
    return [
        Sample(MediaKind.VIDEO, generator.integers(0, 256, (n, 40, 60, 3), dtype=np.uint8), 2.0) for n in (1, 8, 19)
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_kind_has_vectors_of_length_1(root: Path, name: str) -> None:
    _, dimensions, kinds = FAMILIES[name]
    encoder = load(root / name)
    assert encoder.kinds == kinds
    everything = [one for kind in sorted(kinds) for one in samples(encoder, kind)]
    together = encoder.encode(encoder.prepare(everything))
    assert len(together) == len(everything)
    for sample, vector in zip(everything, together, strict=True):
        assert vector.shape == (dimensions,) and vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        (alone,) = encoder.encode(encoder.prepare([sample]))
        assert alone == pytest.approx(vector, abs=1e-4)
    encoder.close()


@pytest.mark.parametrize("name", FAMILIES)
def test_bfloat16_gives_almost_the_same(root: Path, name: str) -> None:
    exact, short = load(root / name), load(root / name, Placement("cpu", "bfloat16"))
    for kind in sorted(exact.kinds):
        some = exact.prepare(samples(exact, kind))
        for one, other in zip(exact.encode(some), short.encode(some), strict=True):
            assert float(one @ other) > 0.99
            assert np.linalg.norm(other) == pytest.approx(1, abs=1e-5)


def test_a_resnet_gives_what_its_class_pools(root: Path) -> None:
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor, ResNetModel

    encoder = load(root / "resnet")
    image = samples(encoder, "image")[0]
    processor = AutoImageProcessor.from_pretrained(root / "resnet", backend="pil")
    with torch.inference_mode():
        model = ResNetModel.from_pretrained(root / "resnet")
        given = processor(Image.fromarray(image.content), return_tensors="pt")
        expected = model(**given).pooler_output.flatten(1)[0].numpy()
    (found,) = encoder.encode(encoder.prepare([image]))
    assert found == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)


def test_a_video_is_the_mean_of_its_frames(root: Path) -> None:
    encoder = load(root / "clip")
    video = samples(encoder, "video")[1]
    frames = encoder.encode(encoder.prepare([Sample(MediaKind.IMAGE, frame) for frame in video.content]))
    mean = np.mean(frames, axis=0)
    (found,) = encoder.encode(encoder.prepare([video]))
    assert found == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_a_long_clip_is_read_from_its_beginning(root: Path) -> None:
    """CLAP's own processor would cut a window out of it at random."""
    encoder = load(root / "clap")
    assert (encoder.rate, encoder.seconds) == (48_000, 5.0)
    long = samples(encoder, "audio")[2]
    first, again = (encoder.encode(encoder.prepare([long]))[0] for _ in range(2))
    assert first == pytest.approx(again, abs=1e-6)


def test_texts_never_name_files_or_addresses(root: Path, tmp_path: Path) -> None:
    """They are words, even of a model of images."""
    from PIL import Image

    file = tmp_path / "image.png"
    Image.new("RGB", (8, 8), "red").save(file)
    encoder = load(root / "clip")
    seen, read = encoder.encode(encoder.prepare([Sample(MediaKind.IMAGE, np.asarray(Image.open(file))), str(file)]))
    assert float(seen @ read) < 0.99
    encoder.encode(encoder.prepare(["http://127.0.0.1:9/image.png"]))


def test_kinds_that_a_model_does_not_read_are_refused_alone(root: Path) -> None:
    encoder = load(root / "clap")
    scheduler = Scheduler(encoder, workers=2)
    image = Sample(MediaKind.IMAGE, np.zeros((8, 8, 3), np.uint8))
    silent = Sample(MediaKind.AUDIO, np.zeros(0, np.float32))
    found = scheduler.embed([Sample("text", "hello"), image, silent, "query"], Urgency.DOCUMENT)
    scheduler.close()
    assert [isinstance(one, WeftError) for one in found] == [False, True, True, False]
    assert isinstance(found[1], Invalid) and "clap does not embed image; it embeds audio, text" in found[1].message
    assert isinstance(found[2], Invalid) and "it is empty" in found[2].message


def test_a_checkpoint_without_all_its_weights_is_refused(tmp_path: Path) -> None:
    folder = media.clip(tmp_path / "clip")
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CorruptData, match=r"1 weights of the model clip .* visual_projection"):
        load(folder)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = media.resnet(tmp_path / "resnet")
    (folder / "model.safetensors").write_bytes(b"no tensors at all")
    with pytest.raises(CorruptData, match="not a safetensors file"):
        load(folder)


def test_models_for_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="late-interaction model"):
        load(late_interaction.colbert(tmp_path / "colbert"))
    with pytest.raises(Misconfigured, match="the folder of the model empty holds no model"):
        (tmp_path / "empty").mkdir()
        load(tmp_path / "empty")
