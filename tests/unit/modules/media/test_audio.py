"""Audio of all formats, at any rate and of any channels, which may change midway."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("av")

from tiny.recordings import tone, video
from weft.domain.errors import Invalid
from weft.modules.media.audio import Waveform, decode_audio, decode_soundtrack, mixing_gains
from weft.modules.media.ogg_links import links

RATE = 16_000
FORMATS = [
    ("wav", "pcm_s16le"),
    ("w64", "pcm_s16le"),
    ("aiff", "pcm_s16be"),
    ("aiff", "pcm_s24be"),
    ("au", "pcm_s16be"),
    ("au", "pcm_mulaw"),
    ("caf", "pcm_s16be"),
    ("caf", "alac"),
    ("flac", "flac"),
    ("wv", "wavpack"),
    ("tta", "tta"),
    ("ogg", "libopus"),
    ("ogg", "flac"),
    ("mp3", "libmp3lame"),
    ("mp2", "mp2"),
    ("ipod", "aac"),
    ("ipod", "alac"),
    ("adts", "aac"),
    ("latm", "aac"),
    ("ac3", "ac3"),
    ("eac3", "eac3"),
    ("mpeg", "mp2"),
    ("mpegts", "aac"),
    ("asf", "libmp3lame"),
    ("webm", "libopus"),
    ("flv", "libmp3lame"),
]


def wave_file(samples: npt.NDArray[np.float64]) -> bytes:
    """``samples (n, channels)`` as float32 WAV."""
    data, channels = samples.astype("<f4").tobytes(), samples.shape[1]
    head = struct.pack("<HHIIHH", 3, channels, RATE, RATE * 4 * channels, 4 * channels, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def hertz(audio: Waveform) -> float:
    """The strongest frequency."""
    return float(np.argmax(np.abs(np.fft.rfft(audio))) * RATE / len(audio))


@pytest.mark.parametrize(("form", "codec"), FORMATS)
def test_each_audio_format_is_read(form: str, codec: str) -> None:
    check_tone(decode_audio(tone(form, codec), RATE, 30))


@pytest.mark.parametrize("codec", ["wmav1", "wmav2"])
def test_windows_media_audio_is_read(codec: str) -> None:
    check_tone(decode_audio(tone("asf", codec, bit_rate=64_000), RATE, 30))


@pytest.mark.parametrize("form", ["ogg", "webm"])
def test_vorbis_is_read(form: str) -> None:
    check_tone(decode_audio(tone(form, "vorbis", layout="stereo", options={"strict": "experimental"}), RATE, 30))


def check_tone(found: Waveform) -> None:
    assert found.dtype == np.float32
    assert found.ndim == 1
    assert abs(len(found) - RATE) < RATE // 5
    strongest = np.argmax(np.abs(np.fft.rfft(found[: RATE // 2]))) * RATE / (RATE // 2)
    assert strongest == pytest.approx(440, abs=15)
    assert 0.3 < np.abs(found).max() <= 0.7


def test_audio_is_read_up_to_the_requested_seconds() -> None:
    assert len(decode_audio(tone("wav", "pcm_s16le", seconds=3), 8_000, 0.5)) == 4_000


def test_several_channels_are_as_loud_as_one() -> None:
    tone = np.sin(np.arange(RATE) / 6) * 0.9
    one, two = (decode_audio(wave_file(np.stack([tone] * channels, axis=1)), RATE, 1) for channels in (1, 2))
    assert np.abs(one - two).max() < 1e-4


def test_samples_beyond_the_scale_are_cut_and_what_is_no_number_is_refused() -> None:
    tone = np.sin(np.arange(RATE) / 6)[:, None]
    assert np.abs(decode_audio(wave_file(tone * 1e30), RATE, 1)).max() == 1
    tone[100] = np.nan
    with pytest.raises(Invalid, match="not numbers"):
        decode_audio(wave_file(tone), RATE, 1)


def test_narrow_band_speech_of_a_phone_is_read() -> None:
    found = decode_audio(tone("amr", "libopencore_amrnb", rate=8_000), RATE, 30)
    assert hertz(found) == pytest.approx(440, abs=15)


@pytest.mark.parametrize(
    ("form", "codec", "rates"),
    [
        ("mp3", "libmp3lame", (44_100, 22_050)),
        ("mp3", "libmp3lame", (48_000, 8_000)),
        ("adts", "aac", (44_100, 22_050)),
        ("ac3", "ac3", (48_000, 32_000)),
        ("mpegts", "mp2", (48_000, 32_000)),
        ("mpegts", "aac", (48_000, 32_000)),
        ("ogg", "libopus", (48_000, 48_000)),
        ("ogg", "flac", (44_100, 22_050)),
    ],
)
@pytest.mark.parametrize("layouts", [("stereo", "mono"), ("mono", "stereo"), ("mono", "mono")])
def test_rate_and_channels_may_change_midway(
    form: str, codec: str, rates: tuple[int, int], layouts: tuple[str, str]
) -> None:
    joined = b"".join(
        tone(form, codec, rate=rate, layout=layout, hertz=pitch)
        for rate, layout, pitch in zip(rates, layouts, (440, 880), strict=True)
    )
    found = decode_audio(joined, RATE, 30)
    assert len(found) == pytest.approx(2 * RATE, rel=0.1)
    first, second = np.array_split(found, 2)
    assert hertz(first) == pytest.approx(440, abs=15)
    assert hertz(second) == pytest.approx(880, abs=15)
    loudness = [float(np.sqrt((half**2).mean())) for half in (first, second)]
    assert loudness == [pytest.approx(0.35, abs=0.04)] * 2
    assert len(decode_audio(joined, RATE, 1.5)) == 1.5 * RATE


def test_what_comes_before_damage_and_after_it_is_kept() -> None:
    data = bytearray(tone("mp3", "libmp3lame", seconds=4))
    data[len(data) // 2 : len(data) // 2 + 2_000] = bytes(2_000)
    found = decode_audio(bytes(data), RATE, 30)
    assert len(found) > 3.2 * RATE
    assert hertz(found[:RATE]) == pytest.approx(440, abs=15) == hertz(found[-RATE:])


def test_links_of_a_chained_ogg_file() -> None:
    one, other = tone("ogg", "libopus"), tone("ogg", "flac", hertz=880)
    assert list(links(one + other + one)) == [one, other, one]
    assert list(links(one)) == [one]
    assert list(links(b"RIFF")) == [b"RIFF"]
    found = decode_audio(one + other, RATE, 30)
    assert hertz(found[RATE:]) == pytest.approx(880, abs=15)
    assert len(decode_audio(one + b"OggS\0\x02" + bytes(60), RATE, 30)) == len(decode_audio(one, RATE, 30))


LAYOUTS = {"quad": "FL FR BL BR", "5.1": "FL FR FC LFE BL BR", "7.1": "FL FR FC LFE BL BR SL SR"}
SHARES = {"FL": 0.5, "FR": 0.5, "FC": 0.7071, "LFE": 0, **dict.fromkeys(("BL", "BR", "SL", "SR"), 0.3536)}


@pytest.mark.parametrize(("form", "codec"), [("wav", "pcm_s16le"), ("flac", "flac")])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_more_channels_are_mixed_as_for_two(layout: str, form: str, codec: str) -> None:
    """Speech is in the centre of a video's audio: 3 dB less loud than if it were the only channel."""
    names = LAYOUTS[layout].split()
    for heard in names:
        channels = [float(name == heard) for name in names]
        data = tone(form, codec, layout=layout, seconds=0.2, channels=channels)
        loudest = float(np.abs(decode_audio(data, RATE, 1)).max())
        assert loudest == pytest.approx(0.5 * SHARES[heard], abs=0.01), heard


