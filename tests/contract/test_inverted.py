"""What every caller of the inverted index may rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.domain.objects import Properties
from weft.domain.query import Keyword, MatchOperator
from weft.domain.schema import CollectionConfig, DataType, InvertedConfig, Property, StopwordConfig, Tokenization
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.inverted import InvertedIndex


def text(
    name: str, tokenization: Tokenization = Tokenization.WORD, *, search: bool = True, filter: bool = True
) -> Property:
    return Property(name, DataType.TEXT, tokenization=tokenization, index_searchable=search, index_filterable=filter)


def collection(*properties: Property, inverted: InvertedConfig = InvertedConfig()) -> CollectionConfig:  # noqa: B008
    return CollectionConfig("Books", properties, inverted=inverted)


BOOKS = collection(
    text("title"),
    text("body"),
    text("code", Tokenization.FIELD),
    text("note", search=False),
    Property("n", DataType.INT),
)
DOCUMENTS: list[Properties] = [
    {"title": "The Hobbit", "body": "a hole in the ground, a hobbit", "code": "A-1", "note": "green door"},
    {"title": "Dune", "body": "sand sand sand and spice", "code": "B-2"},
    {"title": "Emma", "body": None},
]


@pytest.fixture
def index(tmp_path: Path) -> InvertedIndex:
    index = InvertedIndex(tmp_path / "inverted", BOOKS)
    index.add([0, 1, 2], DOCUMENTS)
    return index


def found(index: InvertedIndex, query: str, *properties: str, **more: Any) -> list[int]:
    return [int(doc_id) for doc_id in index.search(Keyword(query, properties, **more), 10, None).doc_ids]


def test_visible_at_once(index: InvertedIndex) -> None:
    assert found(index, "hobbit") == [0]
    index.add([5], [{"title": "hobbit"}])
    assert found(index, "hobbit", "title") == [5, 0]
    assert index.covered == 6


def test_replayed_documents_are_passed_over(index: InvertedIndex) -> None:
    index.add([1, 2, 3], [{"title": "dune"}, {}, {"title": "new"}])
    assert found(index, "dune") == [1]
    assert found(index, "new") == [3]


def test_stop_words_are_dropped_from_queries_only(index: InvertedIndex) -> None:
    assert found(index, "the") == []
    assert index.documents("title", "the") == BitMap([0])
    assert index.analyze("title", "The Hobbit") == ["the", "hobbit"]
    assert "the" in index.stopwords("title")
    assert index.stopwords("code") == frozenset()


def test_operators(index: InvertedIndex) -> None:
    assert set(found(index, "hobbit dune")) == {0, 1}
    assert found(index, "sand spice", operator=MatchOperator.AND) == [1]
    assert found(index, "dune sand", operator=MatchOperator.AND) == []
    assert found(index, "dune sand", "title", "body", operator=MatchOperator.AND_CROSS) == [1]
    assert found(index, "sand spice hobbit", minimum_match=2) == [1]


def test_cross_fields_must_analyze_alike(index: InvertedIndex) -> None:
    with pytest.raises(Invalid, match="AndCross"):
        found(index, "dune", "title", "code", operator=MatchOperator.AND_CROSS)


def test_boosts(index: InvertedIndex) -> None:
    plain = index.search(Keyword("dune", ("title",)), 1, None).scores[0]
    assert index.search(Keyword("dune", ("title^3",)), 1, None).scores[0] == pytest.approx(3 * plain)
    assert index.search(Keyword("dune", ("title^3", "title^2")), 1, None).scores[0] == pytest.approx(2 * plain)
    assert index.search(Keyword("dune dune", ("title",)), 1, None).scores[0] == pytest.approx(2 * plain)


@pytest.mark.parametrize("name", ["nothing", "note", "n", "title^x", "title^-1", "title^inf"])
def test_properties_that_cannot_be_searched(index: InvertedIndex, name: str) -> None:
    with pytest.raises(Invalid, match=name.partition("^")[0]):
        found(index, "dune", name)


def test_explanations(index: InvertedIndex) -> None:
    assert index.explain(Keyword("sand the dune", ("body", "title")), [1, 2]) == [
        ", BM25F_sand_frequency:3, BM25F_sand_propLength:5, BM25F_dune_frequency:1, BM25F_dune_propLength:1",
        "",
    ]


def test_nothing_to_find(index: InvertedIndex) -> None:
    for query in ("", "the a", "unheard", "!?"):
        assert found(index, query) == []
    assert index.search(Keyword("dune"), 0, None).doc_ids.tolist() == []
    assert index.search(Keyword("dune"), 5, AllowList(BitMap())).doc_ids.tolist() == []
    assert index.search(Keyword("dune hobbit"), 5, AllowList(BitMap([0]))).doc_ids.tolist() == [0]


def test_filters(index: InvertedIndex) -> None:
    assert index.matching("title", "*b?it") == BitMap([0])
    assert index.matching("note", "green d*") == BitMap([0])
    assert index.matching("code", "?-2") == BitMap([1])
    assert index.range("title", "dune", "the", True, False) == BitMap([0, 1, 2])
    assert index.range("title", "dune", "emma", False, False) == BitMap()
    assert index.range("code", None, "B-2", False, True) == BitMap([0, 1])
    assert index.with_any("body") == BitMap([0, 1])
    assert list(index.tokens("title")) == ["dune", "emma", "hobbit", "the"]
    with pytest.raises(Invalid, match="stopwords"):
        index.matching("title", "!")
    with pytest.raises(Invalid, match="n"):
        index.documents("n", "1")


def test_answers_belong_to_the_caller(index: InvertedIndex) -> None:
    for _ in range(2):
        assert index.documents("title", "dune") == BitMap([1])
        index.documents("title", "dune").clear()


def reopened(index: InvertedIndex, config: CollectionConfig = BOOKS) -> InvertedIndex:
    folder = index._folder._path
    index.close()
    return InvertedIndex(folder, config)


def test_checkpoint_survives_and_the_rest_is_replayed(index: InvertedIndex) -> None:
    index.checkpoint(BitMap([0, 1]))
    index.add([3], [{"title": "lost"}])
    again = reopened(index)
    assert again.covered == 3
    assert found(again, "hobbit emma lost") == [0], "the dead document is gone, the unwritten one not yet here"
    again.add([3], [{"title": "lost"}])
    assert found(again, "lost") == [3]


def test_new_properties_and_dropped_indexes(index: InvertedIndex) -> None:
    index.configure(collection(*BOOKS.properties, text("extra")))
    assert index.covered == 3
    index.add([3], [{"extra": "words"}])
    assert found(index, "words") == [3]
    index.configure(collection(text("title"), text("body", search=False, filter=False), text("extra")))
    with pytest.raises(Invalid, match="body"):
        found(index, "sand", "body")
    assert index.covered == 4
    again = collection(text("title"), text("body"), text("extra"))
    assert not index.serves(again), "the postings of a property that is indexed again are not to be trusted"
    assert reopened(index, again).covered == 0


def test_upkeep_frees_the_postings_of_a_dropped_index(index: InvertedIndex) -> None:
    live = BitMap([0, 1, 2])
    index.checkpoint(live)
    folder = index._folder._path
    before = sum(path.stat().st_size for path in folder.glob("*.segment"))
    index.configure(collection(text("title"), text("body", search=False, filter=False)))
    assert index.maintain(live)
    assert sum(path.stat().st_size for path in folder.glob("*.segment")) < before
    assert all("body" not in segment.fields for segment in index._segments)
    assert not index.maintain(live), "once"
    assert found(index, "dune") == [1]


def test_another_tokenisation_begins_at_0(index: InvertedIndex) -> None:
    index.checkpoint(BitMap([0, 1, 2]))
    other = collection(text("title", Tokenization.WHITESPACE))
    assert reopened(index, other).covered == 0


def test_settings_apply_at_once(index: InvertedIndex) -> None:
    index.configure(collection(*BOOKS.properties, inverted=InvertedConfig(stopwords=StopwordConfig("none", ("dune",)))))
    assert found(index, "the") == [0]
    assert found(index, "dune") == []
    before = index.search(Keyword("sand"), 1, None).scores[0]
    index.configure(collection(*BOOKS.properties, inverted=InvertedConfig(bm25_k1=0.1)))
    assert index.search(Keyword("sand"), 1, None).scores[0] > before


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "manifest", "foreign", "empty"])
def test_damage_is_never_trusted(index: InvertedIndex, damage: str) -> None:
    index.checkpoint(BitMap([0, 1, 2]))
    index.add([3], [{"title": "later"}])
    index.checkpoint(BitMap([0, 1, 2, 3]))
    folder = index._folder._path
    first = sorted(folder.glob("*.segment"))[0]
    raw = bytearray(first.read_bytes())
    if damage == "flip":
        raw[raw.index(b"hobbit")] ^= 1
        first.write_bytes(raw)
    elif damage == "cut":
        first.write_bytes(raw[:-100])
    elif damage == "empty":
        first.write_bytes(b"")
    elif damage == "remove":
        first.unlink()
    elif damage == "foreign":
        first.write_bytes(b"PK" + raw[2:])
    else:
        manifest = folder / "manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "segments": []}))
    again = reopened(index)
    assert again.covered == 0
    again.add([0, 1, 2, 3], [*DOCUMENTS, {"title": "later"}])
    assert found(again, "hobbit later") == [3, 0] or found(again, "hobbit later") == [0, 3]


def test_every_flipped_byte_is_noticed(index: InvertedIndex) -> None:
    index.checkpoint(BitMap([0, 1, 2]))
    folder = index._folder._path
    (path,) = folder.glob("*.segment")
    raw = path.read_bytes()
    from weft.domain.errors import CorruptData
    from weft.engine.embedded.index.inverted import segment_file

    for at in range(0, len(raw), 7):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0x40]) + raw[at + 1 :])
        try:
            segment = segment_file.read(path)
        except CorruptData:
            continue
        path.write_bytes(raw)
        whole = segment_file.read(path)
        for name in whole.ARRAYS:
            assert getattr(segment, name).tobytes() == getattr(whole, name).tobytes(), f"byte {at}"


def test_maintain_keeps_segments_few_and_drops_the_dead(tmp_path: Path) -> None:
    index = InvertedIndex(tmp_path, BOOKS)
    for n in range(9):
        index.add([n * 10, n * 10 + 1], [{"title": f"common word{n}"}, {"title": "common"}])
        index.checkpoint(BitMap(range(100)))
    live = BitMap(range(0, 100, 10))
    while index.maintain(live):
        pass
    assert len(list(tmp_path.glob("*.segment"))) <= 6
    assert index.documents("title", "common") == BitMap(range(0, 90, 10))
    assert index.search(Keyword("common"), 100, None).doc_ids.tolist() == list(range(0, 90, 10))
    assert InvertedIndex(tmp_path, BOOKS).documents("title", "word3") == BitMap([30])


def test_lone_surrogates_and_long_texts_do_not_crash(tmp_path: Path) -> None:
    index = InvertedIndex(tmp_path, BOOKS)
    odd = {"title": "x\ud800y z", "body": "w " * 1_200_000, "code": ""}
    index.add([0], [odd])
    index.add(range(1, 101), [odd if n == 0 else {"title": "z"} for n in range(100)])
    assert index.documents("code", "") == BitMap([0, 1])
    assert len(index.search(Keyword("z w"), 200, None).doc_ids) == 101
    index.checkpoint(BitMap(range(101)))
    assert list(reopened(index).tokens("title"))[-1] == "z"
