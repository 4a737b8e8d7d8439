"""A model for many threads: one set of weights, and the same vectors as from one thread."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tiny import late_interaction, media
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.local.late_interaction import Passage, PassageRole, load_late_interaction
from weft.modules.local.media_encoder import Sample
from weft.modules.local.media_loading import load_media
from weft.modules.local.models import ModelSource
from weft.modules.local.replicas import ReplicaPool
from weft.modules.local.scheduler import Encoder
from weft.modules.local.torch_loading import EXACT

pytestmark = pytest.mark.filterwarnings("ignore")
THREADS = 4


def small() -> Any:
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3)).eval()


def test_threads_have_models_of_their_own_and_one_set_of_weights() -> None:
    model = small()
    replicas = ReplicaPool(model)
    both = threading.Barrier(2)

    def take(_: int) -> Any:
        with replicas.replica() as mine:
            both.wait(30)
            return mine

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(take, range(2))
    assert first is not second
    assert model not in (first, second)
    assert [one.data_ptr() for one in first.parameters()] == [one.data_ptr() for one in second.parameters()]
    with replicas.replica() as again:
        assert again in (first, second), "a free copy is used again"
        assert again.eval() is again
        assert not any(part.training for part in again.modules())
    assert replicas.parallel


def test_a_run_has_one_core_and_a_large_model_alone_has_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    before = torch.get_num_threads()
    replicas = ReplicaPool(small())
    try:
        with replicas.replica():
            assert torch.get_num_threads() == 1
        monkeypatch.setattr("weft.modules.local.replicas._LARGE", 1)
        large = ReplicaPool(small())
        with large.replica():
            assert torch.get_num_threads() == 2
            with large.replica():
                assert torch.get_num_threads() == 1
        with large.replica():
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_run_that_fails_gives_its_core_back(monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = ReplicaPool(small())
    with pytest.raises(RuntimeError), replicas.replica() as model:
        model(torch.zeros(1, 7))
    with replicas.replica() as model:
        assert model(torch.zeros(1, 4)).shape == (1, 3)
    assert replicas._running == 0


def passages(encoder: Encoder[Any]) -> list[Any]:
    texts = [f"{'a red circle ' * (i % 7)}number {i}" for i in range(40)]
    return [Passage(PassageRole.QUERY if i % 2 else PassageRole.DOCUMENT, text) for i, text in enumerate(texts)]


def samples(encoder: Encoder[Any]) -> list[Any]:
    generator = np.random.default_rng(3)
    images = [Sample(MediaKind.IMAGE, generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)) for _ in range(10)]
    texts = [Sample("text", f"{'a red circle ' * (i % 5)}number {i}") for i in range(30)]
    return [one for i in range(10) for one in (images[i], *texts[3 * i : 3 * i + 3])]


@pytest.mark.parametrize(
    ("make", "load", "items"),
    [
        (media.clip, lambda source: load_media(source, downloads=False, placement=EXACT), samples),
        (media.siglip, lambda source: load_media(source, downloads=False, placement=EXACT), samples),
        (
            late_interaction.colbert,
            lambda source: load_late_interaction(source, downloads=False, placement=EXACT),
            passages,
        ),
    ],
)
def test_vectors_are_the_same_from_many_threads_at_once(
    make: Callable[[Path], Path],
    load: Callable[[ModelSource], Encoder[Any]],
    items: Callable[[Encoder[Any]], list[Any]],
    tmp_path: Path,
) -> None:
    encoder = load(ModelSource("tiny", make(tmp_path)))
    prepared = encoder.prepare(items(encoder))
    runs = [prepared[i : i + 2] for i in range(0, len(prepared), 2)]
    alone = [encoder.encode(run) for run in runs]

    def again(run: Any) -> list[Vector]:
        return list(encoder.encode(run))

    with ThreadPoolExecutor(THREADS) as threads:
        for _ in range(3):
            for expected, found in zip(alone, threads.map(again, runs), strict=True):
                for one, other in zip(expected, found, strict=True):
                    np.testing.assert_allclose(one, other, atol=1e-5)
    encoder.close()
