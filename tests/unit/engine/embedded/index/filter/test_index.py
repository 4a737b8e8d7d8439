from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.filters import And, Condition, Filter, Operator, PropertyTarget, ReferenceCount
from weft.domain.objects import GeoPoint, Object, PhoneNumber, Reference
from weft.domain.query import Sort
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine.embedded.index.filter.gathered import Gathered
from weft.engine.embedded.index.filter.index import FilterIndex

O = Operator  # noqa: E741


def decoded(gathered: Gathered | None) -> list[Any]:
    """One value for each object: None without one, a list for an array."""
    assert gathered is not None
    flat, ends = gathered.kind.decode(gathered.values), gathered.offsets.tolist()
    return [(flat[a:b] if gathered.multi else flat[a]) if b > a else None for a, b in pairwise(ends)]


def on(name: str, operator: Operator, value: Any) -> Condition:
    return Condition(operator, PropertyTarget(name), value)


def test_a_write_is_found_at_once_and_after_reopening(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT))
    made.add({"n": 1}, {"n": 2})
    assert made.find(on("n", O.EQUAL, 2)) == [1]
    made.index.checkpoint(made.live)
    made.reopen()
    assert made.index.covered == 2
    made.add({"n": 2})
    assert made.find(on("n", O.EQUAL, 2)) == [1, 2]
    made.reopen()
    assert made.index.covered == 2, "what was not in a checkpoint is replayed"


@pytest.mark.parametrize("damage", ["cut", "flip head", "flip data", "foreign", "empty", "version"])
def test_a_damaged_snapshot_is_dropped(fill: Callable[..., Any], damage: str, caplog: pytest.LogCaptureFixture) -> None:
    made = fill(Property("n", DataType.INT))
    made.add(*({"n": i} for i in range(100)))
    made.index.checkpoint(made.live)
    (file,) = [p for p in Path(made.folder).iterdir() if p.is_file()]
    data = bytearray(file.read_bytes())
    match damage:
        case "cut":
            del data[-100:]
        case "flip head":
            data[30] ^= 1
        case "flip data":
            data[-5] ^= 1
        case "foreign":
            data[:] = b"something else entirely, and long enough"
        case "empty":
            data.clear()
        case "version":
            data[8] += 1
    file.write_bytes(data)
    made.reopen()
    assert made.index.covered == 0
    assert "rebuilt from storage" in caplog.text
    assert made.find(on("n", O.EQUAL, 5)) == []


def test_every_byte_of_a_snapshot_is_guarded(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT))
    made.add({"n": 1}, {"n": 2}, {})
    made.index.checkpoint(made.live)
    (file,) = [p for p in Path(made.folder).iterdir() if p.is_file()]
    whole = file.read_bytes()
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        made.reopen()
        assert made.index.covered == 0 or made.find(on("n", O.EQUAL, 2)) == [1]


def test_a_failed_write_leaves_the_earlier_snapshot(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT))
    made.add({"n": 1})
    made.index.checkpoint(made.live)
    made.add({"n": 2})
    blocker = Path(made.folder) / "columns.part"
    blocker.mkdir()
    with pytest.raises(OSError, match=r"columns\.part"):
        made.index.checkpoint(made.live)
    blocker.rmdir()
    made.reopen()
    assert made.index.covered == 1


def test_a_property_added_later_is_null_in_older_objects(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT))
    made.add({"n": 1}, {"n": 2})
    made.config = CollectionConfig(
        "Things", (*made.config.properties, Property("t", DataType.TEXT)), inverted=made.config.inverted
    )
    made.index.configure(made.config)
    made.add({"t": "word"}, {"t": ""})
    for _ in range(2):
        assert made.find(on("t", O.IS_NULL, True)) == [0, 1, 3]
        assert made.find(on("n", O.IS_NULL, True)) == [2, 3]
        made.index.checkpoint(made.live)
        made.reopen()


def test_a_dropped_index_is_refused_and_a_dropped_property_forgotten(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT))
    made.add({"n": 3}, {"n": 1})
    made.index.configure(CollectionConfig("Things", (Property("n", DataType.INT, index_filterable=False),)))
    with pytest.raises(Invalid, match="indexFilterable"):
        made.find(on("n", O.EQUAL, 1))
    assert made.index.sort(np.array([0, 1]), [Sort("n")], 0, made.read).tolist() == [1, 0]
    made.index.configure(CollectionConfig("Things"))
    made.index.configure(made.config)
    assert made.find(on("n", O.EQUAL, 1)) == []


