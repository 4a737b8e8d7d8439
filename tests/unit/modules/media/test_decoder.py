"""All three kinds through the decoder, that is through a worker process."""

from __future__ import annotations

import pytest

pytest.importorskip("av")
pytest.importorskip("PIL")

import numpy as np

from tiny.files import mp4, noise, png, shape, wav
from weft.domain.errors import Invalid
from weft.modules.media import MediaDecoder


def test_pictures_sounds_and_films(decoder: MediaDecoder) -> None:
    drawn = shape("red", "circle")
    assert (decoder.image(png(drawn)) == drawn).all()
    assert decoder.audio(wav(noise(1.0)), 8_000, 0.5).shape == (4_000,)
    clip = decoder.video(mp4(np.stack([shape("red", "circle", x=i / 10) for i in range(10)])), 5)
    assert clip.frames.shape == (5, *drawn.shape)
    assert clip.seconds > 0
    # The circle moves to the right.
    columns = [np.abs(f[:, :, 1].astype(int) - 250).sum(axis=0).argmax() for f in clip.frames]
    assert columns == sorted(columns)


def test_errors_come_through(decoder: MediaDecoder) -> None:
    with pytest.raises(Invalid, match="the picture is none that can be read"):
        decoder.image(wav(noise(0.1)))
    with pytest.raises(Invalid, match="the sound"):
        decoder.audio(png(shape("red", "circle")), 8_000, 1)
    with pytest.raises(Invalid, match="0 frames"):
        decoder.video(b"", 0)
