"""Video, decoded by PyAV: images that are spread over it, or its first ones, as a player shows them.

Turned and mirrored as the video says, with its pixels' aspect ratio, reduced to ``SHORT_SIDE``. The images after a key
frame are decoded once, forwards, as far as one of them is wanted; where none is, the key frame is skipped too. The
result is that of decoding the whole video.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid
from weft.modules.media.animations import Animation, find_animation
from weft.modules.media.containers import READABLE, Decoding, codec, opened, packets, reason
from weft.modules.media.display import Display
from weft.modules.media.images import Pixels, too_large
from weft.modules.media.likeness import likeness, unlike
from weft.modules.media.timeline import Reach, Timeline, read_timeline

Frames: TypeAlias = npt.NDArray[np.uint8]
"""``(n, h, w, 3)``."""

SHORT_SIDE = 512
"""Frames are reduced to this many pixels on the shorter side; no video model takes more."""

_USUAL_RATE = 25


class Clip(NamedTuple):
    """Frames of a video, and the ``seconds`` that they cover."""

    frames: Frames
    seconds: float


def decode_video(data: bytes, frames: int, *, at_start: bool = False, most_pixels: int) -> Clip:
    """``frames`` images from the middles of as many equal parts of the first image track, or of an animated image;
    ``at_start``: its first.

    A video of fewer images repeats them; at its start it has fewer. Raises Invalid, Misconfigured.
    """
    animation = find_animation(data, most_pixels)
    if animation is not None:
        return _animated(animation, frames, at_start=at_start)
    if likeness(data).endswith("image"):
        raise Invalid(unlike("video", data, "", READABLE["video"]))
    video = _Video(data, most_pixels)
    if at_start:
        return video.first(frames)
    return video.spread(frames)


def _animated(animation: Animation, frames: int, *, at_start: bool) -> Clip:
    numbers = list(range(min(frames, len(animation.ends)))) if at_start else animation.middles(frames)
    try:
        images = np.stack(list(animation.images(numbers, SHORT_SIDE)))
    except MemoryError:
        raise
    except Exception as error:  # hostile bytes can raise any class in a decoder
        raise Invalid("the video is an animated image that is cut off or damaged; save it again") from error
    return Clip(images, float(animation.ends[numbers[-1] if at_start else -1]) / 1000)


class _OtherImages(Exception):
    """The images after a key frame are not those that the packets state: it was not a place to begin at."""


class _Video:
    """The first track of images in ``data``, read once for its timeline, and opened again to decode them."""

    def __init__(self, data: bytes, most_pixels: int) -> None:
        self._data = data
        self._most_pixels = most_pixels
        with self._opened() as (container, stream):
            timeline = read_timeline(packets(container, stream))
            if timeline is None:
                raise Invalid("no image of the video can be read; encode it again")
            self._timeline: Timeline = timeline
            self._unit = float(stream.time_base) if timeline.stated else 1 / float(stream.average_rate or _USUAL_RATE)
        self._failure: Exception | None = None
        self._display: Display | None = None

    def first(self, count: int) -> Clip:
        with self._opened() as (container, stream):
            decoding = Decoding(codec(stream, "video"))
            found = [self._fitted(one, stream) for one in islice(decoding.frames(packets(container, stream)), count)]
            self._failure = decoding.failure
        if not found:
            raise self._nothing()
        times = self._timeline.times
        until = int(times[len(found)]) if len(found) < len(times) else self._timeline.end
        return Clip(np.stack(found), (until - self._timeline.start) * self._unit)

    def spread(self, count: int) -> Clip:
        wanted = self._timeline.middles(count)
        try:
            found = self._by_time(wanted) if self._timeline.stated else self._by_order(wanted)
        except _OtherImages:
            found = self._by_order(wanted)
        if not found:
            raise self._nothing()
        decoded = np.array(sorted(found))
        nearest = [decoded[max(0, int(np.searchsorted(decoded, time, side="right")) - 1)] for time in wanted]
        seconds = (self._timeline.end - self._timeline.start) * self._unit
        return Clip(np.stack([found[int(time)] for time in nearest]), seconds)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        with opened(self._data, "video") as container:
            tracks = container.streams.video
            if not tracks:
                raise Invalid("the video has no images; send mp4, webm, mov, mkv or avi")
            stream = next((track for track in tracks if not _is_cover(track)), tracks[0])
            context = codec(stream, "video")
            self._bound(context.width, context.height)
            yield container, stream

    def _by_time(self, wanted: list[int]) -> dict[int, Pixels]:
        """The images by their times. Raises ``_OtherImages`` if the decoder gives others than the packets state."""
        found: dict[int, Pixels] = {}
        with self._opened() as (container, stream):
            decoding = Decoding(codec(stream, "video"))
            numbered = enumerate(packets(container, stream))
            for reach in self._timeline.reaches(wanted):
                for time, image in _visible(_within(numbered, decoding, reach), reach, self._timeline):
                    found[time] = self._fitted(image, stream)
            self._failure = decoding.failure
        return found

    def _by_order(self, wanted: list[int]) -> dict[int, Pixels]:
        """The images by their places in the order in which they are displayed; all before the last are decoded."""
        places = dict(zip(np.searchsorted(self._timeline.times, wanted).tolist(), wanted, strict=True))
        found: dict[int, Pixels] = {}
        with self._opened() as (container, stream):
            decoding = Decoding(codec(stream, "video"))
            latest = None
            for place, image in enumerate(decoding.frames(packets(container, stream))):
                latest = image
                if place in places:
                    found[places[place]] = self._fitted(image, stream)
                if place >= max(places):
                    break
            if latest is not None and len(found) < len(places):
                missing = min(time for time in wanted if time not in found)
                found[missing] = self._fitted(latest, stream)
            self._failure = decoding.failure
        return found

    def _fitted(self, image: Any, stream: Any) -> Pixels:
        """In RGB and as displayed; all with the size and the orientation of the first one."""
        self._bound(image.width, image.height)
        if self._display is None:
            self._display = Display(image, stream.sample_aspect_ratio, SHORT_SIDE)
        return self._display.rgb(image)

    def _bound(self, width: int, height: int) -> None:
        if width * height > self._most_pixels:
            raise Invalid(too_large("video", f"{width} x {height} pixels", self._most_pixels))

    def _nothing(self) -> Invalid:
        if self._failure is None:
            return Invalid("no image of the video can be read; encode it again")
        return Invalid(f"the video is damaged: {reason(self._failure)}; encode it again")


def _is_cover(track: Any) -> bool:
    """Of a song, such as an album's."""
    return bool(track.disposition & track.disposition.attached_pic)


def _within(numbered: Iterator[tuple[int, Any]], decoding: Decoding, reach: Reach) -> Iterator[Any]:
    """The images of the packets of ``reach``, in the order in which they are displayed."""
    for number, packet in numbered:
        if number >= reach.begin:
            yield from decoding.ready(packet)
        if number == reach.last:
            break
    yield from decoding.rest()


def _visible(images: Iterator[Any], reach: Reach, timeline: Timeline) -> Iterator[tuple[int, Any]]:
    """The image that is visible at each of the reach's times, with that time. Raises ``_OtherImages`` if the first
    image is not that of the reach's key frame, for then what follows is not whole either, and if times go back."""
    waiting = list(reach.displayed)
    begin = int(timeline.shows[reach.begin])
    latest = None
    for image in images:
        if reach.begin and image.pts < begin:
            continue  # it needs images before the key frame
        if latest is None and reach.begin and timeline.visible[reach.begin] and image.pts != begin:
            raise _OtherImages
        if latest is not None and image.pts <= latest.pts:
            raise _OtherImages
        while waiting and image.pts > waiting[0]:
            yield waiting.pop(0), latest or image
        latest = image
    if latest is not None:
        yield from ((time, latest) for time in waiting)
