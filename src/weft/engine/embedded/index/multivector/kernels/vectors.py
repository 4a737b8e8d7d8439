"""Building blocks for vector code in LLVM IR: shapes, loads, stores, shuffles, u8·s8 products."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
from llvmlite import ir
from numba.core import config, types
from numba.extending import intrinsic

WORD = types.intp
"""Addresses, sizes and counts."""

I8, I16, I32, I64, F32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
WIDE_I32 = ir.VectorType(I32, 16)
WIDE_F32 = ir.VectorType(F32, 16)


def _vnni_bits() -> int:
    """The widest u8·s8 dot product the processor has: 512, 256 or 0 bits."""
    if config.CPU_NAME is not None or config.CPU_FEATURES is not None:
        return 0
    features = llvm.get_host_cpu_features()
    if features.get("avx512vnni") and features.get("avx512vl"):
        return 512
    return 256 if features.get("avxvnni") else 0


_VNNI = _vnni_bits()


def indices(values: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(I32, len(values)), values)


def pick(b: Any, vector: Any, values: list[int]) -> Any:
    return b.shuffle_vector(vector, vector, indices(values))


def at(b: Any, address: Any, kind: Any) -> Any:
    return b.inttoptr(address, kind.as_pointer())


def load(b: Any, address: Any, kind: Any) -> Any:
    return b.load(at(b, address, kind), align=1)


def store(b: Any, value: Any, address: Any) -> None:
    b.store(value, at(b, address, value.type), align=1)


def splat(b: Any, value: Any, kind: Any) -> Any:
    one = b.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(I32, 0))
    return b.shuffle_vector(one, one, indices([0] * kind.count))


def call(b: Any, name: str, result: Any, args: list[Any]) -> Any:
    kind = ir.FunctionType(result, [a.type for a in args])
    function = b.module.globals.get(name) or ir.Function(b.module, kind, name)
    return b.call(function, args)


def pair_sums(b: Any, vector: Any) -> Any:
    n = vector.type.count
    return b.add(pick(b, vector, list(range(0, n, 2))), pick(b, vector, list(range(1, n, 2))))


def multiply_add(b: Any, total: Any, unsigned: Any, signed: Any) -> Any:
    """``total[i] += Σ_j unsigned[4i + j]·signed[4i + j]``; operands are 16 words of four bytes."""
    if _VNNI == 512:
        return call(b, "llvm.x86.avx512.vpdpbusd.512", WIDE_I32, [total, unsigned, signed])
    if _VNNI == 256:
        half = ir.VectorType(I32, 8)
        parts = [
            call(b, "llvm.x86.avx512.vpdpbusd.256", half, [pick(b, v, side) for v in (total, unsigned, signed)])
            for side in (list(range(8)), list(range(8, 16)))
        ]
        return b.shuffle_vector(*parts, indices(list(range(16))))
    bytes_, words = ir.VectorType(I8, 64), ir.VectorType(I32, 64)
    product = b.mul(b.zext(b.bitcast(unsigned, bytes_), words), b.sext(b.bitcast(signed, bytes_), words))
    return b.add(total, pair_sums(b, pair_sums(b, product)))


def maximum(b: Any, left: Any, right: Any) -> Any:
    return b.select(b.fcmp_ordered(">", left, right), left, right)


@intrinsic
def address(typing: Any, array: Any) -> Any:
    """Where the array's data begins."""

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, b, args[0]).data
        return b.ptrtoint(data, I64)

    return WORD(array), generate


@intrinsic
def hold(typing: Any, array: Any) -> Any:
    """Keeps a local array alive up to here; numba frees one after its last mention, also if its address is used."""

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return context.get_dummy_value()

    return types.void(array), generate


@intrinsic
def prefetch(typing: Any, where: Any) -> Any:
    """Prefetches the cache line at an address."""

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        pointer = b.inttoptr(args[0], I8.as_pointer())
        kinds = [ir.Constant(I32, n) for n in (0, 2, 1)]
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, I32, I32, I32])
        function = b.module.globals.get("llvm.prefetch.p0") or ir.Function(b.module, kind, "llvm.prefetch.p0")
        b.call(function, [pointer, *kinds])
        return context.get_dummy_value()

    return types.void(WORD), generate
