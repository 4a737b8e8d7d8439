"""HEIC images as phones write them: one image of HEVC or a grid of tiles, turned or mirrored by properties.

Source: ISO/IEC 23008-12 sections 6 and 9, ISO/IEC 14496-12 section 8.11.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def heic(image: Pixels, *, tile: int = 0, turns: int = 0, mirror: int | None = None) -> bytes:
    """``image (h, w, 3)``, sides of 64 at least; ``tile``: the side of its tiles, which divides the image's; 0: one
    image. Displayed after ``turns`` quarter turns counterclockwise, or mirrored about the axis ``mirror``."""
    height, width = image.shape[:2]
    side = tile or max(height, width)
    parts = [
        np.ascontiguousarray(image[y : y + side, x : x + side])
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]
    coded = [_hevc(part) for part in parts]
    count = len(coded)
    displayed = [_box(b"irot", bytes([turns]))] if turns else []
    displayed += [_box(b"imir", bytes([mirror]))] if mirror is not None else []
    part_height, part_width = parts[0].shape[:2]
    properties = [coded[0][0], _size(part_width, part_height), _size(width, height), *displayed]
    of_whole = [0x80 | number for number in range(4, 4 + len(displayed))]
    items = [(number, b"hvc1", data) for number, (_, data) in enumerate(coded, 1)]
    links = b""
    associated = {number: [0x80 | 1, 2] for number, _, _ in items}
    if tile:
        rows, columns = height // tile, width // tile
        items.append((count + 1, b"grid", struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)))
        tiles = struct.pack(f">HH{count}H", count + 1, count, *range(1, count + 1))
        links = _full(b"iref", _box(b"dimg", tiles))
        associated[count + 1] = [3]
    primary = items[-1][0]
    associated[primary] = associated[primary] + of_whole
    ftyp = _box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")
    # The length of what comes before the data does not depend on where they are.
    before = len(ftyp) + len(_meta(items, properties, associated, links, primary, 0)) + 8
    meta = _meta(items, properties, associated, links, primary, before)
    return ftyp + meta + _box(b"mdat", b"".join(data for _, _, data in items))


def _meta(
    items: list[tuple[int, bytes, bytes]],
    properties: list[bytes],
    associated: dict[int, list[int]],
    links: bytes,
    primary: int,
    offset: int,
) -> bytes:
    places, entries = b"", b""
    for number, kind, data in items:
        places += struct.pack(">HHHII", number, 0, 1, offset, len(data))
        entries += _full(b"infe", struct.pack(">HH4sB", number, 0, kind, 0), version=2, flags=int(number != primary))
        offset += len(data)
    uses = b"".join(
        struct.pack(">HB", number, len(found)) + bytes(found) for number, found in sorted(associated.items())
    )
    return _full(
        b"meta",
        _full(b"hdlr", bytes(4) + b"pict" + bytes(13))
        + _full(b"pitm", struct.pack(">H", primary))
        + _full(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)) + places)
        + _full(b"iinf", struct.pack(">H", len(items)) + entries)
        + links
        + _box(
            b"iprp",
            _box(b"ipco", b"".join(properties)) + _full(b"ipma", struct.pack(">I", len(associated)) + uses),
        ),
    )


def _hevc(image: Pixels) -> tuple[bytes, bytes]:
    """The box of the decoder's configuration, and one coded image."""
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        height, width = image.shape[:2]
        track: Any = container.add_stream("libx265", rate=1, width=width, height=height, pix_fmt="yuv420p")
        track.options = {"preset": "ultrafast", "crf": "10", "x265-params": "log-level=none:bframes=0"}
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts = 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    data = stream.getvalue()
    at = data.index(b"hvcC") - 4
    configuration = data[at : at + int.from_bytes(data[at : at + 4])]
    with av.open(io.BytesIO(data)) as read:
        packet = next(iter(read.demux(read.streams.video[0])))
        return configuration, bytes(packet)


def _size(width: int, height: int) -> bytes:
    return _full(b"ispe", struct.pack(">II", width, height))


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


def _full(name: bytes, content: bytes, *, version: int = 0, flags: int = 0) -> bytes:
    return _box(name, bytes([version]) + flags.to_bytes(3) + content)
