"""Audio and video, decoded by PyAV: only known formats, without following references to other files.

ffmpeg would open the files and addresses in playlists: an allow-list of protocols and formats restricts it to the given
bytes. It never gets anything but bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid, Misconfigured
from weft.modules.media.lengths import missing_bytes
from weft.modules.media.likeness import unlike
from weft.modules.media.limits import PIXELS_SETTING

Waveform: TypeAlias = npt.NDArray[np.float32]
"""``(n,)``, one channel, from -1 to 1."""
Frames: TypeAlias = npt.NDArray[np.uint8]
"""``(n, h, w, 3)``."""

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,flv,wav,mp3,ogg,flac,aac"
_OPTIONS = {"protocol_whitelist": "pipe", "format_whitelist": FORMATS}
_READABLE = {
    "video": "mp4, mov, webm, mkv, avi, mpegts, flv, 3gp",
    "audio": "wav, mp3, flac, ogg, m4a, aac, webm, and the soundtrack of videos",
}
_SHORT_SIDE = 512
"""Frames are reduced to this many pixels on the shorter side; no video model takes more."""
_READ_PER_FRAME = 300
"""The most images to decode from a key frame to the requested one."""


class Clip(NamedTuple):
    """Frames of a video, and the ``seconds`` that they cover."""

    frames: Frames
    seconds: float


def decode_audio(data: bytes, rate: int, max_seconds: float) -> Waveform:
    """The beginning of the first audio track, at ``rate`` samples a second. Raises Invalid, Misconfigured."""
    with _opened(data, "audio") as container:
        if not container.streams.audio:
            raise Invalid("the audio has no audio track; send wav, mp3, flac, ogg, m4a, or a video with audio")
        return _resampled(container, rate, int(rate * max_seconds))


def decode_soundtrack(data: bytes, rate: int, max_seconds: float) -> Waveform:
    """As ``decode_audio``; silence of the requested length if the video has no audio track."""
    with _opened(data, "video") as container:
        most = int(rate * max_seconds)
        return _resampled(container, rate, most) if container.streams.audio else np.zeros(most, np.float32)


def _resampled(container: Any, rate: int, most: int) -> Waveform:
    from av import AudioResampler
    from av.error import FFmpegError

    pieces: list[Waveform] = []
    size = 0
    stream = container.streams.audio[0]
    _codec(stream, "audio").thread_count = 1
    resampler = AudioResampler(format="fltp", rate=rate)
    try:
        for frame in _and_end(container.decode(stream)):
            for piece in resampler.resample(frame):
                pieces.append(piece.to_ndarray().mean(axis=0, dtype=np.float32))
                size += len(pieces[-1])
            if size >= most:
                break
    except FFmpegError as error:
        if not size:
            raise Invalid(f"the audio is damaged: {_reason(error)}; encode it again") from error
    if not size:
        raise Invalid("the audio is empty: its track holds no sample")
    found = np.concatenate(pieces)[:most]
    if not np.isfinite(found).all():
        raise Invalid("the audio holds samples that are not numbers; encode it again")
    return found.clip(-1, 1)


def decode_video(data: bytes, frames: int, *, at_start: bool = False, most_pixels: int) -> Clip:
    """``frames`` images from the middles of as many equal parts of the first image track; ``at_start``: its first.

    Each is reached from the key frame before it. A video of fewer images repeats them; at its start it has fewer.
    Raises Invalid, Misconfigured.
    """
    import_av()
    from av.error import FFmpegError

    with _opened(data, "video") as container:
        if not container.streams.video:
            raise Invalid("the video has no images; send mp4, webm, mov, mkv or avi")
        stream = container.streams.video[0]
        context = _codec(stream, "video")
        if context.width * context.height > most_pixels:
            raise Invalid(
                f"the video has {context.width} x {context.height} pixels, and at most {most_pixels:,} are read "
                f"({PIXELS_SETTING}); send a smaller one"
            )
        context.thread_count = 1
        images: list[npt.NDArray[np.uint8]] = []
        try:
            for image in islice(container.decode(stream), frames) if at_start else _spread(container, stream, frames):
                images.append(_fitted(image, images[0].shape if images else None))
        except FFmpegError as error:
            if not images:
                raise Invalid(f"the video is damaged: {_reason(error)}; encode it again") from error
        seconds = _seconds(container, stream)
    if not images:
        raise Invalid("no image of the video can be read; encode it again")
    if at_start:
        return Clip(np.stack(images), len(images) / float(stream.average_rate or 25))
    chosen = np.linspace(0, len(images) - 1, frames).round().astype(int)
    return Clip(np.stack([images[i] for i in chosen]), seconds)


def import_av() -> Any:
    """PyAV; raises Misconfigured when it is missing."""
    try:
        import av
        import av.error
    except ImportError as error:
        raise Misconfigured(
            f"audio and video need PyAV ({error}); install it with: pip install 'weft[media]'"
        ) from error
    return av


@contextmanager
def _opened(data: bytes, what: str) -> Iterator[Any]:
    av = import_av()
    if missing := missing_bytes(data):
        raise Invalid(
            f"the {what} is cut off: its headers state {len(data) + missing:,} bytes, but {len(data):,} were sent; "
            "send the whole file"
        )
    try:
        container = av.open(BytesIO(data), options=_OPTIONS, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError) as error:
        raise Invalid(unlike(what, data, _reason(error), _READABLE[what])) from error
    with container:
        yield container


def _reason(error: Exception) -> str:
    """In words: ffmpeg's messages are mostly a number and the name of a file, of which there is none."""
    known = {"EOFError": "it ends too early", "InvalidDataError": "its bytes make no sense", "ArgumentError": ""}
    name = type(error).__name__
    return known[name] if name in known else str(getattr(error, "strerror", None) or error)


