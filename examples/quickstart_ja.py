"""Weft で日本語を検索する一分間のデモ: 短い記事を取り込み、キーワード、意味、その両方で検索します。

Japanese in one minute: short articles are imported and searched by keyword, by meaning, and by both. Keywords are words
as ``kagome_ja`` cuts them; the meaning comes from multilingual-e5-small in 4 bits, in this process and without torch.
``make quickstart-ja`` installs what this needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from japanese_articles import ARTICLES
from weaviate.classes.config import Configure, DataType, Property, Tokenization
from weaviate.classes.query import MetadataQuery

import weft

MODEL = "multilingual-e5-small"
SCORED = MetadataQuery(distance=True, score=True)


def main() -> int:
    with weft.connect() as client:
        articles = client.collections.create(
            "Kiji",
            properties=[
                Property(name=name, data_type=DataType.TEXT, tokenization=Tokenization.KAGOME_JA)
                for name in ("title", "body")
            ],
            vector_config=Configure.Vectors.custom(
                module_name="text2vec-transformers", module_config={"model": MODEL, "vectorizeClassName": False}
            ),
        )
        done = articles.data.insert_many([{"title": title, "body": body} for title, body in ARTICLES])
        if done.has_errors:
            print(next(iter(done.errors.values())).message, file=sys.stderr)
            return 1
        print(f"{len(articles)} 件の記事を取り込みました（{MODEL}、オフライン）。")
        query = articles.query
        show("キーワード", "京都 紅葉", query.bm25("京都 紅葉", limit=3, return_metadata=SCORED).objects)
        asked = "お金をためるにはどうすればいいですか"
        show("意味", asked, query.near_text(asked, limit=3, return_metadata=SCORED).objects)
        asked = "Why do cats sleep so much?"
        show("意味（英語で質問）", asked, query.near_text(asked, limit=3, return_metadata=SCORED).objects)
        asked = "電車が遅れたときの連絡"
        show("ハイブリッド", asked, query.hybrid(asked, limit=3, return_metadata=SCORED).objects)
    return 0


def show(way: str, asked: str, found: Sequence[Any]) -> None:
    print(f"\n{way}: {asked}")
    for hit in found:
        distance, score = hit.metadata.distance, hit.metadata.score
        number = f"距離 {distance:.3f}" if distance is not None else f"スコア {score:.3f}"
        print(f"  {number}  {hit.properties['title']}")


if __name__ == "__main__":
    sys.exit(main())
