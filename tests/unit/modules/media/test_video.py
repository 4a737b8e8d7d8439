"""Audio and video of all formats, cut ones, and files that would make ffmpeg open others."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

import av
from hypothesis import given
from hypothesis import strategies as st

from weft.domain.errors import Invalid
from weft.modules.media.audio import decode_audio
from weft.modules.media.video import decode_video

RATE = 16_000
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
AUDIO_FORMATS = [("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "libopus"), ("mp3", "libmp3lame"), ("ipod", "aac")]
VIDEO_FORMATS = [("mp4", "libx264"), ("webm", "libvpx"), ("matroska", "mpeg4"), ("avi", "mpeg4"), ("mov", "libx264")]


def audio_file(form: str, codec: str, *, seconds: float = 1.0, rate: int = 48_000, hertz: float = 440) -> bytes:
    t = np.arange(int(seconds * rate)) / rate
    wave = (np.sin(2 * np.pi * hertz * t) * 0.5 * 32767).astype(np.int16)
    stream = BytesIO()
    with av.open(stream, "w", format=form) as container:
        track = container.add_stream(codec, rate=rate, layout="mono")
        for start in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="s16", layout="mono")
            frame.rate, frame.pts = rate, start
            resampler = av.AudioResampler(format=track.format, layout="mono", rate=rate)
            for piece in resampler.resample(frame):
                container.mux(track.encode(piece))
        container.mux(track.encode(None))
    return stream.getvalue()


def video_file(form: str, codec: str, *, frames: int = 40, width: int = 64, height: int = 48) -> bytes:
    """A quarter of the frames in each of four colours, ten a second."""
    stream = BytesIO()
    with av.open(stream, "w", format=form) as container:
        track = container.add_stream(codec, rate=10, width=width, height=height, pix_fmt="yuv420p")
        for i in range(frames):
            image = np.full((height, width, 3), COLOURS[i * 4 // frames], np.uint8)
            container.mux(track.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(track.encode(None))
    return stream.getvalue()


@pytest.mark.parametrize(("form", "codec"), VIDEO_FORMATS)
def test_each_video_format_is_read(form: str, codec: str) -> None:
    frames, seconds = decode_video(video_file(form, codec), 4, most_pixels=10**6)
    assert frames.shape == (4, 48, 64, 3)
    assert frames.dtype == np.uint8
    assert seconds == pytest.approx(4, abs=0.3)
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert np.abs(frame.astype(int).mean(axis=(0, 1)) - colour).max() < 60


@pytest.mark.parametrize("frames", [8, 90, 400])
def test_a_video_without_an_index_is_read_from_its_beginning(frames: int) -> None:
    """MPEG-TS: a seek lands behind the only key frame, or nowhere."""
    found = decode_video(video_file("mpegts", "libx264", frames=frames), 4, most_pixels=10**6).frames
    for frame, colour in zip(found, COLOURS, strict=True):
        assert np.abs(frame.astype(int).mean(axis=(0, 1)) - colour).max() < 60


def test_an_image_stands_until_the_next_one() -> None:
    """Two images for a quarter second: each fills half of what is asked for."""
    found = decode_video(video_file("mp4", "libx264", frames=2), 4, most_pixels=10**6).frames.astype(int)
    assert np.abs(found[0] - found[1]).max() == 0
    assert np.abs(found[1] - found[2]).max() > 100


def test_a_video_of_few_images_repeats_them() -> None:
    assert decode_video(video_file("mp4", "libx264", frames=2), 8, most_pixels=10**6).frames.shape == (8, 48, 64, 3)


def test_large_frames_are_brought_down_and_larger_ones_refused() -> None:
    data = video_file("mp4", "libx264", frames=2, width=1280, height=1024)
    assert decode_video(data, 2, most_pixels=10**7).frames.shape == (2, 512, 640, 3)
    with pytest.raises(Invalid, match="1280 x 1024 pixels, and at most 1,000,000"):
        decode_video(data, 2, most_pixels=10**6)


def test_a_video_without_audio_is_no_audio_and_audio_is_no_video() -> None:
    with pytest.raises(Invalid, match="no audio track"):
        decode_audio(video_file("mp4", "libx264"), RATE, 30)
    with pytest.raises(Invalid, match="no images"):
        decode_video(audio_file("wav", "pcm_s16le"), 4, most_pixels=10**6)


def test_files_cut_anywhere_are_refused_or_read() -> None:
    for form, codec in (*AUDIO_FORMATS, *VIDEO_FORMATS):
        video = (form, codec) in VIDEO_FORMATS
        whole = video_file(form, codec) if video else audio_file(form, codec)
        for cut in range(0, len(whole), max(1, len(whole) // 10)):
            try:
                if video:
                    assert decode_video(whole[:cut], 4, most_pixels=10**6).frames.shape == (4, 48, 64, 3)
                else:
                    assert len(decode_audio(whole[:cut], RATE, 30)) > 0
            except Invalid as error:
                assert error.message.startswith(("the audio", "the video"))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


def test_no_other_file_or_address_is_opened(tmp_path: Path, listener: socket.socket) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(audio_file("wav", "pcm_s16le"))
    port = listener.getsockname()[1]
    lures = [
        f"ffconcat version 1.0\nfile {secret}\n",
        f"ffconcat version 1.0\nfile http://127.0.0.1:{port}/x.wav\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/x.ts\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
        f'<?xml version="1.0"?><MPD><Period><BaseURL>http://127.0.0.1:{port}/</BaseURL></Period></MPD>',
        f"concat:{secret}|{secret}",
        str(secret),
    ]
    for lure in lures:
        for read in (lambda d: decode_audio(d, RATE, 30), lambda d: decode_video(d, 4, most_pixels=10**6)):
            with pytest.raises(Invalid):
                read(lure.encode())
    with pytest.raises(BlockingIOError):
        listener.accept()


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"RIFF\x00\x01\x00\x00WAVEfmt ", b"ID3\x04", b"\x1aE\xdf\xa3", b"OggS"]),
)
def test_any_bytes_are_refused_or_read(data: bytes, start: bytes) -> None:
    for read in (lambda d: decode_audio(d, RATE, 1), lambda d: decode_video(d, 2, most_pixels=10**6)):
        try:
            read(start + data)
        except Invalid as error:
            assert error.message
