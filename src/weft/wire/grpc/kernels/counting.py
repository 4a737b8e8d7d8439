"""How many fields a message has, those of the messages in it among them, before any of it is decoded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.wire.grpc.kernels.fields import U8, read_span, read_varint

I16 = npt.NDArray[np.int16]

MALFORMED = -1
_MOST_LEVELS = 101


@njit(cache=True, nogil=True)
def count_fields(data: U8, kinds: I16, most: int) -> int:
    """The number of fields, or one above ``most`` once there are more; ``MALFORMED`` for what is no message.

    ``kinds (k, f)`` has the kind of message that the field ``f`` of a message of kind ``k`` holds, -1 for no message;
    the whole is of kind 0.
    """
    ends = np.empty(_MOST_LEVELS, np.int64)
    of_kind = np.zeros(_MOST_LEVELS, np.int64)
    ends[0] = len(data)
    level = 0
    at = 0
    n = 0
    while True:
        while at >= ends[level]:
            if level == 0:
                return n
            level -= 1
        end = ends[level]
        tag, at = read_varint(data, at, end)
        n += 1
        if at < 0:
            return MALFORMED
        if n > most:
            return n
        form = tag & 7
        number = tag >> 3
        if form == 2:
            begin, stop = read_span(data, at, end)
            if begin < 0:
                return MALFORMED
            kind = int(kinds[of_kind[level], number]) if number < kinds.shape[1] else -1
            at = stop
            if kind >= 0:
                level += 1
                if level == _MOST_LEVELS:
                    return MALFORMED
                ends[level] = stop
                of_kind[level] = kind
                at = begin
        elif form == 0:
            while at < end and data[at] >= 0x80:
                at += 1
            at += 1
        elif form == 1:
            at += 8
        elif form == 5:
            at += 4
        elif form > 5:
            return MALFORMED
        if at > end:
            return MALFORMED
