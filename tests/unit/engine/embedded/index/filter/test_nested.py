"""The columns of nested properties: who has them, what snapshots keep of them, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pyroaring import BitMap

from weft.domain.filters import Condition, Not, Operator, PropertyTarget
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType, Property, TextAnalyzer, Tokenization
from weft.engine.changes import Upsert
from weft.engine.embedded.index.filter import snapshot
from weft.engine.embedded.index.filter.nested.columns import columns_of
from weft.engine.embedded.index.filter.nested.path import resolve, steps_of
from weft.engine.embedded.index.filter.nested.token_numbers import TokenNumbers
from weft.engine.embedded.shard import Shard

WORD = Tokenization.WORD
CARS = Property(
    "cars",
    DataType.OBJECT_ARRAY,
    nested=(Property("make", DataType.TEXT, tokenization=WORD), Property("year", DataType.INT)),
)
CONFIG = CollectionConfig("Garage", (Property("n", DataType.INT), CARS))


def made_by(word: str) -> Condition:
    return Condition(Operator.EQUAL, PropertyTarget("cars.make"), word)


@pytest.fixture
def open_shard(tmp_path: Path) -> Iterator[Callable[[], Shard]]:
    opened: list[Shard] = []

    def opens() -> Shard:
        if opened:
            opened[-1].close()
        opened.append(Shard(tmp_path, CONFIG, durable=False, write_queue=1000))
        return opened[-1]

    yield opens
    opened[-1].close()


def test_objects_stored_before_nested_columns_existed_are_found(
    open_shard: Callable[[], Shard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = open_shard()
    shard.write([Upsert(Object(n.to_bytes(16), {"cars": [{"make": f"car{n}", "year": n}]})) for n in range(5)])
    shard.close()
    (path,) = tmp_path.rglob("columns.weft")
    covered, columns, _ = snapshot.read(path)
    earlier = {name: column.view for name, column in columns.items() if "#" not in name}
    assert covered == 5 and len(earlier) < len(columns)
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "VERSION", 2)
        snapshot.write(path, covered, earlier, {})
    for _ in range(2):  # from storage, then from the snapshot that this wrote
        shard = open_shard()
        assert shard.view().select(made_by("car3")).ids.tolist() == [3]
    assert set(snapshot.read(path)[1]) == set(columns)


def test_an_earlier_snapshot_without_objects_in_objects_is_kept(
    fill: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fill(Property("n", DataType.INT))
    made.add({"n": 1}, {"n": 2})
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "VERSION", 2)
        made.index.checkpoint(made.live)
    made.reopen()
    assert made.index.covered == 2
    assert made.find(Condition(Operator.EQUAL, PropertyTarget("n"), 2)) == [1]


def test_only_what_can_be_filtered_has_columns() -> None:
    assert columns_of(CollectionConfig("Flat", (Property("n", DataType.INT),))) == {}
    hidden = Property("o", DataType.OBJECT, nested=(Property("a", DataType.INT, index_filterable=False),))
    assert list(columns_of(CollectionConfig("Hidden", (hidden,)))) == ["o#elements"]


def test_another_analysis_of_a_text_has_other_columns() -> None:
    def columns(prop: Property) -> set[str]:
        return set(columns_of(CollectionConfig("C", (Property("o", DataType.OBJECT, nested=(prop,)),))))

    texts = [
        Property("t", DataType.TEXT, tokenization=WORD),
        Property("t", DataType.TEXT, tokenization=Tokenization.FIELD),
        Property("t", DataType.TEXT, tokenization=WORD, text_analyzer=TextAnalyzer(ascii_fold=True)),
        Property("t", DataType.TEXT, tokenization=WORD, text_analyzer=TextAnalyzer(True, ("é",))),
        Property("t", DataType.INT),
    ]
    for one in texts:
        for other in texts:
            assert (columns(one) == columns(other)) == (one is other)


def test_words_that_no_object_has_any_more_are_dropped(fill: Callable[..., Any]) -> None:
    made = fill(CARS)
    made.add(*({"cars": [{"make": f"word{n} shared"}]} for n in range(40)))
    made.live = BitMap([3, 5])
    made.index.checkpoint(made.live)
    for _ in range(2):
        assert made.find(made_by("word5")) == [5]
        assert made.find(made_by("shared")) == [3, 5]
        assert made.find(made_by("word4")) == []
        made.reopen()
    _, _, words = snapshot.read(made.folder / "columns.weft")
    assert [len(one) for one in words.values()] == [4], "the mark of an item, and three words"
    made.add({"cars": [{"make": "word4"}]})
    assert made.find(made_by("word4")) == [40]


def test_words_that_a_view_does_not_have_are_found_nowhere(open_shard: Callable[[], Shard]) -> None:
    """Readers share the words with the writer: there are some that came after their view."""
    shard = open_shard()
    shard.write([Upsert(Object((1).to_bytes(16), {"cars": [{"make": "fiat"}]}))])
    earlier = shard.view()
    shard.write([Upsert(Object((2).to_bytes(16), {"cars": [{"make": "opel"}]}))])
    assert earlier.select(made_by("opel")).ids.tolist() == []
    assert shard.view().select(made_by("opel")).ids.tolist() == [1]


def test_many_values_are_looked_for_in_one_pass(
    open_shard: Callable[[], Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = open_shard()
    shard.write([Upsert(Object(n.to_bytes(16), {"cars": [{"make": f"new car{n}"}]})) for n in range(100)])
    passes: list[int] = []
    isin = np.isin

    def counted(values: npt.NDArray[np.uint32], among: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        passes.append(len(among))
        return isin(values, among)

    monkeypatch.setattr(np, "isin", counted)
    values = tuple(f"car{n} new" for n in range(50, 150))
    for operator, expected in (
        (Operator.CONTAINS_ANY, range(50, 100)),
        (Operator.CONTAINS_NONE, range(50)),
        (Operator.CONTAINS_ALL, ()),
    ):
        passes.clear()
        found = shard.view().select(Condition(operator, PropertyTarget("cars.make"), values))
        assert found.ids.tolist() == list(expected)
        assert passes == [51]


def test_token_numbers_survive_packing() -> None:
    words = TokenNumbers(["a", "été", "\ud83d\n", "b c"])
    again = TokenNumbers.unpacked(*words.packed())
    assert [again.find(one) for one in ["a", "été", "\ud83d\n", "b c", "d"]] == [1, 2, 3, 4, None]
    assert TokenNumbers.unpacked(*TokenNumbers().packed()).find("a") is None


def test_a_new_nested_property_is_empty_for_older_objects(fill: Callable[..., Any]) -> None:
    made = fill(CARS)
    made.add({"cars": [{"make": "Fiat"}]})
    wider = Property("cars", DataType.OBJECT_ARRAY, nested=(*CARS.nested, Property("price", DataType.NUMBER)))
    made.index.configure(CollectionConfig("Things", (wider,), inverted=made.config.inverted))
    made.add({"cars": [{"make": "Fiat", "price": 2.5}]})
    assert made.find(made_by("fiat")) == [0, 1]
    assert made.find(Condition(Operator.IS_NULL, PropertyTarget("cars.price"), True)) == [0]
    assert made.find(Condition(Operator.GREATER_THAN, PropertyTarget("cars.price"), 2)) == [1]


def test_paths_are_read_against_the_schema() -> None:
    path = resolve("cars[12].make", CARS)
    assert (path.name, path.chain, dict(path.pins), path.index) == ("cars.make", ("cars",), {"cars": 12}, None)
    assert [(step.name, step.index) for step in steps_of("a[0].b[x].c[-1].d[1]e.[2]")] == [
        ("a", 0),
        ("b[x]", None),
        ("c[-1]", None),
        ("d[1]e", None),
        ("", 2),
    ]


def test_an_index_beyond_every_array_is_that_of_no_element(open_shard: Callable[[], Shard]) -> None:
    shard = open_shard()
    shard.write([Upsert(Object((1).to_bytes(16), {"cars": [{"make": "fiat", "year": 1}]}))])
    for index in (1, 2**32, 10**19 - 1):
        filter = Condition(Operator.EQUAL, PropertyTarget(f"cars[{index}].year"), 1)
        assert shard.view().select(filter).ids.tolist() == []
        assert shard.view().select(Not(filter)).ids.tolist() == []
        present = Condition(Operator.IS_NULL, PropertyTarget(f"cars[{index}]"), False)
        assert shard.view().select(present).ids.tolist() == []
