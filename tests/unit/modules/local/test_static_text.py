"""Static token embeddings: kernel and reference, fast words and the tokenizer."""

from __future__ import annotations

import random
import string
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from weft.modules.local.kernels import sum_token_vectors
from weft.modules.local.models import BUNDLED, MINILM, MODEL2VEC
from weft.modules.local.static_text import StaticTextEncoder


@pytest.fixture(scope="module")
def encoder() -> StaticTextEncoder:
    return StaticTextEncoder(BUNDLED / MODEL2VEC, BUNDLED / MINILM / "tokenizer.json", MODEL2VEC)


def reference_sums(
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int8],
    scales: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    vectors = codes[ids] * scales[ids, None]
    found = [vectors[begin:end].sum(axis=0) for begin, end in pairwise(offsets)]
    return np.stack(found).astype(np.float32)


def test_kernel_and_reference_agree() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = np.random.default_rng(seed)
    codes = rng.integers(-127, 128, (500, 64), dtype=np.int8)
    scales = rng.random(500, dtype=np.float32)
    offsets = np.concatenate([[0, 0], np.cumsum(rng.integers(0, 40, 30))]).astype(np.int64)
    ids = rng.integers(0, 500, offsets[-1], dtype=np.int32)
    found = sum_token_vectors(ids, offsets, codes, scales)
    assert found == pytest.approx(reference_sums(ids, offsets, codes, scales), rel=1e-4, abs=1e-2)


def test_remembered_words_have_the_tokenizers_tokens(encoder: StaticTextEncoder) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chooser = random.Random(seed)
    characters = string.ascii_letters + string.digits + " \t\n.,;:'-_/()!?<>=" + " " * 20
    texts = ["".join(chooser.choices(characters, k=chooser.randint(0, 80))) for _ in range(400)]
    texts += ["Don't stop-believing, U.S.A.!", "snake_case x=1", "tab\there", "unbelievably" * 10, "a" * 101]
    for text in texts:
        (ids,) = encoder.prepare([text])
        expected = encoder._tokenizer.encode(text, add_special_tokens=False).ids
        assert ids.tolist() == (expected or encoder._unknown), text


@pytest.mark.parametrize("text", ["crème brûlée", "日本語", "a\x00b", "naïve café"])
def test_other_texts_go_through_the_tokenizer(encoder: StaticTextEncoder, text: str) -> None:
    assert encoder.prepare([text])[0].tolist() == encoder._tokenizer.encode(text, add_special_tokens=False).ids


def test_a_text_without_tokens_is_the_unknown_token(encoder: StaticTextEncoder) -> None:
    empty, unknown = encoder.encode(encoder.prepare(["", "\u2800"]))
    assert np.linalg.norm(empty) == pytest.approx(1, abs=1e-5)
    assert empty == pytest.approx(unknown, abs=1e-6)
