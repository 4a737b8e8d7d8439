"""Whisper beside the recipes that are usually given for it, on the same random weights."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tiny import article
from weft.domain.errors import CorruptData, Invalid, Misconfigured
from weft.modules.local.media_models import MediaModels
from weft.modules.local.models import ModelOffer, ModelSource
from weft.modules.local.torch_loading import EXACT, Placement
from weft.modules.local.whisper import DECODER, ENCODER, WhisperEncoder, audible, load_whisper
from weft.modules.resources import Resources

pytestmark = pytest.mark.filterwarnings("ignore")
FORMS = ("WhisperForConditionalGeneration", "WhisperModel", "WhisperEncoder")
RATE = 16_000


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("whisper")
    return {form: article.whisper(root / form, form=form) for form in FORMS}


@pytest.fixture(scope="module")
def whole(folders: dict[str, Path]) -> tuple[Any, Any]:
    """Model and extractor as the library loads them."""
    from transformers import AutoFeatureExtractor, WhisperModel

    folder = folders["WhisperModel"]
    return WhisperModel.from_pretrained(folder).eval(), AutoFeatureExtractor.from_pretrained(folder)


def load(folder: Path, states: str = ENCODER) -> WhisperEncoder:
    return load_whisper(ModelSource(folder.name, folder), states=states, downloads=False, placement=EXACT)


def embed(encoder: WhisperEncoder, *clips: np.ndarray) -> list[np.ndarray]:
    return encoder.encode(encoder.prepare(clips))


def audio(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=int(RATE * seconds)).astype(np.float32)


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.mark.parametrize("form", FORMS)
def test_encoder_states_are_averaged_over_the_audio_alone(
    folders: dict[str, Path], whole: tuple[Any, Any], form: str
) -> None:
    """Under sentence-transformers the first two forms load with random weights; here all give the same vector."""
    import torch

    heard = audio(3)
    model, extractor = whole
    with torch.inference_mode():
        states = model.encoder(extractor(heard, sampling_rate=RATE, return_tensors="pt").input_features)
    expected = states.last_hidden_state[0].numpy()
    (found,) = embed(load(folders[form]), heard)
    assert found.dtype == np.float32
    assert found == pytest.approx(unit(expected[: 3 * 50].mean(axis=0)), abs=1e-5)
    assert float(found @ unit(expected.mean(axis=0))) < 0.9999


def test_decoder_states_are_those_of_the_usual_recipe(folders: dict[str, Path], whole: tuple[Any, Any]) -> None:
    import torch

    heard = audio(2)
    model, feature_extractor = whole
    inputs = feature_extractor(heard, return_tensors="pt", sampling_rate=RATE)
    input_features = inputs.input_features
    decoder_input_ids = torch.tensor([[1, 1]]) * model.config.decoder_start_token_id
    with torch.no_grad():
        vector_embedding = model(input_features, decoder_input_ids=decoder_input_ids).last_hidden_state
    (found,) = embed(load(folders["WhisperForConditionalGeneration"], DECODER), heard)
    assert found.shape == (2 * 32,)
    assert found == pytest.approx(unit(vector_embedding.numpy().ravel()), abs=1e-6)


def test_a_long_clip_is_read_in_windows(folders: dict[str, Path]) -> None:
    encoder = load(folders["WhisperEncoder"])
    start, end = audio(30, 1), audio(15, 2)
    whole, first, second = embed(encoder, np.concatenate([start, end]), start, end)
    assert whole.shape == (32,)
    with encoder._replicas.replica() as model:
        raw_first, raw_second = (
            model(encoder.prepare([one])[0].features).last_hidden_state[0].detach() for one in (start, end)
        )
    expected = unit(np.concatenate([raw_first, raw_second[:750]]).mean(axis=0))
    assert whole == pytest.approx(expected, abs=1e-5)
    assert not np.allclose(whole, first) and not np.allclose(whole, second)


@pytest.mark.parametrize("states", [ENCODER, DECODER])
def test_clips_of_one_run_do_not_affect_each_other(folders: dict[str, Path], states: str) -> None:
    encoder = load(folders["WhisperModel"], states)
    clips = [audio(1, 3), audio(35, 4), audio(0.02, 5)]
    together = embed(encoder, *clips)
    for one, other in zip(clips, together, strict=True):
        assert embed(encoder, one)[0] == pytest.approx(other, abs=1e-5)
        assert np.linalg.norm(other) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("states", [ENCODER, DECODER])
def test_in_bfloat16_vectors_are_nearly_the_same(folders: dict[str, Path], states: str) -> None:
    source = ModelSource("whisper", folders["WhisperModel"])
    rough = load_whisper(source, states=states, downloads=False, placement=Placement("cpu", "bfloat16"))
    (one,), (other,) = (embed(encoder, audio(2)) for encoder in (load(folders["WhisperModel"], states), rough))
    assert float(one @ other) > 0.999


def test_silence_in_the_audio_is_left_out(folders: dict[str, Path]) -> None:
    encoder = load(folders["WhisperEncoder"])
    word, silence = audio(1), np.zeros(2 * RATE, np.float32)
    faint = audio(2, 7) * 0.003
    for parts in ((word, silence), (word, faint), (silence, word), (faint, word, silence)):
        (prepared,) = encoder.prepare([np.concatenate(parts)])
        assert int(prepared.present.sum()) == 50
    (whole,) = encoder.prepare([word])
    (padded,) = encoder.prepare([np.concatenate([word, silence])])
    assert (whole.present == padded.present).all()
    one, other = embed(encoder, word, np.concatenate([word, silence]))
    assert float(one @ other) > 0.9999
    (nothing,) = encoder.prepare([silence])
    assert int(nothing.present.sum()) == 100, "all of it, where nothing is louder"
    assert audible(np.array([1, 0, 0.02, 0.001], np.float32), 1).tolist() == [True, False, True, False]


def test_vectors_that_leave_silence_out_are_of_another_recipe(folders: dict[str, Path]) -> None:
    offer = ModelOffer(folders["WhisperModel"].parent)
    models = MediaModels(Resources(offer=offer), "")
    found = models.fingerprint("multi2vec-bind", {"model": "WhisperModel"})
    assert "mean of audible states" in found
    assert "decoder states" in models.fingerprint("multi2vec-bind", {"model": "WhisperModel", "states": "decoder"})
    assert "pooled as saved" in models.fingerprint("multi2vec-bind", {"model": "tiny-any"})


def test_no_audio_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(Invalid, match="no audio to embed"):
        load(folders["WhisperEncoder"]).prepare([np.zeros(0, np.float32)])


def test_checkpoints_that_are_not_what_is_needed_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    with pytest.raises(CorruptData, match="weights of the model WhisperEncoder are not in its checkpoint"):
        load(folders["WhisperEncoder"], DECODER)
    broken = shutil.copytree(folders["WhisperModel"], tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if "encoder.conv1" not in k}, broken / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CorruptData, match=r"weights of the model broken .*conv1"):
        load(broken)
    (broken / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(Misconfigured, match="of the family bert, not whisper"):
        load(broken)
