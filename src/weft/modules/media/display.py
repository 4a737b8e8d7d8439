"""Display: from a stored image of a video to the one that is displayed: turned, mirrored, stretched and reduced.

Phones store videos as their sensor lies, with a display matrix. Angles between quarter turns go to the nearest, as in
players.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_SIDE_DATA = "DISPLAYMATRIX"
_MATRIX_BYTES = 36
_MOST_STRETCHED = 10


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


class Display:
    """How a video is displayed, according to its first ``image``.

    ``aspect``: the width of a pixel for a height of 1; ``short_side``: the most pixels of the shorter side.
    """

    def __init__(self, image: Any, aspect: Fraction | None, short_side: int) -> None:
        from av.video.reformatter import VideoReformatter

        stretched = float(aspect or 1)
        if not 1 / _MOST_STRETCHED <= stretched <= _MOST_STRETCHED:
            stretched = 1.0
        width, height = image.width * stretched, float(image.height)
        scale = min(1.0, short_side / min(width, height))
        self._size = max(1, round(width * scale)), max(1, round(height * scale))
        self._orientation = _orientation_of(image)
        self._reformatter = VideoReformatter()  # one for all images: it has threads

    def rgb(self, image: Any) -> npt.NDArray[np.uint8]:
        """``(h, w, 3)``, the same size for all images."""
        width, height = self._size
        reduced: Any = self._reformatter.reformat(image, width=width, height=height, format="rgb24")
        return self._orientation.displayed(reduced.to_ndarray())


def _orientation_of(image: Any) -> Orientation:
    """From the display matrix of a frame of PyAV; as stored without one.

    A frame and its side data refer to each other, so a frame that was asked for them stays until they are collected:
    ask one.
    """
    for data in image.side_data:
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
