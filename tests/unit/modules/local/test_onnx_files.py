"""Which of a repository's ONNX files are taken, by the processor, and which a folder runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.domain.errors import Misconfigured
from weft.modules.local.hub import takes_onnx, wanted_exports
from weft.modules.local.onnx_models import files
from weft.modules.local.onnx_models.files import chosen_files, part_of, text_file

SIZES = {
    "onnx/model.onnx": 90,
    "onnx/model_O4.onnx": 45,
    "onnx/model_fp16.onnx": 45,
    "onnx/model_qint8_arm64.onnx": 22,
    "onnx/model_qint8_avx512.onnx": 23,
    "onnx/model_qint8_avx512_vnni.onnx": 21,
    "onnx/model_quint8_avx2.onnx": 24,
    "onnx/decoder_model.onnx": 1,
}


@pytest.mark.parametrize(
    ("families", "chosen"),
    [
        ({"arm64"}, "onnx/model_qint8_arm64.onnx"),
        ({"avx2"}, "onnx/model_quint8_avx2.onnx"),
        ({"avx2", "avx512"}, "onnx/model_qint8_avx512.onnx"),
        ({"avx2", "avx512", "avx512_vnni"}, "onnx/model_qint8_avx512_vnni.onnx"),
        (set(), "onnx/model.onnx"),
    ],
)
def test_the_smallest_for_the_processor_is_taken(
    monkeypatch: pytest.MonkeyPatch, families: set[str], chosen: str
) -> None:
    monkeypatch.setattr(files, "_families", lambda: frozenset(families))
    assert chosen_files(SIZES) == [chosen]


def test_a_file_can_be_named_and_brings_its_data() -> None:
    sizes = {**SIZES, "onnx/model.onnx_data": 900}
    assert chosen_files(sizes, "onnx/model.onnx") == ["onnx/model.onnx", "onnx/model.onnx_data"]
    with pytest.raises(Misconfigured, match=r"onnx/model_q8\.onnx is not an ONNX file of this model; it has onnx/dec"):
        chosen_files(sizes, "onnx/model_q8.onnx")


def test_a_pair_is_taken_together() -> None:
    sizes = {f"onnx/{part}_model{suffix}.onnx": 9 for part in ("text", "vision") for suffix in ("", "_fp16")}
    assert chosen_files({**sizes, "onnx/text_model_q4.onnx": 2}) == [
        "onnx/text_model_q4.onnx",
        "onnx/vision_model.onnx",
    ]


def test_parts_are_known_by_their_names() -> None:
    names = ("model.onnx", "a/text_model_int8.onnx", "vision_model_q4f16.onnx", "encoder_model.onnx", "models.onnx")
    assert [part_of(name) for name in names] == ["model", "text_model", "vision_model", "", ""]


def test_of_a_repository_only_what_runs_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_families", frozenset)
    repository = {
        **SIZES,
        **dict.fromkeys(("config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json", "run.py"), 1),
        **dict.fromkeys(("model.safetensors", "model.safetensors.index.json", "2_Dense/model.safetensors"), 5),
    }
    assert sorted(wanted_exports(repository)) == [
        "1_Pooling/config.json",
        "2_Dense/model.safetensors",
        "config.json",
        "modules.json",
        "onnx/model.onnx",
        "tokenizer.json",
    ]


def test_exports_are_taken_where_nothing_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    both, alone, torch_only = [*SIZES, "model.safetensors"], list(SIZES), ["model.safetensors"]
    for torch_is_there in (True, False):
        monkeypatch.setattr("weft.modules.local.hub.has_torch", lambda there=torch_is_there: there)
        assert [takes_onnx(one, None) for one in (both, alone, torch_only)] == [not torch_is_there, True, False]
    assert takes_onnx(both, True)
    with pytest.raises(Misconfigured, match="weft models export"):
        takes_onnx(torch_only, True)


def test_a_folder_runs_its_smallest_file_with_its_data(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    for name, size in (("model.onnx", 10), ("model_q4.onnx", 20), ("model_q4.onnx_data", 30)):
        (tmp_path / "onnx" / name).write_bytes(b"0" * size)
    assert text_file(tmp_path) == tmp_path / "onnx" / "model.onnx"
    (tmp_path / "onnx" / "model_q4.onnx_data").unlink()
    (tmp_path / "onnx" / "model.onnx").write_bytes(b"0" * 30)
    assert text_file(tmp_path) == tmp_path / "onnx" / "model_q4.onnx"
