"""Tests of rows as boolean expressions of Milvus, each exact.

What ``not`` says of a row that has no such entry in a JSON field depends on the version of Milvus, so negations are
pushed down to the comparisons, and there the absent entry is stated.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from weft.domain.objects import format_uuid
from weft.engine.milvus.terms import greatest_of, grouped, in_keys, least_of, literal, term
from weft.engine.remote.row_test import (
    AllOf,
    AnyOf,
    Except,
    HasText,
    HasVector,
    IdIn,
    InRange,
    Key,
    KeyKind,
    OneOf,
    Present,
    RowTest,
)

ID: Final = "id"
EVERYTHING: Final = f'{ID} != ""'
NOTHING: Final = f'{ID} == ""'
_LEAST: Final = -(2**63)


def has_vector(name: str) -> str:
    """The field that says whether a row has a vector of this name; without one it has zeros there."""
    return f"has_{name}"


class Compiler:
    """``prefix``: what primary keys begin with, before the uuid. ``vectors``: the names that have a field."""

    def __init__(self, prefix: str, vectors: Iterable[str]) -> None:
        self._prefix = prefix
        self._vectors = frozenset(vectors)

    def primary(self, uuid: bytes) -> str:
        return self._prefix + format_uuid(uuid)

    def compile(self, test: RowTest, *, negated: bool = False) -> str:
        """The expression of ``test``, or of its complement."""
        match test:
            case AllOf(tests=parts) | OneOf(tests=parts):
                word = " and " if isinstance(test, AllOf) != negated else " or "
                if not parts:
                    return EVERYTHING if word == " and " else NOTHING
                return f"({word.join(self.compile(part, negated=negated) for part in parts)})"
            case Except(test=part):
                return self.compile(part, negated=not negated)
            case IdIn(uuids=uuids):
                if not uuids:
                    return EVERYTHING if negated else NOTHING
                return _signed(f"{ID} in [{', '.join(literal(self.primary(uuid)) for uuid in uuids)}]", negated)
            case HasVector(name=name):
                if name not in self._vectors:
                    return EVERYTHING if negated else NOTHING
                return f"{has_vector(name)} == {'false' if negated else 'true'}"
            case AnyOf(key=key, values=values):
                if not values:
                    return EVERYTHING if negated else NOTHING
                return _signed(_terms(key, values), negated) if key.several else _among(key, values, negated)
            case InRange():
                return _range(test, negated)
            case Present(key=key):
                return _present(key, negated)
            case HasText():
                raise AssertionError("Milvus has not the ability")
            case _:
                assert_never(test)


def _signed(expression: str, negated: bool, entry: str | None = None) -> str:
    """``entry``: that of ``KEYS`` which it compares."""
    if not negated:
        return expression
    return f"(not ({expression}))" if entry is None else f"(not ({expression}) or not (exists {entry}))"


def _present(key: Key, negated: bool) -> str:
    """By an entry that a row has exactly if it has a value of the key."""
    entry = in_keys(least_of(key.name) if key.several else key.name)
    return f"(not (exists {entry}))" if negated else f"(exists {entry})"


def _terms(key: Key, values: Iterable[str] | Iterable[int] | Iterable[float]) -> str:
    tests = [
        f"array_contains({field}, {literal(some[0])})"
        if len(some) == 1
        else f"array_contains_any({field}, [{', '.join(map(literal, some))}])"
        for field, some in grouped(term(key.name, value) for value in values).items()
    ]
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"


def _among(key: Key, values: tuple[str, ...] | tuple[int, ...], negated: bool) -> str:
    entry = in_keys(key.name)
    others = [value for value in values if value != _LEAST]
    tests = [f"{entry} < {_LEAST + 1}"] if len(others) < len(values) else []
    if len(others) == 1:
        tests.append(f"{entry} == {_value(others[0])}")
    elif others:
        tests.append(f"{entry} in [{', '.join(map(_value, others))}]")
    return _signed(tests[0] if len(tests) == 1 else f"({' or '.join(tests)})", negated, entry)


def _range(test: InRange, negated: bool) -> str:
    key, low, high = test.key, _of_kind(test.key, test.low), _of_kind(test.key, test.high)
    if low is None and high is None:
        return _present(key, negated)
    if key.several and low is not None and low == high:
        if not (test.include_low and test.include_high):
            return EVERYTHING if negated else NOTHING
        return _signed(_terms(key, [low]), negated)
    assert not key.several or low is None or high is None, "whether one element lies between two ends is not stored"
    entry = in_keys(key.name)
    if key.several:
        entry = in_keys(least_of(key.name) if low is None else greatest_of(key.name))
    tests = [] if low is None else [_above(entry, low, test.include_low)]
    if high is not None:
        tests.append(_below(entry, high, test.include_high))
    return _signed(f"({' and '.join(tests)})", negated, entry)


def _above(entry: str, low: float, inclusive: bool) -> str:
    if low == _LEAST and isinstance(low, int):  # its digits are no int64 before they are negated
        return f"(exists {entry})" if inclusive else f"{entry} >= {_LEAST + 1}"
    return f"{entry} >{'=' * inclusive} {low!r}"


def _below(entry: str, high: float, inclusive: bool) -> str:
    if high == _LEAST and isinstance(high, int):
        return f"{entry} < {_LEAST + 1}" if inclusive else NOTHING
    return f"{entry} <{'=' * inclusive} {high!r}"


def _of_kind(key: Key, value: float | None) -> int | float | None:
    if value is None:
        return None
    return float(value) if key.kind is KeyKind.NUMBER else int(value)


def _value(value: str | int) -> str:
    return literal(value) if isinstance(value, str) else repr(value)
