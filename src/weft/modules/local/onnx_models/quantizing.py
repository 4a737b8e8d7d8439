"""Graphs in float32, int8 or 4 bits. Needs the package ``onnx``; running the result does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

PRECISIONS: Final = {"float32": "", "int8": "_quantized", "4bit": "_q4"}
"""What is appended to a file's name, as repositories name such files."""

_MOST_BYTES = 1_900_000_000
"""A file of protobuf has at most 2 GiB; larger weights lie beside it."""
_BLOCK = 32
"""Weights that share a scale."""


def save_graph(whole: Path, target: Path, precision: str) -> None:
    """``whole``, in float32, as ``target`` in ``precision``.

    int8: the weights of linear layers by output channel, what flows through them by run. 4 bits: the same weights and
    the table of words in blocks of 32, symmetric around 0; what flows is int8.
    """
    import onnx

    if precision == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(whole, target, per_channel=True, weight_type=QuantType.QInt8)
        return
    model = onnx.load(str(whole))
    if precision == "4bit":
        model = _in_4_bits(model)
    size_bytes = model.ByteSize()
    if size_bytes < _MOST_BYTES:
        onnx.save(model, str(target))
    else:
        onnx.save(model, str(target), save_as_external_data=True, location=f"{target.name}_data")


def _in_4_bits(model: Any) -> Any:
    from onnxruntime.quantization.matmul_nbits_quantizer import (
        DefaultWeightOnlyQuantConfig,
        MatMulNBitsQuantizer,
    )

    config = DefaultWeightOnlyQuantConfig(
        block_size=_BLOCK, is_symmetric=True, accuracy_level=4, op_types_to_quantize=("MatMul", "Gather")
    )
    quantizer = MatMulNBitsQuantizer(model, algo_config=config)
    quantizer.process()
    return quantizer.model.model
