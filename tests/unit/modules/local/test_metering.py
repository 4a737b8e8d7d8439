"""What a local model counts for an import: texts of which it has read the beginning only."""

from __future__ import annotations

from weft.domain.caller import Caller
from weft.domain.metering import metered_by_collection, metering
from weft.modules import build_registry
from weft.modules.base import ModuleInput


def test_truncated_texts_are_counted_for_the_import_that_sent_them() -> None:
    registry = build_registry(("text2vec-transformers",))
    module = registry.vectorizer("text2vec-transformers")
    long, short = (ModuleInput(texts=("word " * times,)) for times in (2_000, 2))
    try:
        with metered_by_collection() as meters, metering("Article"):
            module.embed_objects([long, short, ModuleInput(texts=("other " * 2_000,))], {}, Caller())
        module.embed_objects([long], {}, Caller())
    finally:
        registry.close()
    assert meters["Article"].truncated == 2
