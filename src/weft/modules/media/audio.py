"""Audio, decoded by PyAV: in one channel at one rate, whatever its own rate and channels, which may change midway.

Several channels are mixed as ITU-R BS.775 mixes them to two, and these are averaged: the centre at 0.71, each surround
at 0.35, each side at 0.5, without the channel of low effects; all of it less loud where the mix would exceed the scale.
One or two channels are averaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid
from weft.modules.media.containers import Decoding, codec, opened, packets, reason
from weft.modules.media.likeness import ANIMATIONS, likeness
from weft.modules.media.ogg_links import links

Waveform: TypeAlias = npt.NDArray[np.float32]
"""``(n,)``, one channel, from -1 to 1."""

_SIDE, _CENTRE, _SURROUND = 0.5, 0.5**0.5, 0.5**1.5
_GAINS: Final = {
    **dict.fromkeys(("FL", "FR", "FLC", "FRC", "DL", "DR", "WL", "WR"), _SIDE),
    **dict.fromkeys(("BL", "BR", "SL", "SR", "TFL", "TFR", "TBL", "TBR", "TSL", "TSR", "SDL", "SDR"), _SURROUND),
    **dict.fromkeys(("FC", "TFC"), _CENTRE),
    **dict.fromkeys(("BC", "TBC", "TC"), _SIDE),
    **dict.fromkeys(("LFE", "LFE2"), 0.0),
}
"""By ffmpeg's names of channels."""
_UNNAMED: Final = "NONE"
_UNSTATED: Final = {6: ("FL", "FR", "FC", "LFE", "BL", "BR"), 8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")}
"""The channels of a file that does not name so many, in the order of WAV: 5.1 and 7.1."""


def decode_audio(data: bytes, rate: int, max_seconds: float) -> Waveform:
    """The beginning of the first audio track, at ``rate`` samples a second. Raises Invalid, Misconfigured."""
    most = int(rate * max_seconds)
    found: list[Waveform] = []
    for link in links(data):
        try:
            found.append(_beginning(link, rate, most - sum(map(len, found))))
        except Invalid:
            if not found:
                raise
            break
        if sum(map(len, found)) >= most:
            break
    return np.concatenate(found)


def decode_soundtrack(data: bytes, rate: int, max_seconds: float) -> Waveform:
    """As ``decode_audio``; silence of the requested length if the video has no audio track."""
    most = int(rate * max_seconds)
    if likeness(data) in ANIMATIONS:
        return np.zeros(most, np.float32)
    with opened(data, "video") as container:
        return _resampled(container, rate, most) if container.streams.audio else np.zeros(most, np.float32)


def _beginning(data: bytes, rate: int, most: int) -> Waveform:
    with opened(data, "audio") as container:
        if not container.streams.audio:
            raise Invalid("the audio has no audio track; send wav, mp3, flac, ogg, m4a, or a video with audio")
        return _resampled(container, rate, most)


def _resampled(container: Any, rate: int, most: int) -> Waveform:
    stream = container.streams.audio[0]
    decoding = Decoding(codec(stream, "audio"))
    pieces: list[Waveform] = []
    size = 0
    mixer = _Mixer(rate)
    for piece in mixer.mixed(decoding.frames(packets(container, stream))):
        pieces.append(piece)
        size += len(piece)
        if size >= most:
            break
    if not size:
        if decoding.failure is not None:
            raise Invalid(f"the audio is damaged: {reason(decoding.failure)}; encode it again") from decoding.failure
        raise Invalid("the audio is empty: its track holds no sample")
    found = np.concatenate(pieces)[:most]
    if not np.isfinite(found).all():
        raise Invalid("the audio holds samples that are not numbers; encode it again")
    loudest = min(max(1.0, float(np.abs(found).max())), mixer.gain)
    return (found / np.float32(loudest)).clip(-1, 1)


class _Mixer:
    """Resamples and mixes; where rate, channels or format of the frames change, by another resampler.

    ``gain``: how much louder than its loudest channel the mix can be.
    """

    def __init__(self, rate: int) -> None:
        self.gain = 1.0
        self._rate = rate
        self._resampler: Any = None
        self._gains = np.ones(1, np.float32)

    def mixed(self, frames: Iterator[Any]) -> Iterator[Waveform]:
        from av import AudioResampler

        made_for = None
        for frame in frames:
            kind = (frame.sample_rate, frame.layout.name, frame.format.name)
            if kind != made_for:
                yield from self._pieces(None)
                made_for = kind
                self._resampler = AudioResampler(format="flt", rate=self._rate)  # PyAV reads beyond 8 planes; this is 1
                self._gains = mixing_gains([channel.name for channel in frame.layout.channels])
                self.gain = max(self.gain, float(self._gains.sum()))
            yield from self._pieces(frame)
        yield from self._pieces(None)

    def _pieces(self, frame: Any) -> Iterator[Waveform]:
        """None as ``frame``: what the resampler holds back."""
        if self._resampler is not None:
            for piece in self._resampler.resample(frame):
                yield piece.to_ndarray().reshape(-1, len(self._gains)) @ self._gains


def mixing_gains(channels: Sequence[str]) -> npt.NDArray[np.float32]:
    """``(c,) f32``: how much of each channel, by ffmpeg's names, is in the mix; equal where a name is unknown."""
    if set(channels) == {_UNNAMED}:
        channels = _UNSTATED.get(len(channels), channels)
    known = len(channels) > 2 and all(name in _GAINS for name in channels) and any(_GAINS[n] for n in channels)
    return np.array([_GAINS[name] if known else 1 / len(channels) for name in channels], np.float32)
