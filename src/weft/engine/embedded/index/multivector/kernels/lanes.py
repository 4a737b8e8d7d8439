"""Vector instructions that numba's own loops do not reach: dot products of token rows with a packed query tile.

A *tile* of a query holds ``L`` (8 or 16) query tokens, interleaved so that one 64-byte vector holds all of them for
a few dimensions; ``P = 16 / L`` runs of dimensions share a vector:

    int8  ``query[step, lane, p, 4]``   step covers 4·P dimensions
    f32   ``query[step, lane, p]``      step covers P dimensions

Eight token rows are multiplied at once: each broadcasts its bytes for the step, so the query vector is loaded once
for eight products and no sum runs across a vector except over ``p`` at the end. Rows past ``last`` repeat row
``last``; a maximum over them is not changed by that.

The int8 product is ``vpdpbusd`` where the processor has it, otherwise widening multiplications that LLVM lowers for
any processor. Addresses are plain integers: callers hold the arrays.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from weft.engine.embedded.index.multivector.kernels.vectors import (
    F32,
    I32,
    I64,
    WIDE_F32,
    WIDE_I32,
    WORD,
    call,
    load,
    maximum,
    multiply_add,
    pick,
    splat,
    store,
)

TILE = 8
"""Token rows per call."""


def _row_addresses(b: Any, base: Any, stride: Any, first: Any, last: Any) -> list[Any]:
    rows = []
    for i in range(TILE):
        row = b.add(first, ir.Constant(I64, i))
        row = b.select(b.icmp_signed("<", row, last), row, last)
        rows.append(b.add(base, b.mul(row, stride)))
    return rows


def _accumulate(b: Any, rows: list[Any], query: Any, steps: Any, lanes: int, kind: Any) -> list[Any]:
    """The loop over steps; returns for each row its ``lanes`` products, i32 or f32 by ``kind``'s element."""
    runs = 16 // lanes
    integer = kind is WIDE_I32
    piece = ir.VectorType(kind.element, runs)
    entry, body, done = b.block, b.append_basic_block("dot"), b.append_basic_block("dotted")
    zero = ir.Constant(kind, [0 if integer else 0.0] * 16)
    b.branch(body)
    b.position_at_end(body)
    step = b.phi(I64)
    step.add_incoming(ir.Constant(I64, 0), entry)
    totals = [b.phi(kind) for _ in rows]
    loaded = load(b, b.add(query, b.mul(step, ir.Constant(I64, 64))), kind)
    offset = b.mul(step, ir.Constant(I64, 4 * runs))
    sums = []
    for row, total in zip(rows, totals, strict=True):
        part = load(b, b.add(row, offset), piece)
        spread = pick(b, part, list(range(runs)) * lanes)
        if integer:
            sums.append(multiply_add(b, total, spread, loaded))
        else:
            sums.append(call(b, "llvm.fmuladd.v16f32", kind, [spread, loaded, total]))
        total.add_incoming(zero, entry)
        total.add_incoming(sums[-1], body)
    following = b.add(step, ir.Constant(I64, 1))
    step.add_incoming(following, body)
    b.cbranch(b.icmp_signed("<", following, steps), body, done)
    b.position_at_end(done)
    if runs == 1:
        return sums
    add = b.add if integer else b.fadd
    even, odd = list(range(0, 16, 2)), list(range(1, 16, 2))
    return [add(pick(b, s, even), pick(b, s, odd)) for s in sums]