def test_dead_rows_leave_at_a_checkpoint(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT), Property("ns", DataType.INT_ARRAY))
    made.add(*({"n": i, "ns": [i, i + 1]} for i in range(5000)))
    assert made.find(on("n", O.LESS_THAN, 3)) == [0, 1, 2]
    made.live = BitMap(range(0, 5000, 7))
    made.index.checkpoint(made.live)
    size = sum(p.stat().st_size for p in Path(made.folder).iterdir())
    assert size < 5000 * 20
    for _ in range(2):
        assert made.find(on("n", O.LESS_THAN, 20)) == [0, 7, 14]
        assert made.find(on("ns", O.EQUAL, 8)) == [7]
        assert made.find(on("ns", O.NOT_EQUAL, 8)) == [i for i in made.live if i != 7]
        made.reopen()


def test_a_bad_batch_changes_nothing(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT), Property("m", DataType.INT))
    with pytest.raises(ValueError, match="many"):
        made.index.add([0, 1], [Object(bytes(16), {"n": 1}), Object(bytes(16), {"n": 1, "m": "many"})])
    assert made.index.covered == 0
    made.add({"n": 1, "m": 2})
    assert made.find(on("n", O.EQUAL, 1)) == [0]


def test_the_cache_answers_until_something_is_written(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.NUMBER), Property("f", DataType.BOOLEAN))
    made.add({"n": 1.0, "f": True}, {"n": 2.0})
    one = made.index.allow(on("n", O.EQUAL, 1), made.live)
    assert made.index.allow(on("n", O.EQUAL, 1), made.live) is one
    with pytest.raises(Invalid):
        made.index.allow(on("n", O.EQUAL, True), made.live)
    made.live = BitMap([1])
    assert list(made.index.allow(on("n", O.EQUAL, 1), made.live).bitmap) == []
    made.add({"n": 1.0})
    assert list(made.index.allow(on("n", O.EQUAL, 1), made.live).bitmap) == [2]


def test_the_cache_drops_the_least_recently_used() -> None:
    from weft.engine.embedded.index.filter.cache import FilterCache

    cache, live = FilterCache(2), BitMap([1])
    filters: list[Filter] = [on("n", O.EQUAL, i) for i in range(3)]
    first = cache.get(filters[0], 1, live, BitMap)
    cache.get(filters[1], 1, live, BitMap)
    assert cache.get(filters[0], 1, live, BitMap) is first
    cache.get(filters[2], 1, live, BitMap)
    assert cache.get(filters[0], 1, live, BitMap) is first
    assert cache.get(filters[0], 0, live, BitMap) is not first, "an older state of the index has its own results"
    assert cache.get(filters[0], 1, live, BitMap) is first


def test_values_and_uuids_come_from_the_columns(fill: Callable[..., Any]) -> None:
    kinds = {
        "i": DataType.INT,
        "f": DataType.BOOLEAN,
        "d": DataType.DATE,
        "u": DataType.UUID,
        "g": DataType.GEO,
        "ns": DataType.NUMBER_ARRAY,
    }
    made = fill(
        *(Property(name, kind) for name, kind in kinds.items()),
        Property("t", DataType.TEXT),
        Property("p", DataType.PHONE),
    )
    uid = "00000000-0000-0000-0000-000000000100"
    made.add(
        {"i": 1, "f": False, "d": "2024-01-01T01:00:00.5+01:00", "u": uid, "g": GeoPoint(1.0, 2.0), "ns": [1.0, 2.5]},
        {"ns": []},
    )
    ids = np.array([1, 0, 9], np.uint32)
    wanted = {"i": 1, "f": False, "d": "2024-01-01T00:00:00.5Z", "u": uid, "g": GeoPoint(1.0, 2.0), "ns": [1.0, 2.5]}
    for name, value in wanted.items():
        assert decoded(made.index.gather(name, ids)) == [None, value, None]
    assert decoded(made.index.gather("_creationTimeUnix", ids)) == [1001, 1000, None]
    assert made.index.gather("t", ids) is None and made.index.gather("p", ids) is None
    gathered = made.index.gather("ns", ids)
    assert gathered.offsets.tolist() == [0, 0, 2, 2] and gathered.present.tolist() == [False, True, False]
    assert made.index.uuids(ids[:2]) == [(1).to_bytes(16, "big"), bytes(16)]


