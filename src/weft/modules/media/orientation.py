"""Orientation: how a stored image of a video is turned and mirrored to be displayed.

Phones store videos as their sensor lies, with a display matrix. Angles between quarter turns go to the nearest, as in
players.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_SIDE_DATA = "DISPLAYMATRIX"
_MATRIX_BYTES = 36


class Orientation(NamedTuple):
    """First ``transposed``, then mirrored from left to right, and from top to bottom."""

    transposed: bool = False
    left_right: bool = False
    top_bottom: bool = False

    def displayed(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """``image (h, w, 3)`` as it is displayed; ``(w, h, 3)`` where ``transposed``."""
        found = image.transpose(1, 0, 2) if self.transposed else image
        rows = slice(None, None, -1 if self.top_bottom else 1)
        columns = slice(None, None, -1 if self.left_right else 1)
        return np.ascontiguousarray(found[rows, columns])


def orientation_of(frame: Any) -> Orientation:
    """From the display matrix of a frame of PyAV; as stored without one."""
    for data in frame.side_data:
        if data.type.name == _SIDE_DATA and data.buffer_size >= _MATRIX_BYTES:
            return orientation(np.frombuffer(bytes(data)[:_MATRIX_BYTES], "=i4"))
    return Orientation()


def orientation(matrix: npt.NDArray[np.int32]) -> Orientation:
    """``matrix (9,)``, row by row: a point ``(p, q)``, from left and from top, is displayed at
    ``(a p + c q, b p + d q)``, where ``a, b`` begin the first row and ``c, d`` the second."""
    a, b, _, c, d = (int(number) for number in matrix[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
