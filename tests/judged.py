"""A collection whose best way to search is known by construction, and judged queries for it.

Each object holds one word, and each query asks for another word of the same meaning: a model of meaning finds them, a
model that is cut to three dimensions hardly does, and keywords find nothing.
"""

from __future__ import annotations

from typing import Any

_PAIRS = """car automobile,doctor physician,kid child,house home,boat ship,stone rock,happy glad,rich wealthy,
sofa couch,meal dinner,street road,store shop,garbage trash,ocean sea,woods forest,hat cap,present gift,
start begin,end finish,purchase buy,silent quiet,sick ill,error mistake,furious angry""".replace("\n", "")
PAIRS = [tuple(pair.split()) for pair in _PAIRS.split(",")]


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def document(name: str) -> dict[str, Any]:
    """With the vectors ``good``, and ``worse`` by the same model, of which three dimensions are left."""
    settings = {"vectorizeClassName": False, "properties": ["body"]}
    return {
        "class": name,
        "properties": [
            {"name": "title", "dataType": ["text"], "indexSearchable": False},
            {"name": "body", "dataType": ["text"]},
        ],
        "vectorConfig": {
            "good": {"vectorizer": {"text2vec-transformers": settings}, "vectorIndexType": "hnsw"},
            "worse": {"vectorizer": {"text2vec-transformers": settings | {"dimensions": 3}}, "vectorIndexType": "hnsw"},
        },
    }


def objects(name: str) -> list[dict[str, Any]]:
    return [
        {"class": name, "id": uuid(number), "properties": {"title": synonym, "body": word}}
        for number, (word, synonym) in enumerate(PAIRS)
    ]


def queries() -> list[dict[str, Any]]:
    return [{"text": synonym, "relevant": [uuid(number)]} for number, (_, synonym) in enumerate(PAIRS)]