def test_references_are_found_by_their_target(fill: Callable[..., Any]) -> None:
    made = fill(
        Property("one", DataType.REFERENCE, target_collections=("Other",)),
        Property("many", DataType.REFERENCE, target_collections=("Other", "Things")),
    )
    a, b = bytes(16), bytes([1] * 16)
    made.add(
        {"one": [Reference("", a)], "many": [Reference("Things", a)]},
        {"one": [Reference("Other", b), Reference("", a)], "many": [Reference("Other", a)]},
        {},
    )
    for _ in range(2):
        assert list(made.index.referring("one", [a], "Other")) == [0, 1]
        assert list(made.index.referring("one", [b, bytes([9] * 16)], "Other")) == [1]
        assert list(made.index.referring("many", [a], "Other")) == [1]
        assert list(made.index.referring("many", [a, b], "Things")) == [0]
        assert list(made.index.referring("one", [], "Other")) == []
        assert made.find(Condition(O.LESS_THAN_EQUAL, ReferenceCount("one"), 1)) == [0, 2]
        made.index.checkpoint(made.live)
        made.reopen()


def test_sorting_refuses_what_has_no_order(fill: Callable[..., Any]) -> None:
    made = fill(Property("u", DataType.UUID), Property("r", DataType.REFERENCE), Property("p", DataType.PHONE))
    made.add(
        {"p": PhoneNumber("", country_code=49, national=5)}, {"p": PhoneNumber("", country_code=1, national=9)}, {}
    )
    for path in ("u", "r", "nope"):
        with pytest.raises(Invalid, match="cannot sort by"):
            made.index.sort(np.array([0]), [Sort(path)], 0, made.read)
    assert made.index.sort(np.array([0, 1, 2]), [Sort("p")], 0, made.read).tolist() == [2, 1, 0]
    assert made.index.sort(np.array([2, 0]), [], 1, made.read).tolist() == [0]
    assert made.index.sort(np.array([]), [Sort("p")], 5, made.read).tolist() == []


def test_sorting_texts_reads_only_what_may_come_first(fill: Callable[..., Any]) -> None:
    made = fill(Property("t", DataType.TEXT))
    texts = [f"{chr(97 + i % 26)} word that is long {999 - i}" for i in range(1000)]
    made.add(*({"t": t} for t in texts), {"t": "zz"}, {"t": "a\0"}, {"t": "a"}, {})
    read: list[int] = []

    def reading(doc_ids: Any, name: str) -> list[Any]:
        read.extend(doc_ids.tolist())
        return list(made.read(doc_ids, name))

    ids = np.arange(1004, dtype=np.uint32)
    first = made.index.sort(ids, [Sort("t")], 5, reading).tolist()
    expected = sorted(range(1003), key=lambda i: (made.texts.objects[i].properties["t"], i))
    assert first == [1003, *expected[:4]] and len(read) < 50
    assert made.index.sort(ids, [Sort("t", False)], 0, reading).tolist()[-1] == 1003


def test_readers_see_whole_states_while_the_writer_adds(fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT), Property("half", DataType.INT))
    wrong: list[str] = []
    done = False

    def ask() -> None:
        while not done:
            covered = made.index.covered
            live = BitMap(range(covered))
            found = made.index.evaluate(And((on("n", O.GREATER_THAN_EQUAL, 0), on("half", O.LESS_THAN, 10**6))), live)
            if found != live:
                wrong.append(f"{len(found)} of {covered}")

    readers = [Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    for start in range(0, 20_000, 500):
        ids = range(start, start + 500)
        made.index.add(list(ids), [Object(i.to_bytes(16, "big"), {"n": i, "half": i // 2}) for i in ids])
        if start % 5000 == 0:
            made.index.checkpoint(BitMap(range(start + 500)))
    done = True
    for reader in readers:
        reader.join()
    assert wrong == []


def test_an_empty_index_answers(tmp_path: Path, fill: Callable[..., Any]) -> None:
    made = fill(Property("n", DataType.INT), Property("t", DataType.TEXT))
    assert made.find(on("n", O.NOT_EQUAL, 1)) == []
    made.index.add([], [])
    made.index.checkpoint(BitMap())
    made.reopen()
    assert isinstance(made.index, FilterIndex) and made.index.covered == 0
    assert decoded(made.index.gather("n", np.array([3], np.uint32))) == [None]