def test_a_mix_beyond_the_scale_is_made_less_loud_and_not_cut() -> None:
    """All six at once would be 1.2 times as loud as possible."""
    found = decode_audio(tone("wav", "pcm_s16le", layout="5.1"), RATE, 1)
    assert np.abs(found).max() == pytest.approx(1, abs=0.001)
    assert np.sqrt((found**2).mean()) == pytest.approx(0.5**0.5, abs=0.01), "it is still a sine"


def test_gains_of_channels() -> None:
    assert mixing_gains(["FC"]).tolist() == [1]
    assert mixing_gains(["FL", "FR"]).tolist() == [0.5, 0.5]
    assert mixing_gains(["FL", "LFE"]).tolist() == [0.5, 0.5], "two are averaged, whatever they are"
    assert mixing_gains(["NONE"] * 6) == pytest.approx([0.5, 0.5, 0.7071, 0, 0.3536, 0.3536], abs=1e-4)
    assert mixing_gains(["NONE"] * 5) == pytest.approx([0.2] * 5), "their order is unknown"
    assert mixing_gains(["LFE", "LFE2", "LFE"]) == pytest.approx([1 / 3] * 3)


def test_a_video_without_audio_is_silent_and_one_with_it_is_heard() -> None:
    assert not decode_soundtrack(video("mp4", "libx264", images=3), RATE, 1).any()
    assert hertz(decode_soundtrack(tone("mp4", "aac"), RATE, 1)) == pytest.approx(440, abs=15)


def test_files_of_no_sample_are_refused() -> None:
    with pytest.raises(Invalid, match="holds no sample"):
        decode_audio(wave_file(np.zeros((0, 1))), RATE, 1)
