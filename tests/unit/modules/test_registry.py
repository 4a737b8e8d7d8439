"""Which modules there are, what they say of themselves, and when they are loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from weft.domain.errors import Invalid, Misconfigured
from weft.modules import build_registry
from weft.modules.base import Module, Registry


def test_an_unknown_module_is_named() -> None:
    registry = build_registry()
    with pytest.raises(Invalid, match='no module with name "text2vec-nothing" present'):
        registry.get("text2vec-nothing")
    assert not registry.knows("text2vec-nothing")


def test_a_module_is_asked_only_for_what_it_can() -> None:
    registry = build_registry()
    with pytest.raises(Invalid, match="does not provide the Vectorizer capability"):
        registry.vectorizer("reranker-dummy")
    with pytest.raises(Invalid, match="does not rerank"):
        registry.reranker("generative-dummy")
    with pytest.raises(Invalid, match="does not generate"):
        registry.generator("text2vec-transformers")
    assert registry.is_vectorizer("text2vec-transformers")
    assert not registry.is_vectorizer("reranker-dummy")
    assert not registry.is_multi_vector("text2vec-transformers")


def test_only_the_enabled_ones_are_there() -> None:
    registry = build_registry(["reranker-dummy", "backup-filesystem"])
    assert list(registry.meta()) == ["reranker-dummy"]
    assert registry.meta()["reranker-dummy"] == {"name": "Reranker - Dummy"}
    with pytest.raises(Misconfigured, match="text2vec-nothing"):
        build_registry(["text2vec-nothing"])


def test_defaults_are_written_where_nothing_is_said() -> None:
    registry = build_registry()
    assert registry.defaults("text2vec-transformers", {"vectorizeClassName": False, "custom": 1}) == {
        "vectorizeClassName": False,
        "poolingStrategy": "masked_mean",
        "custom": 1,
    }
    assert registry.defaults("text2vec-model2vec", {}) == {"vectorizeClassName": False}
    expected = {"skip": False, "vectorizePropertyName": False}
    assert registry.property_defaults("text2vec-transformers", "text") == expected
    assert registry.property_defaults("reranker-dummy", "text") == {}


def test_closing_twice_is_closing_once() -> None:
    closed = []

    class Closable(Module):
        name, title = "closable", "Closable"

        def close(self) -> None:
            closed.append("module")

    registry = Registry({"closable": lambda: Closable("closable")}, on_close=lambda: closed.append("pool"))
    registry.get("closable")
    registry.close()
    registry.close()
    assert closed == ["module", "pool"]


def test_nothing_heavy_is_imported_before_a_module_is_used() -> None:
    program = (
        "import sys; from weft.modules import build_registry; r = build_registry(); r.meta(); "
        "heavy = {'onnxruntime', 'tokenizers', 'numba', 'torch', 'httpx'} & set(sys.modules); "
        "assert not heavy, heavy; r.close()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
