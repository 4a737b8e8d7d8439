"""All three kinds through the decoder, that is through a worker process."""

from __future__ import annotations

import pytest

pytest.importorskip("av")
pytest.importorskip("PIL")

import numpy as np

from tiny.files import mp4, noise, png, shape, tone, wav
from weft.domain.errors import Invalid
from weft.modules.media import MediaDecoder


def test_images_audio_and_videos(decoder: MediaDecoder) -> None:
    drawn = shape("red", "circle")
    assert (decoder.image(png(drawn)) == drawn).all()
    assert decoder.audio(wav(noise(1.0)), 8_000, 0.5).shape == (4_000,)
    clip = decoder.video(mp4(np.stack([shape("red", "circle", x=i / 10) for i in range(10)])), 5)
    assert clip.frames.shape == (5, *drawn.shape)
    assert clip.seconds > 0
    # The circle moves to the right.
    columns = [np.abs(f[:, :, 1].astype(int) - 250).sum(axis=0).argmax() for f in clip.frames]
    assert columns == sorted(columns)


def test_the_beginning_of_a_video_with_its_audio(decoder: MediaDecoder) -> None:
    drawn = np.stack([shape("red", "circle", x=i / 50) for i in range(50)])
    video = mp4(drawn, fps=25, audio=tone(440, seconds=2))
    clip = decoder.video(video, 16, at_start=True)
    assert clip.frames.shape == (16, *drawn[0].shape)
    assert clip.seconds == pytest.approx(16 / 25)
    assert np.abs(clip.frames.astype(int) - drawn[:16]).mean() < 5, "one after another, as they come"
    assert len(decoder.video(video, 60, at_start=True).frames) == 50
    heard = decoder.soundtrack(video, 48_000, 0.64)
    assert heard.shape == (30_720,)
    assert np.abs(np.fft.rfft(heard)).argmax() / 0.64 == pytest.approx(440, abs=3)
    silence = decoder.soundtrack(mp4(drawn), 48_000, 0.64)
    assert silence.shape == (30_720,) and not silence.any()
    with pytest.raises(Invalid, match="the video cannot be read"):
        decoder.soundtrack(b"nothing of the kind", 48_000, 1)


def test_errors_come_through(decoder: MediaDecoder) -> None:
    with pytest.raises(Invalid, match="the image cannot be read"):
        decoder.image(wav(noise(0.1)))
    with pytest.raises(Invalid, match="the audio"):
        decoder.audio(png(shape("red", "circle")), 8_000, 1)
    with pytest.raises(Invalid, match="0 frames"):
        decoder.video(b"", 0)
