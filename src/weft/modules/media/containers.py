"""Files of audio and video, opened by PyAV: only known formats, without following references to other files.

ffmpeg would open the files and addresses in playlists: an allow-list of protocols and formats restricts it to the given
bytes. It never gets anything but bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from weft.domain.errors import Invalid, Misconfigured
from weft.modules.media.lengths import missing_bytes
from weft.modules.media.likeness import unlike

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,m4v,flv,asf,"
    "wav,w64,aiff,au,caf,amr,mp3,ogg,flac,aac,loas,ac3,eac3,dts,wv,ape,tta"
)
"""Demuxers of ffmpeg. None of them opens anything but the bytes that it gets."""
_OPTIONS = {"protocol_whitelist": "pipe", "format_whitelist": FORMATS}
READABLE = {
    "video": "mp4, mov, webm, mkv, avi, mpegts, mpeg, wmv, flv, 3gp, and animated GIF, WebP and PNG",
    "audio": "wav, mp3, flac, ogg, m4a, aac, aiff, caf, au, amr, wma, ac3, wavpack, webm, and the soundtrack of videos",
}


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
def opened(data: bytes, what: str) -> Iterator[Any]:
    """``what``: ``audio`` or ``video``, for messages. Raises Invalid for another format, and for a file cut off."""
    av = import_av()
    if missing := missing_bytes(data):
        raise Invalid(
            f"the {what} is cut off: its headers state {len(data) + missing:,} bytes, but {len(data):,} were sent; "
            "send the whole file"
        )
    try:
        container = av.open(BytesIO(data), options=_OPTIONS, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError) as error:
        raise Invalid(unlike(what, data, reason(error), READABLE[what])) from error
    with container:
        yield container


def codec(stream: Any, what: str) -> Any:
    """The decoder of a track, on one thread. Raises Invalid if there is none."""
    if stream.codec_context is None:
        raise Invalid(f"the {what} is damaged, or has an unsupported codec; encode it again")
    stream.codec_context.thread_count = 1
    return stream.codec_context


def packets(container: Any, stream: Any) -> Iterator[Any]:
    """The encoded pieces of a track, without the empty ones that flush its decoder, as far as the file can be read."""
    import av.error

    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except MemoryError:
        raise
    except av.error.FFmpegError:
        return  # what came before the damage is used


class Decoding:
    """Decodes a track's packets; those that are damaged are left out, as players do.

    ``failure``: the first error, once there was one.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self.failure: Exception | None = None

    def frames(self, packets: Iterator[Any]) -> Iterator[Any]:
        """The frames of all ``packets``, in the order of presentation."""
        for packet in packets:
            yield from self._decoded(packet)
        yield from self.rest()

    def ready(self, packet: Any) -> list[Any]:
        """The frames that are complete after ``packet``."""
        return self._decoded(packet)

    def rest(self) -> list[Any]:
        """The frames that the decoder holds back; it can then begin again, at a key frame."""
        found = self._decoded(None)
        self._context.flush_buffers()
        return found

    def _decoded(self, packet: Any) -> list[Any]:
        import av.error

        try:
            found: list[Any] = self._context.decode(packet)
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            self.failure = self.failure or error
            return []
        return found


def reason(error: Exception | None) -> str:
    """In words: ffmpeg's messages are mostly a number and the name of a file, of which there is none."""
    known = {"EOFError": "it ends too early", "InvalidDataError": "its bytes make no sense", "ArgumentError": ""}
    name = type(error).__name__
    return known[name] if name in known else str(getattr(error, "strerror", None) or error)
