"""The protocol between the server and a decoding worker, over the worker's standard input and output, little endian.

    start     u8 6, once the worker can take requests
    request   u8 output (1 image, 2 audio, 3 video, 4 soundtrack of a video), f64 first, f64 second, u64 length, then
              that many bytes
              audio: first = samples a second, second = seconds at most
              video: first = frames, second = 1 for those at its beginning, 0 for frames spread over it
    reply     u8 outcome, f64 seconds, u8 dimensions, u64 each, u64 length, then that many bytes
              outcome 0: an array of these dimensions, u8 of an image or video, f32 of audio
              outcome 1: Invalid, 2: Misconfigured; the bytes are the message

Nothing is unpickled: even a compromised worker can only send numbers or a message.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import IO, Any, Final

import numpy as np

from weft.domain.errors import Invalid, Misconfigured, WeftError


class Output(IntEnum):
    """The output that a request asks for."""

    IMAGE = 1
    AUDIO = 2
    VIDEO = 3
    SOUNDTRACK = 4
    """The audio of a video."""


_READY = b"\x06"
_FOUND, _INVALID, _MISCONFIGURED = 0, 1, 2
_REQUEST = struct.Struct("<BddQ")
_HEAD = struct.Struct("<BdB")
_SIZE = struct.Struct("<Q")
_MOST_DIMENSIONS = 4
_MOST_REPLY_BYTES: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    output: Output
    data: bytes
    first: float = 0.0
    second: float = 0.0


@dataclass(frozen=True, slots=True)
class Decoded:
    """``array``: the pixels of an image, a waveform, or the frames of a video that lasts ``seconds``."""

    array: np.ndarray[Any, Any]
    seconds: float = 0.0


def write_ready(stream: IO[bytes]) -> None:
    stream.write(_READY)
    stream.flush()


def read_ready(stream: IO[bytes]) -> None:
    """Waits until the worker has started. Raises EOFError where it has ended instead."""
    if _exactly(stream, len(_READY)) != _READY:
        raise EOFError("no worker")


def write_request(stream: IO[bytes], request: DecodeRequest) -> None:
    stream.write(_REQUEST.pack(request.output, request.first, request.second, len(request.data)))
    stream.write(request.data)
    stream.flush()


def read_request(stream: IO[bytes]) -> DecodeRequest | None:
    """None at the end."""
    head = stream.read(_REQUEST.size)
    if len(head) < _REQUEST.size:
        return None
    output, first, second, length = _REQUEST.unpack(head)
    return DecodeRequest(Output(output), _exactly(stream, length), first, second)


def write_reply(stream: IO[bytes], reply: Decoded | WeftError) -> None:
    if isinstance(reply, WeftError):
        outcome = _MISCONFIGURED if isinstance(reply, Misconfigured) else _INVALID
        message = reply.message.encode("utf-8", "replace")
        stream.write(_HEAD.pack(outcome, 0.0, 0) + _SIZE.pack(len(message)) + message)
    else:
        shape = reply.array.shape
        stream.write(_HEAD.pack(_FOUND, reply.seconds, len(shape)))
        stream.write(b"".join(_SIZE.pack(size) for size in (*shape, reply.array.nbytes)))
        stream.write(reply.array.data)
    stream.flush()


def read_reply(stream: IO[bytes], output: Output) -> Decoded:
    """Raises the error that the worker reports, and EOFError for an invalid reply to a request for ``output``."""
    outcome, seconds, dimensions = _HEAD.unpack(_exactly(stream, _HEAD.size))
    if dimensions > _MOST_DIMENSIONS:
        raise EOFError(f"{dimensions} dimensions")
    sizes = [_SIZE.unpack(_exactly(stream, _SIZE.size))[0] for _ in range(dimensions + 1)]
    *shape, length = sizes
    if length > _MOST_REPLY_BYTES:
        raise EOFError(f"{length} bytes")
    content = _exactly(stream, length)
    if outcome == _INVALID:
        raise Invalid(content.decode("utf-8", "replace"))
    if outcome == _MISCONFIGURED:
        raise Misconfigured(content.decode("utf-8", "replace"))
    dtype = np.dtype(np.float32 if output in (Output.AUDIO, Output.SOUNDTRACK) else np.uint8)
    wanted = {Output.IMAGE: 3, Output.AUDIO: 1, Output.VIDEO: 4, Output.SOUNDTRACK: 1}[output]
    if math.prod(shape) * dtype.itemsize != length or len(shape) != wanted:
        raise EOFError(f"{length} bytes of shape {shape}")
    return Decoded(np.frombuffer(content, dtype).reshape(shape), seconds)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise EOFError(f"{len(found)} of {size} bytes")
    return found
