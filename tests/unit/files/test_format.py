from pathlib import Path

import orjson
import pytest

from weft.domain.errors import CorruptData, Misconfigured
from weft.files import format
from weft.files.format import seal, unseal


def test_a_marked_folder_is_recognised(tmp_path: Path) -> None:
    assert not format.marked(tmp_path, "shard")
    format.mark(tmp_path, "shard", sync=True)
    assert format.marked(tmp_path, "shard") == format.FORMAT


def test_a_newer_format_or_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / format.MARKER
    path.write_bytes(orjson.dumps({"kind": "shard", "format": format.FORMAT + 1}))
    with pytest.raises(Misconfigured, match=r"format 3.*formats up to 2"):
        format.marked(tmp_path, "shard")
    path.write_bytes(orjson.dumps({"kind": "shard", "format": format.FORMAT}))
    with pytest.raises(Misconfigured, match="holds a shard, not a catalog"):
        format.marked(tmp_path, "catalog")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"{}", b'{"kind": "shard"}'])
def test_a_damaged_marker_is_reported(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / format.MARKER).write_bytes(raw)
    with pytest.raises(CorruptData):
        format.marked(tmp_path, "shard")


def test_a_seal_holds_table_key_and_every_bit(tmp_path: Path) -> None:
    value = seal(b"t", b"key", b"payload")
    assert unseal(b"t", b"key", value, tmp_path) == b"payload"
    wrong = [(b"t", b"other", value), (b"u", b"key", value), (b"t", b"key", value[:-1]), (b"t", b"key", b"")]
    for i in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[i // 8] ^= 1 << i % 8
        wrong.append((b"t", b"key", bytes(flipped)))
    for table, key, bad in wrong:
        with pytest.raises(CorruptData):
            unseal(table, key, bad, tmp_path)
