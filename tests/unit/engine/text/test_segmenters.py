"""Words of Japanese, Korean and Chinese sentences."""

from __future__ import annotations

import pytest

from weft.domain.errors import OperatorError
from weft.domain.schema import Tokenization
from weft.engine.text import segmenters
from weft.engine.text.tokenize import TOKENIZERS, tokenize

GSE, GSE_CH, KAGOME_JA, KAGOME_KR = (Tokenization(name) for name in ("gse", "gse_ch", "kagome_ja", "kagome_kr"))


@pytest.mark.parametrize(
    ("tokenization", "text", "words"),
    [
        (KAGOME_JA, "東京都に住んでいます", "東京 都 に 住ん で い ます"),
        (KAGOME_JA, "関西国際空港から大阪駅まで電車で行く", "関西 国際 空港 から 大阪 駅 まで 電車 で 行く"),
        (KAGOME_JA, "スーパーコンピューター「富岳」", "スーパー コンピューター 「 富岳 」"),
        (KAGOME_JA, "Pythonで書かれた\n検索エンジン", "Python で 書か れ た 検索 エンジン"),
        (KAGOME_JA, "関西国際空港", "関西 国際 空港"),
        (KAGOME_JA, "日本経済新聞社", "日本 経済 新聞 社"),
        (KAGOME_JA, "国立国会図書館", "国立 国会 図書館"),
        (KAGOME_JA, "シニアソフトウェアエンジニア", "シニア ソフトウェア エンジニア"),
        (KAGOME_KR, "아버지가 방에 들어가신다", "아버지 가 방 에 들어가 신다"),
        (KAGOME_KR, "국민건강보험공단", "국민 건강 보험 공단"),
        (GSE, "Weftで関西国際空港を　検索", "weft で 関西国際空港 関西 国際 空港 を 検索"),
        (GSE, "日本経済新聞", "日本経済新聞 日本 経済 新聞"),
        (GSE_CH, "我来到北京清华大学", "我 来到 北京 清华 华大 大学 清华大学"),
        (GSE_CH, "使用Python编写的 搜索引擎", "使用 python 编写 的 搜索 索引 引擎 搜索引擎"),
    ],
)
def test_words_of_a_sentence(tokenization: Tokenization, text: str, words: str) -> None:
    assert tokenize(text, tokenization) == words.split()


@pytest.mark.parametrize("tokenization", segmenters.LIBRARIES)
def test_texts_without_words(tokenization: Tokenization) -> None:
    assert tokenize("", tokenization) == []
    assert tokenize(" \n　\t", tokenization) == []
    assert tokenize("\ud800", tokenization) == ["\ufffd"]


def test_decomposed_kana_are_composed() -> None:
    decomposed = "か\u3099くせい"
    assert tokenize(decomposed, KAGOME_JA) == tokenize("がくせい", KAGOME_JA)


@pytest.mark.parametrize("tokenization", segmenters.LIBRARIES)
def test_a_missing_library_is_named(tokenization: Tokenization, monkeypatch: pytest.MonkeyPatch) -> None:
    assert segmenters.missing(tokenization) is None
    for one in segmenters.LIBRARIES:
        monkeypatch.setitem(segmenters.LIBRARIES, one, "no_such_library")
    monkeypatch.setattr(segmenters, "_lindera", segmenters._lindera.__wrapped__)
    monkeypatch.setattr(segmenters, "_jieba", segmenters._jieba.__wrapped__)
    assert "pip install 'weft[cjk]'" in (segmenters.missing(tokenization) or "")
    with pytest.raises(OperatorError, match="no_such_library"):
        TOKENIZERS[tokenization]("東京")
    assert segmenters.missing(Tokenization.WORD) is None
