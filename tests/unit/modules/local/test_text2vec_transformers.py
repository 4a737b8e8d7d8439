"""all-MiniLM-L6-v2 in int8, its settings, and the choice of other models."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Misconfigured
from weft.modules.local.models import BUNDLED, MINILM, ModelOffer
from weft.modules.local.pool import ModelPool
from weft.modules.local.text2vec_transformers import Text2VecTransformers
from weft.modules.resources import Resources

ANYONE = Caller()


@pytest.fixture(scope="module")
def pool() -> Iterator[ModelPool]:
    found = ModelPool(threads=1)
    yield found
    found.close()


@pytest.fixture
def module(pool: ModelPool) -> Text2VecTransformers:
    return Text2VecTransformers("text2vec-transformers", Resources(pool=pool))


def test_cosines_are_those_of_the_model_card(module: Text2VecTransformers) -> None:
    """float32 gives 0.6660 and 0.1046; int8 is within 0.02 on every processor that was tried."""
    weather, sunny, stadium = (
        module.embed_query([text], {}, ANYONE)
        for text in ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")
    )
    assert float(weather @ sunny) == pytest.approx(0.6660, abs=0.03)
    assert float(weather @ stadium) == pytest.approx(0.1046, abs=0.03)


def test_only_the_first_256_tokens_count(module: Text2VecTransformers) -> None:
    start = "word " * 300
    one = module.embed_query([start], {}, ANYONE)
    other = module.embed_query([start + "something else entirely"], {}, ANYONE)
    assert one == pytest.approx(other, abs=1e-6)


def test_texts_that_are_not_read_whole_are_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    pool = ModelPool(threads=1)
    module = Text2VecTransformers("text2vec-transformers", Resources(pool=pool))
    module.embed_texts(["short", "word " * 300, "word " * 254], {}, ANYONE)
    assert [(one.truncated, one.embedded) for one in pool.state()] == [(1, 3)]
    module.embed_texts(["word " * 300] * 9, {}, ANYONE)
    assert [one.truncated for one in pool.state()] == [10]
    lines = [one.getMessage() for one in caplog.records if "were longer than" in one.getMessage()]
    assert [line.split()[0] for line in lines] == ["1", "10"]
    pool.close()


@pytest.mark.parametrize("pooling", ["masked_mean", "cls"])
def test_a_text_has_one_vector_whatever_is_beside_it(module: Text2VecTransformers, pooling: str) -> None:
    settings = {"poolingStrategy": pooling}
    texts = [
        "a",
        "river stone",
        "def f(x): return {x!r: [None]}",
        "\u6771\u4eac " * 40,
        "quickly " * 90,
        "a b c d " * 9,
    ]
    together = module.embed_texts(texts, settings, ANYONE)
    alone = [module.embed_texts([text], settings, ANYONE)[0] for text in texts]
    assert np.array_equal(np.array(alone), np.array(together))


def test_pooling_and_dimensions_change_the_space(module: Text2VecTransformers) -> None:
    plain = module.embed_query(["a text"], {}, ANYONE)
    first = module.embed_query(["a text"], {"poolingStrategy": "cls"}, ANYONE)
    short = module.embed_query(["a text"], {"dimensions": 64}, ANYONE)
    assert float(plain @ first) < 0.99
    assert short == pytest.approx(plain[:64] / np.linalg.norm(plain[:64]), abs=1e-6)
    spaces = [module.fingerprint(s) for s in ({}, {"poolingStrategy": "cls"}, {"dimensions": 64}, {"model": "other"})]
    assert len(set(spaces)) == 4


def test_a_query_is_embedded_once(module: Text2VecTransformers, pool: ModelPool) -> None:
    first = module.embed_query(["remember me"], {}, ANYONE)
    assert module.embed_query(["remember me"], {}, ANYONE) is first


def test_models_are_shared_and_can_be_unloaded(pool: ModelPool) -> None:
    one, other = (
        Text2VecTransformers("text2vec-transformers", Resources(pool=pool)),
        Text2VecTransformers("text2vec-transformers", Resources(pool=pool)),
    )
    before = one.embed_query(["a text"], {}, ANYONE)
    other.embed_query(["a text"], {}, ANYONE)
    (key,) = [key for key in pool.loaded() if key.endswith("masked_mean")]
    pool.unload(key)
    assert key not in pool.loaded()
    assert one.embed_query(["a text"], {}, ANYONE) == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"poolingStrategy": "max"}, "poolingStrategy must be one of masked_mean, cls"),
        ({"dimensions": 0}, "dimensions must be an integer above 0"),
        ({"dimensions": 385}, "at most 384"),
        ({"dimensions": "many"}, "integer"),
        ({"model": 7}, "model must be text"),
        ({"inferenceUrl": "http://a", "queryInferenceUrl": "http://b"}, "not both"),
        ({"queryInferenceUrl": "http://b"}, "passageInferenceUrl is empty"),
        ({"passageInferenceUrl": "http://b"}, "queryInferenceUrl is empty"),
        ({"model": "../../etc"}, "is not a model's name"),
        ({"model": "/etc/passwd"}, "is not a model's name"),
        ({"path": "a/b/c"}, "is not a model's name"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    module: Text2VecTransformers, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        module.check_settings(settings)


def test_urls_of_the_protocol_are_kept(module: Text2VecTransformers) -> None:
    settings = {"passageInferenceUrl": "http://a", "queryInferenceUrl": "http://b"}
    module.check_settings(settings)
    assert module.defaults(settings).items() >= settings.items()


def test_names_of_the_model_in_the_wheel() -> None:
    offer = ModelOffer()
    for name in ("", MINILM, f"sentence-transformers/{MINILM}"):
        assert offer.find(name, MINILM).folder == BUNDLED / MINILM


def test_a_folder_is_offered_by_the_operator_only(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    offer = ModelOffer(models_folder=tmp_path)
    assert offer.find("mine", MINILM).folder == (tmp_path / "mine").resolve()
    for name in ("..", ".", "mine/../..", "a\0b", "a" * 10_000, "~root", "org/model@revision", "a/b/c", "http://a/b"):
        with pytest.raises(Invalid):
            offer.find(name, MINILM)


def test_a_folder_where_the_server_was_started_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org/model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid, match="also a folder"):
        ModelOffer().find("org/model", MINILM)
    assert ModelOffer().find("org/other", MINILM).folder is None


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is not None, reason="the extra is installed")
def test_a_missing_extra_is_named_with_its_command(module: Text2VecTransformers) -> None:
    with pytest.raises(Misconfigured, match=r"pip install 'weft\[torch\]'"):
        module.embed_query(["a text"], {"model": "sentence-transformers/all-mpnet-base-v2"}, ANYONE)
