"""A worker that decodes: ``python -m weft.modules.media.worker``, started by ``WorkerPool``, bounded by the system.

It reads requests from its standard input until that ends (see ``wire``). What a hostile file makes of a decoder ends
here: too much memory is an error, too much time the end of the process, and so is a crash.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from weft.domain.errors import Invalid, WeftError
from weft.modules.media.limits import MEMORY_SETTING, Limits
from weft.modules.media.pictures import decode_picture
from weft.modules.media.tracks import decode_film, decode_film_sound, decode_sound
from weft.modules.media.wire import FILM, FILM_SOUND, PICTURE, SOUND, Reply, Request, read_request, write_reply

Decode: TypeAlias = Callable[[Request], Reply]

_OPEN_FILES = 64


def decoding(limits: Limits) -> Decode:
    """What the worker does with a request."""

    def decode(request: Request) -> Reply:
        if request.kind == PICTURE:
            return Reply(decode_picture(request.data, most_pixels=limits.pixels))
        if request.kind == SOUND:
            return Reply(decode_sound(request.data, int(request.first), request.second))
        if request.kind == FILM_SOUND:
            return Reply(decode_film_sound(request.data, int(request.first), request.second))
        assert request.kind == FILM
        at_start = bool(request.second)
        clip = decode_film(request.data, int(request.first), at_start=at_start, most_pixels=limits.pixels)
        return Reply(clip.frames, clip.seconds)

    return decode


def serve(decode: Decode, limits: Limits) -> None:
    """Until standard input ends. Whatever libraries print goes to standard error."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _bound_memory(limits)
    while (request := read_request(requests)) is not None:
        _bound_time(limits)
        write_reply(replies, _outcome(decode, request))


def _outcome(decode: Decode, request: Request) -> Reply | WeftError:
    try:
        return decode(request)
    except WeftError as error:
        return error
    except MemoryError:
        return Invalid(f"the medium takes more memory to read than is allowed ({MEMORY_SETTING}); send a smaller one")
    except Exception as error:  # what a decoder makes of hostile bytes has no one class
        return Invalid(f"the medium is damaged, or of an unknown make ({type(error).__name__}: {error})")


def _bound_memory(limits: Limits) -> None:
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


def _bound_time(limits: Limits) -> None:
    """The system ends the process when this request has taken its CPU seconds."""
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime + limits.cpu_s) + 1
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    pixels, cpu_s, memory_bytes = sys.argv[1:4]
    limits = Limits(pixels=int(pixels), cpu_s=float(cpu_s), memory_bytes=int(memory_bytes))
    serve(decoding(limits), limits)


if __name__ == "__main__":
    main()
