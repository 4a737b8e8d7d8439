"""Images of a video, spread over it: those that decoding all of it in order gives, whatever its key frames."""

from __future__ import annotations

import struct
from fractions import Fraction
from io import BytesIO
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")

import av

from tiny.recordings import HEIGHT, WIDTH, moved, number_of, numbered, video, x264, x265
from weft.modules.media import containers
from weft.modules.media.display import Orientation, orientation
from weft.modules.media.timeline import Reach, read_timeline
from weft.modules.media.video import decode_video

MIDDLES = [2, 8, 14, 20, 25, 31, 37]
"""Of seven parts of 40 images."""


def spread(data: bytes, count: int = 7) -> list[int]:
    return [number_of(image) for image in decode_video(data, count, most_pixels=10**6).frames]


def displayed_in_order(data: bytes) -> list[tuple[int, int]]:
    """The time and number of each image, by decoding all."""
    with av.open(BytesIO(data)) as container:
        images = container.decode(container.streams.video[0])
        return [(image.pts or 0, number_of(image.to_ndarray(format="rgb24"))) for image in images]


GRID: list[tuple[str, str, dict[str, Any]]] = [
    *(
        (form, "libx264", {"options": x264(key_every, b_frames)})
        for form in ("mp4", "matroska", "mpegts", "flv", "avi", "h264")
        for key_every, b_frames in ((1, 0), (12, 2), (250, 3))
    ),
    ("mp4", "libx264", {"options": x264(12, 3, ":open-gop=1")}),
    ("mpegts", "libx264", {"options": x264(12, 0, ":intra-refresh=1")}),
    ("mp4", "libx265", {"options": x265(12, 3, ":open-gop=1")}),
    ("mpegts", "libx265", {"options": x265(250, 3)}),
    ("hevc", "libx265", {"options": x265(12, 3)}),
    ("webm", "libvpx", {"options": {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "8", "cpu-used": "8"}}),
    (
        "webm",
        "libvpx",
        {"options": {"g": "250", "deadline": "realtime", "cpu-used": "8"}, "container_options": {"live": "1"}},
    ),
    ("webm", "libvpx-vp9", {"options": {"g": "250", "cpu-used": "8"}, "container_options": {"live": "1"}}),
    ("matroska", "libx264", {"options": x264(250, 2), "container_options": {"live": "1"}}),
    ("mp4", "libx264", {"options": x264(12, 2), "container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    ("mpeg", "mpeg1video", {"key_every": 12, "b_frames": 2}),
    ("mpeg", "mpeg2video", {"key_every": 12, "b_frames": 2}),
    ("mpeg2video", "mpeg2video", {"key_every": 12, "b_frames": 2}),
    ("avi", "mpeg4", {"key_every": 250, "b_frames": 2}),
    ("m4v", "mpeg4", {"key_every": 12, "b_frames": 2}),
    ("asf", "wmv2", {"key_every": 12}),
    ("3gp", "mpeg4", {"key_every": 12}),
    ("flv", "flv1", {"key_every": 12}),
]


@pytest.mark.parametrize(("form", "codec", "made"), GRID)
def test_images_are_those_of_decoding_the_whole_video(form: str, codec: str, made: dict[str, Any]) -> None:
    found = spread(video(form, codec, **made))
    # The clock of a program stream may round an image to the next part.
    assert np.abs(np.array(found) - MIDDLES).max() <= (form == "mpeg"), found


@pytest.mark.parametrize("rate", [5, 24, 60])
def test_at_any_rate_an_image_is_the_one_visible_in_the_middle(rate: int) -> None:
    clip = decode_video(video("mp4", "libx264", rate=rate, options=x264(12, 2)), 7, most_pixels=10**6)
    assert [number_of(image) for image in clip.frames] == MIDDLES
    assert clip.seconds == pytest.approx(40 / rate, abs=0.05)


@pytest.mark.parametrize(("form", "codec"), [("mp4", "libx264"), ("matroska", "libx264"), ("webm", "libvpx-vp9")])
def test_an_image_that_stands_long_has_more_of_the_parts(form: str, codec: str) -> None:
    times = [0, 40, 80, 5000, 5040, 9000, 9040, *range(10_000, 11_000, 40)]
    data = video(form, codec, times_ms=times, options=x264(250, 2) if codec == "libx264" else {"cpu-used": "8"})
    in_order = displayed_in_order(data)
    found = spread(data, 9)
    assert found[:7] == [2, 2, 2, 2, 4, 4, 4]
    assert set(found) <= {number for _, number in in_order}


@pytest.mark.parametrize("key_every", [12, 250])
def test_what_an_edit_list_leaves_out_is_not_among_them(key_every: int) -> None:
    data = moved(video("mp4", "libx264", options=x264(key_every, 2)), "mp4", -0.6)
    in_order = [number for _, number in displayed_in_order(data)]
    assert in_order == list(range(15, 40))
    clip = decode_video(data, 5, most_pixels=10**6)
    assert [number_of(image) for image in clip.frames] == [17, 22, 27, 32, 37]
    assert clip.seconds == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("form", ["mp4", "matroska", "mpegts"])
def test_a_video_may_begin_late(form: str) -> None:
    assert spread(moved(video("mp4", "libx264", options=x264(12, 2)), form, 3)) == MIDDLES


def test_videos_joined_are_read_to_the_end() -> None:
    one = video("mpegts", "libx264", options=x264(12, 2))
    clip = decode_video(one + one, 4, most_pixels=10**6)
    assert [number_of(image) for image in clip.frames] == [10, 30, 10, 30]
    assert clip.seconds == pytest.approx(3.2, abs=0.1)


def test_a_video_cut_at_its_start_begins_with_the_next_key_frame() -> None:
    data = video("mpegts", "libx264", options=x264(12, 2))
    found = spread(data[188 * 20 :], 4)
    assert found == sorted(found) and found[0] >= 2 and found[-1] >= 34


def test_damaged_images_are_left_out() -> None:
    data = bytearray(video("mpegts", "libx264", options=x264(4)))
    middle = len(data) // 2 // 188 * 188
    data[middle + 8 : middle + 188 * 3] = bytes(188 * 3 - 8)
    found = spread(bytes(data))
    assert found[:2] == MIDDLES[:2] and found[-2:] == MIDDLES[-2:]


class Packet:
    def __init__(self, pts: int | None, dts: int, *, key: bool = False, hidden: bool = False, lasts: int = 1) -> None:
        self.pts, self.dts, self.is_keyframe, self.is_discard, self.duration = pts, dts, key, hidden, lasts


def test_each_packet_is_decoded_once_and_groups_without_a_wanted_image_are_skipped() -> None:
    shows = [0, 3, 1, 2, 4, 7, 5, 6, 8, 11, 9, 10, 12]
    timeline = read_timeline(iter(Packet(pts, i - 1, key=i % 4 == 0) for i, pts in enumerate(shows)))
    assert timeline is not None and timeline.stated
    assert (timeline.start, timeline.end) == (0, 13)
    assert timeline.reaches([1, 2]) == [Reach(0, 3, (1, 2))]
    assert timeline.reaches([2, 9, 9, 12]) == [Reach(0, 3, (2,)), Reach(8, 10, (9,)), Reach(12, 12, (12,))]


def test_images_displayed_before_a_key_frame_but_decoded_after_it_join_two_groups() -> None:
    shows = [0, 1, 4, 2, 3, 5]
    timeline = read_timeline(iter(Packet(pts, i, key=i in (0, 2)) for i, pts in enumerate(shows)))
    assert timeline is not None
    assert timeline.reaches([3]) == [Reach(0, 4, (3,))]
    assert timeline.reaches([3, 4]) == [Reach(0, 4, (3, 4))]
    assert timeline.reaches([4]) == [Reach(2, 2, (4,))]


def test_without_times_images_are_counted() -> None:
    timeline = read_timeline(iter([Packet(None, 0, key=True), Packet(None, 1), Packet(None, 2)]))
    assert timeline is not None and not timeline.stated
    assert timeline.middles(3) == [0, 1, 2]
    assert read_timeline(iter([])) is None


def test_hardly_more_is_decoded_than_the_whole_video(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = 0
    ready = containers.Decoding.ready

    def counted(self: containers.Decoding, packet: Any) -> list[Any]:
        nonlocal decoded
        decoded += 1
        return ready(self, packet)

    monkeypatch.setattr(containers.Decoding, "ready", counted)
    spread(video("mp4", "libx264", options=x264(250, 2)), 16)
    assert decoded <= 40
    decoded = 0
    spread(video("mp4", "libx264", options=x264(4)), 4)
    assert decoded <= 16


def turned_video(matrix: tuple[int, ...]) -> bytes:
    """``matrix``: a, b, c, d of the display matrix, in the header of an MP4."""
    data = video("mp4", "libx264", images=4)
    at = data.index(b"tkhd") + 44
    a, b, c, d = (number << 16 for number in matrix)
    return data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :]


@pytest.mark.parametrize(
    ("matrix", "rows_and_columns"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda image: np.rot90(image.transpose(1, 0, 2), 2)),
    ],
)
@pytest.mark.parametrize("at_start", [False, True])
def test_a_video_is_turned_and_mirrored_as_it_says(
    matrix: tuple[int, ...], rows_and_columns: Any, at_start: bool
) -> None:
    found = decode_video(turned_video(matrix), 4, at_start=at_start, most_pixels=10**6).frames
    for number, image in enumerate(found):
        expected = rows_and_columns(numbered(number))
        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).mean() < 12


def test_other_angles_go_to_the_nearest_quarter_turn() -> None:
    fixed = np.array([0.17, 0.98, 0, -0.98, 0.17, 0, 0, 0, 1]) * 65_536
    assert orientation(fixed.astype(np.int32)) == orientation(np.array([0, 1, 0, -1, 0, 0, 0, 0, 1], np.int32))
    assert orientation(np.zeros(9, np.int32)) == Orientation()


def test_pixels_that_are_not_square_are_stretched() -> None:
    """As on a DVD."""
    data = video("mp4", "libx264", images=4, aspect=Fraction(4, 3))
    assert decode_video(data, 2, most_pixels=10**6).frames.shape == (2, HEIGHT, WIDTH * 4 // 3, 3)
