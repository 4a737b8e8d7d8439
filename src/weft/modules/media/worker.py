"""A worker that decodes: ``python -m weft.modules.media.worker``, started by ``WorkerPool``, bounded by the system.

It reads requests from its standard input until that ends (see ``wire``). The damage of a hostile file is confined to
this process: too much memory is an error; too much time, or a crash, ends the process.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from weft.domain.errors import Invalid, WeftError
from weft.modules.media.audio import decode_audio, decode_soundtrack
from weft.modules.media.images import decode_image
from weft.modules.media.limits import MEMORY_SETTING, MediaLimits
from weft.modules.media.video import decode_video
from weft.modules.media.wire import Decoded, DecodeRequest, Output, read_request, write_ready, write_reply

Decode: TypeAlias = Callable[[DecodeRequest], Decoded]

_OPEN_FILES = 64


def decoding(limits: MediaLimits) -> Decode:
    """The function that handles a request in the worker."""

    def decode(request: DecodeRequest) -> Decoded:
        if request.output == Output.IMAGE:
            return Decoded(decode_image(request.data, most_pixels=limits.pixels))
        if request.output == Output.AUDIO:
            return Decoded(decode_audio(request.data, int(request.first), request.second))
        if request.output == Output.SOUNDTRACK:
            return Decoded(decode_soundtrack(request.data, int(request.first), request.second))
        assert request.output == Output.VIDEO
        at_start = bool(request.second)
        clip = decode_video(request.data, int(request.first), at_start=at_start, most_pixels=limits.pixels)
        gc.collect()  # a frame of PyAV and its side data refer to each other, and it may be large
        return Decoded(clip.frames, clip.seconds)

    return decode


def serve(decode: Decode, limits: MediaLimits) -> None:
    """Until standard input ends. Output of libraries goes to standard error."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _bound_memory(limits)
    write_ready(replies)
    while (request := read_request(requests)) is not None:
        _bound_time(limits)
        write_reply(replies, _outcome(decode, request))


def _outcome(decode: Decode, request: DecodeRequest) -> Decoded | WeftError:
    try:
        return decode(request)
    except WeftError as error:
        return error
    except MemoryError:
        return Invalid(f"the medium takes more memory to decode than allowed ({MEMORY_SETTING}); send a smaller one")
    except Exception as error:  # hostile bytes can raise any class in a decoder
        return Invalid(f"the medium is damaged or unsupported ({type(error).__name__}: {error}); encode it again")


def _bound_memory(limits: MediaLimits) -> None:
    if sys.platform != "win32":
        import resource

        stated = Path("/proc/self/statm")
        own = int(stated.read_text().split()[0]) * resource.getpagesize() if stated.exists() else 0
        for kind, most in (
            (resource.RLIMIT_AS, own + limits.memory_bytes),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(kind)
            bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (bound, bound))


def _bound_time(limits: MediaLimits) -> None:
    """The system ends the process when this request has taken its CPU seconds."""
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime + limits.cpu_s) + 1
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    pixels, cpu_s, memory_bytes = sys.argv[1:4]
    limits = MediaLimits(pixels=int(pixels), cpu_s=float(cpu_s), memory_bytes=int(memory_bytes))
    serve(decoding(limits), limits)


if __name__ == "__main__":
    main()
