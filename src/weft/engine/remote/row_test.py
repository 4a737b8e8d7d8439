"""RowTest: a condition on the rows of a remote engine, in a form that every engine can translate exactly.

``bounds`` lowers the filters of the protocol to it, so an engine's compiler is a case for each class here. A test is
about keys (see ``store.Key``), which hold what an engine can compare; it says nothing of the types of the protocol.
What an engine cannot do it says in its ``RemoteAbilities``, and is then not asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class KeyKind(StrEnum):
    KEYWORD = "keyword"
    """A text of at most ``keys.LONGEST_KEYWORD`` bytes that is compared as a whole."""
    INTEGER = "integer"
    """64 bits, signed."""
    NUMBER = "number"
    """A double; finite."""


@dataclass(frozen=True, slots=True)
class Key:
    """What an engine indexes of a row. ``several``: a row may have any number of values, otherwise at most one.

    ``name``: ASCII letters, digits and underscores; unique in its collection.
    """

    name: str
    kind: KeyKind
    several: bool = False


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The rows of which a value of ``key`` (a keyword or an integer) equals one of ``values``; none without values."""

    key: Key
    values: tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InRange:
    """The rows of which a value of ``key`` (an integer or a number) lies between two ends; None leaves a side open.

    The ends of an integer are whole, at most ``RemoteAbilities.exact_integers`` in size.
    """

    key: Key
    low: float | None = None
    high: float | None = None
    include_low: bool = True
    include_high: bool = True


@dataclass(frozen=True, slots=True)
class Present:
    """The rows that have at least one value of ``key``."""

    key: Key


@dataclass(frozen=True, slots=True)
class HasText:
    """The rows of which a keyword of ``key`` contains ``text``, not empty. Needs the ability ``substrings``."""

    key: Key
    text: str


@dataclass(frozen=True, slots=True)
class IdIn:
    """The rows of these uuids (16 bytes each), at most ``store.AT_ONCE``."""

    uuids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class HasVector:
    """The rows that have a vector of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """The rows that satisfy each of ``tests``; all rows when there is none."""

    tests: tuple[RowTest, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """The rows that satisfy at least one of ``tests``; no rows when there is none."""

    tests: tuple[RowTest, ...]


@dataclass(frozen=True, slots=True)
class Except:
    """The rows that do not satisfy ``test``, those without any value included."""

    test: RowTest


RowTest: TypeAlias = AnyOf | InRange | Present | HasText | IdIn | HasVector | AllOf | OneOf | Except

EVERYTHING = AllOf(())
NOTHING = OneOf(())


def all_of(tests: Iterable[RowTest]) -> RowTest:
    """Their conjunction, flat; ``NOTHING`` and ``EVERYTHING`` are not inside anything else."""
    flat: list[RowTest] = []
    for test in tests:
        if test == NOTHING:
            return NOTHING
        flat += test.tests if isinstance(test, AllOf) else [test]
    return flat[0] if len(flat) == 1 else AllOf(tuple(dict.fromkeys(flat)))


def one_of(tests: Iterable[RowTest]) -> RowTest:
    """Their disjunction, in the same form."""
    flat: list[RowTest] = []
    for test in tests:
        if test == EVERYTHING:
            return EVERYTHING
        flat += test.tests if isinstance(test, OneOf) else [test]
    return flat[0] if len(flat) == 1 else OneOf(tuple(dict.fromkeys(flat)))


def negated(test: RowTest) -> RowTest:
    """Its complement, in the same form."""
    if test == EVERYTHING:
        return NOTHING
    if test == NOTHING:
        return EVERYTHING
    return test.test if isinstance(test, Except) else Except(test)
