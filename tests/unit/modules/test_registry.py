"""Which modules there are, what they say of themselves, and when they are loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import packages
from weft.domain.errors import Invalid, Misconfigured
from weft.modules import build_registry
from weft.modules.base import Module
from weft.modules.registry import Registry


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
    registry = build_registry(["reranker-dummy", "backup-filesystem"], providers_off=True)
    assert list(registry.meta()) == ["reranker-dummy"]
    assert registry.meta()["reranker-dummy"] == {"name": "Reranker - Dummy"}
    assert build_registry(["text2vec-openai"], providers_off=True).knows("text2vec-openai")
    assert not build_registry(providers_off=True).knows("text2vec-openai")


def test_those_of_providers_are_there_whatever_is_enabled() -> None:
    registry = build_registry(["reranker-dummy"])
    for name in ("reranker-dummy", "text2vec-openai", "generative-cohere", "multi2vec-jinaai"):
        assert registry.knows(name)
    for name in ("text2vec-transformers", "generative-dummy", "multi2vec-clip"):
        assert not registry.knows(name)


def test_an_unknown_module_to_enable_is_logged_and_refused_when_it_is_used(caplog: pytest.LogCaptureFixture) -> None:
    registry = build_registry(["text2vec-transformers", "ref2vec-nothing", "offload-s3"])
    assert ("ref2vec-nothing" in caplog.text, "offload-s3" in caplog.text) == (True, False)
    assert registry.knows("text2vec-transformers")
    with pytest.raises(Invalid, match="ref2vec-nothing"):
        registry.get("ref2vec-nothing")


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


PLUGIN = """
from weft.modules.dummy import RerankerDummy
from weft.modules.local.text2vec_model2vec import Text2VecModel2Vec

class Broken(RerankerDummy):
    def __init__(self, name, resources):
        raise OSError("no licence")

def number(name, resources):
    return 3
"""


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    names = {"reranker-mine": "RerankerDummy", "text2vec-mine": "Text2VecModel2Vec", "mine2vec": "Text2VecModel2Vec"}
    packages.install(tmp_path, "weft_mine", PLUGIN, {**names, "reranker-broken": "Broken", "number": "number"})
    monkeypatch.syspath_prepend(str(tmp_path))
    found = build_registry()
    yield found
    found.close()
    sys.modules.pop("weft_mine", None)


def test_modules_of_other_packages_are_there_by_their_names(plugged: Registry) -> None:
    assert plugged.reranker("reranker-mine").name == "reranker-mine"
    assert plugged.vectorizer("text2vec-mine").fingerprint({}).startswith("text2vec-mine|")
    assert plugged.meta()["reranker-mine"] == {"name": "Reranker - Dummy"}
    registry = build_registry(["reranker-mine"], providers_off=True)
    assert list(registry.meta()) == ["reranker-mine"]
    registry.close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("number", "makes a int, not a vectorizer, reranker or generator"),
        ("mine2vec", "has the wrong name: those of text vectorizers, and of no others, begin with text2"),
        ("reranker-broken", "cannot be opened: OSError: no licence"),
    ],
)
def test_what_is_no_module_is_named_when_it_is_used(plugged: Registry, name: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=f"plug-in {name} of the package weft_mine 1.5 {message}"):
        plugged.get(name)
    assert message in str(plugged.meta()[name]["error"])


def test_a_name_of_wefts_own_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages.install(tmp_path, "weft_mine", PLUGIN, {"text2vec-openai": "RerankerDummy"})
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(Misconfigured, match=r"text2vec-openai of the package weft_mine 1\.5 has a name that Weft"):
        build_registry()