def _declare(lanes: int) -> tuple[Any, Any, Any, Any]:
    """The four operations for tiles of ``lanes`` query tokens."""
    floats = ir.VectorType(F32, lanes)
    words = ir.VectorType(I32, lanes)

    @intrinsic
    def similar(
        typing: Any, base: Any, stride: Any, first: Any, last: Any, query: Any, steps: Any,
        slope: Any, shift: Any, greatest: Any, total: Any, out: Any,
    ) -> Any:  # fmt: skip
        """Writes ``out[i, lane] = products·slope − shift`` and folds it into ``greatest[lane]`` and ``total[lane]``."""

        def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
            base, stride, first, last, query, steps, slope, shift, greatest, total, out = args
            rows = _row_addresses(b, base, stride, first, last)
            slope, shift = load(b, slope, floats), load(b, shift, floats)
            most, sum_ = load(b, greatest, floats), load(b, total, floats)
            for i, product in enumerate(_accumulate(b, rows, query, steps, lanes, WIDE_I32)):
                value = b.fsub(b.fmul(b.sitofp(product, floats), slope), shift)
                store(b, value, b.add(out, ir.Constant(I64, 4 * lanes * i)))
                most, sum_ = maximum(b, most, value), b.fadd(sum_, value)
            store(b, most, greatest)
            store(b, sum_, total)
            return context.get_dummy_value()

        return types.void(*[WORD] * 11), generate

    @intrinsic
    def exact(
        typing: Any, base: Any, stride: Any, first: Any, last: Any, query: Any, steps: Any, weights: Any, best: Any
    ) -> Any:
        """``best[lane] = max(best[lane], weights[i]·products)`` over eight f32 rows."""

        def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
            base, stride, first, last, query, steps, weights, best = args
            rows = _row_addresses(b, base, stride, first, last)
            greatest = None
            for i, total in enumerate(_accumulate(b, rows, query, steps, lanes, WIDE_F32)):
                weight = load(b, b.add(weights, ir.Constant(I64, 4 * i)), F32)
                value = b.fmul(total, splat(b, weight, floats))
                greatest = value if greatest is None else maximum(b, greatest, value)
            store(b, maximum(b, greatest, load(b, best, floats)), best)
            return context.get_dummy_value()

        return types.void(WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD), generate

    @intrinsic
    def coded(
        typing: Any, base: Any, stride: Any, last: Any, query: Any, steps: Any,
        anchors: Any, sizes: Any, slope: Any, shift: Any, best: Any,
    ) -> Any:  # fmt: skip
        """``best = max(best, anchor[i] + size[i]·(products·slope − shift))`` over eight unpacked code rows.

        ``anchors`` are the addresses ``(8,) i64`` of the rows of the centroid table, ``sizes (8,) f32``.
        """

        def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
            base, stride, last, query, steps, anchors, sizes, slope, shift, best = args
            rows = _row_addresses(b, base, stride, ir.Constant(I64, 0), last)
            slope, shift = load(b, slope, floats), load(b, shift, floats)
            greatest = load(b, best, floats)
            for i, total in enumerate(_accumulate(b, rows, query, steps, lanes, WIDE_I32)):
                anchor = load(b, load(b, b.add(anchors, ir.Constant(I64, 8 * i)), I64), floats)
                size = splat(b, load(b, b.add(sizes, ir.Constant(I64, 4 * i)), F32), floats)
                residual = b.fsub(b.fmul(b.sitofp(total, floats), slope), shift)
                greatest = maximum(b, greatest, b.fadd(anchor, b.fmul(size, residual)))
            store(b, greatest, best)
            return context.get_dummy_value()

        return types.void(*[WORD] * 10), generate

    @intrinsic
    def assign(
        typing: Any, base: Any, stride: Any, first: Any, last: Any, query: Any, steps: Any,
        slope: Any, bias: Any, best: Any, winner: Any,
    ) -> Any:  # fmt: skip
        """Where ``products·slope + bias[row]`` exceeds ``best[lane]``, takes it, and the row into ``winner[lane]``."""

        def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
            base, stride, first, last, query, steps, slope, bias, best, winner = args
            rows = _row_addresses(b, base, stride, first, last)
            slope = load(b, slope, floats)
            greatest, where = load(b, best, floats), load(b, winner, words)
            for i, total in enumerate(_accumulate(b, rows, query, steps, lanes, WIDE_I32)):
                row = b.add(first, ir.Constant(I64, i))
                row = b.select(b.icmp_signed("<", row, last), row, last)
                constant = load(b, b.add(bias, b.mul(row, ir.Constant(I64, 4))), F32)
                value = b.fadd(b.fmul(b.sitofp(total, floats), slope), splat(b, constant, floats))
                better = b.fcmp_ordered(">", value, greatest)
                greatest = b.select(better, value, greatest)
                where = b.select(better, splat(b, b.trunc(row, I32), words), where)
            store(b, greatest, best)
            store(b, where, winner)
            return context.get_dummy_value()

        return types.void(*[WORD] * 10), generate

    return similar, exact, coded, assign


similar_8, exact_8, coded_8, _ = _declare(8)
similar_16, exact_16, coded_16, assign_16 = _declare(16)