def _codec(stream: Any, what: str) -> Any:
    if stream.codec_context is None:
        raise Invalid(f"the {what} is damaged, or has an unsupported codec; encode it again")
    return stream.codec_context


def _and_end(frames: Iterator[Any]) -> Iterator[Any]:
    """The frames, then None, which flushes a resampler."""
    yield from frames
    yield None


def _seconds(container: Any, stream: Any) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return float(container.duration) / 1e6 if container.duration else 0.0


def _spread(container: Any, stream: Any, count: int) -> Iterator[Any]:
    """Images from the middles of ``count`` parts; the first ones if the video does not state its length."""
    seconds = _seconds(container, stream)
    if seconds <= 0:
        yield from islice(container.decode(stream), count)
        return
    start, whole = stream.start_time or 0, seconds / stream.time_base
    for part in range(count):
        found = _visible_at(container, stream, start + int(whole * (part + 0.5) / count))
        if found is not None:
            yield found


def _visible_at(container: Any, stream: Any, wanted: int) -> Any:
    """The image visible at ``wanted``, in the stream's units, or near it; None if none can be read.

    Seeking in a video without an index of its key frames (MPEG-TS) may go too far; then it is read from the beginning.
    """
    late = None
    for place in (wanted, 0):
        container.seek(place, stream=stream, backward=True)
        latest = None
        for number, image in enumerate(container.decode(stream)):
            if image.pts is not None and image.pts > wanted:
                late = late or image
                break
            latest = image
            if number == _READ_PER_FRAME:
                return late or latest
        if latest is not None:
            return latest
    return late


def _fitted(image: Any, shape: tuple[int, ...] | None) -> npt.NDArray[np.uint8]:
    """The image in RGB, with the size of the first one, or reduced to ``_SHORT_SIDE``."""
    if shape is not None:
        height, width = shape[:2]
    else:
        scale = min(1.0, _SHORT_SIDE / min(image.width, image.height))
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    found: npt.NDArray[np.uint8] = image.reformat(width=width, height=height, format="rgb24").to_ndarray()
    return found
