"""Scans over rows of bytes: unpacking codes, and the centroid table of one query tile in u8."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from weft.engine.embedded.index.multivector.kernels.vectors import F32, I8, I16, I32, I64, WORD, call, load, store

SLACK = 64
"""Bytes that must be readable behind the last code row."""


def _declare_unpack(bits: int) -> Any:
    octets = ir.VectorType(I8, SLACK)

    @intrinsic
    def unpack(typing: Any, source: Any, plane: Any, target: Any) -> Any:
        """Writes the ``8 / bits`` planes of one code row of ``plane`` bytes as bytes, one plane after the other.

        Reads and writes whole vectors: up to ``SLACK`` bytes behind both ends are touched.
        """

        def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
            source, plane, target = args
            mask = ir.Constant(octets, [(1 << bits) - 1] * SLACK)
            for p in range(8 // bits):
                entry, body, done = b.block, b.append_basic_block("chunk"), b.append_basic_block("chunks")
                b.branch(body)
                b.position_at_end(body)
                at = b.phi(I64)
                at.add_incoming(ir.Constant(I64, 0), entry)
                packed = load(b, b.add(source, at), octets)
                shifted = b.lshr(packed, ir.Constant(octets, [p * bits] * SLACK))
                start = b.add(target, b.mul(plane, ir.Constant(I64, p)))
                store(b, b.and_(shifted, mask), b.add(start, at))
                following = b.add(at, ir.Constant(I64, SLACK))
                at.add_incoming(following, body)
                b.cbranch(b.icmp_signed("<", following, plane), body, done)
                b.position_at_end(done)
            return context.get_dummy_value()

        return types.void(WORD, WORD, WORD), generate

    return unpack


unpack_4, unpack_2 = _declare_unpack(4), _declare_unpack(2)


def _declare(lanes: int) -> tuple[Any, Any]:
    """The operations on tables whose rows are ``lanes`` bytes."""
    octets = ir.VectorType(I8, lanes)
    floats, words = ir.VectorType(F32, lanes), ir.VectorType(I32, lanes)
    zeros = ir.Constant(octets, [0] * lanes)

    def row(b: Any, table: Any, ids: Any, at: Any) -> Any:
        number = b.zext(load(b, b.add(ids, b.mul(at, ir.Constant(I64, 2))), I16), I64)
        return load(b, b.add(table, b.mul(number, ir.Constant(I64, lanes))), octets)

    def loop(b: Any, count: Any) -> tuple[Any, Any, Any, Any]:
        entry, body, done = b.block, b.append_basic_block("row"), b.append_basic_block("rows")
        b.branch(body)
        b.position_at_end(body)
        at = b.phi(I64)
        at.add_incoming(ir.Constant(I64, 0), entry)
        return at, entry, body, done

    def again(b: Any, at: Any, count: Any, body: Any, done: Any) -> None:
        following = b.add(at, ir.Constant(I64, 1))
        at.add_incoming(following, body)
        b.cbranch(b.icmp_signed("<", following, count), body, done)
        b.position_at_end(done)

    @intrinsic
    def table_sum(typing: Any, table: Any, ids: Any, count: Any) -> Any:
        """``Σ_lane max_i table[ids[i], lane]`` over ``count ≥ 1`` rows; ids are u16."""

        def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
            table, ids, count = args
            at, entry, body, done = loop(b, count)
            greatest = b.phi(octets)
            greatest.add_incoming(zeros, entry)
            value = row(b, table, ids, at)
            better = b.select(b.icmp_unsigned(">", value, greatest), value, greatest)
            greatest.add_incoming(better, body)
            again(b, at, count, body, done)
            return b.sext(call(b, f"llvm.vector.reduce.add.v{lanes}i32", I32, [b.zext(better, words)]), I64)

        return WORD(WORD, WORD, WORD), generate

    @intrinsic
    def to_bytes(typing: Any, table: Any, count: Any, slope: Any, shift: Any, out: Any, groups: Any) -> Any:
        """``out = max(0, table·slope + shift)`` as u8, ``count`` groups of 16 rows; ``groups`` their greatest."""

        def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
            table, count, slope, shift, out, groups = args
            slope, shift = load(b, slope, floats), load(b, shift, floats)
            at, _, body, done = loop(b, count)
            source, target = (
                b.add(table, b.mul(at, ir.Constant(I64, 64 * lanes))),
                b.add(out, b.mul(at, ir.Constant(I64, 16 * lanes))),
            )
            greatest = zeros
            for i in range(16):
                value = load(b, b.add(source, ir.Constant(I64, 4 * lanes * i)), floats)
                number = b.fptosi(b.fadd(b.fmul(value, slope), shift), words)
                number = b.select(
                    b.icmp_signed(">", number, ir.Constant(words, [0] * lanes)), number, ir.Constant(words, [0] * lanes)
                )
                byte = b.trunc(number, octets)
                store(b, byte, b.add(target, ir.Constant(I64, lanes * i)))
                greatest = b.select(b.icmp_unsigned(">", byte, greatest), byte, greatest)
            store(b, greatest, b.add(groups, b.mul(at, ir.Constant(I64, lanes))))
            again(b, at, count, body, done)
            return context.get_dummy_value()

        return types.void(*[WORD] * 6), generate

    return table_sum, to_bytes


table_sum_8, to_bytes_8 = _declare(8)
table_sum_16, to_bytes_16 = _declare(16)
