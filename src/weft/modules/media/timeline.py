"""Timeline: when the images of a video are displayed, and from which key frame each is decoded; read from its packets.

Reading packets takes hardly any time beside decoding them. What they say is complete where a file states no duration,
and right where it states another one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_KEY, _HIDDEN = 1, 2


class Reach(NamedTuple):
    """Packets to decode, from a key frame's to the last that is needed, and the times of the images wanted from them.

    ``begin`` and ``last`` count packets; ``displayed``: ascending, in the track's units.
    """

    begin: int
    last: int
    displayed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Of ``n`` packets in the order of decoding, ``n`` at least 1.

    ``shows (n,) i64``: when the image of each is displayed; ``keys (n,) bool``: whether decoding can begin with it;
    ``visible (n,) bool``: False for what an edit list leaves out; ``end``: when the last image goes; all in the
    track's units. ``stated``: False if the packets do not say when their images are displayed, or count time again from
    its start: then ``shows`` are numbers of images, equally long, and only the order of decoded images is known.
    """

    shows: npt.NDArray[np.int64]
    keys: npt.NDArray[np.bool_]
    visible: npt.NDArray[np.bool_]
    end: int
    stated: bool

    @property
    def start(self) -> int:
        return int(self.times[0])

    @property
    def times(self) -> npt.NDArray[np.int64]:
        """When the visible images are displayed, ascending, each time once."""
        return np.unique(self.shows[self.visible] if self.visible.any() else self.shows)

    def middles(self, parts: int) -> list[int]:
        """The times of the images that are visible in the middles of so many equal parts of the video, ascending."""
        times = self.times
        middles = [self.start + (self.end - self.start) * (2 * part + 1) // (2 * parts) for part in range(parts)]
        return [int(times[max(0, int(np.searchsorted(times, middle, side="right")) - 1)]) for middle in middles]

    def reaches(self, displayed: list[int]) -> list[Reach]:
        """How to decode the images ``displayed`` at these times: each packet once at most, and only those needed."""
        keys = np.flatnonzero(self.keys)
        packets = {int(time): index for index, time in reversed(list(enumerate(self.shows.tolist())))}
        found: dict[int, list[int]] = {}
        for time in sorted(set(displayed)):
            before = keys[(self.shows[keys] <= time) & (keys <= packets[time])]
            found.setdefault(int(before[-1]) if len(before) else 0, []).append(time)
        reaches: list[Reach] = []
        for begin, times in sorted(found.items()):
            last = max(packets[time] for time in times)
            if reaches and begin <= reaches[-1].last:  # images displayed before a key frame can be decoded after it
                former = reaches.pop()
                reaches.append(Reach(former.begin, max(former.last, last), (*former.displayed, *times)))
            else:
                reaches.append(Reach(begin, last, tuple(times)))
        return reaches


def read_timeline(packets: Iterator[Any]) -> Timeline | None:
    """None without a packet."""
    shows: list[int | None] = []
    order: list[int] = []
    flags = bytearray()
    last_displayed, lasts = -math.inf, 0
    for packet in packets:
        shows.append(packet.pts)
        flags.append(_KEY * bool(packet.is_keyframe) | _HIDDEN * bool(packet.is_discard))
        if packet.dts is not None:
            order.append(packet.dts)
        if packet.pts is not None and packet.pts > last_displayed and not packet.is_discard:
            last_displayed, lasts = packet.pts, packet.duration or 0
    if not shows:
        return None
    marks = np.frombuffer(bytes(flags), np.uint8)
    keys, visible = (marks & _KEY).astype(bool), ~(marks & _HIDDEN).astype(bool)
    keys[0] = True
    times = [time for time in shows if time is not None]
    if len(times) < len(shows) or any(later < former for former, later in pairwise(order)):
        numbers = np.arange(len(shows), dtype=np.int64)
        return Timeline(numbers, keys, visible, len(shows), stated=False)
    found = Timeline(np.array(times, np.int64), keys, visible, 0, stated=True)
    return replace(found, end=int(found.times[-1]) + (lasts if lasts > 0 else _usual(found.times)))


def _usual(times: npt.NDArray[np.int64]) -> int:
    """How long an image is displayed on average."""
    return max(1, round((int(times[-1]) - int(times[0])) / (len(times) - 1))) if len(times) > 1 else 1
