"""Regular expressions over whole names, matched in time that is linear in the name.

Python's own backtrack, and keep all other threads waiting meanwhile; names come from requests. Here an expression
becomes the positions of its characters, and those that may follow each (Glushkov 1961). A name is read once, with the
set of positions reached so far as the bits of an integer.

    |  ( )  *  +  ?  .  [a-z]  [^a-z]  ^ at the beginning  $ at the end
    \\d  \\w  \\s of Unicode, \\n \\r \\t \\f \\v, and \\ before anything that is neither a letter nor a digit

``.`` is any character but a newline. Anything else (look-around, back-references, counted repetitions, flags) is
refused. ``^`` and ``$`` elsewhere match nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MAX_DEPTH: Final = 20
_MOST_KNOWN: Final = 1_000
_CLASSES: Final[dict[str, Callable[[str], bool]]] = {
    "d": str.isdecimal,
    "w": lambda char: char == "_" or char.isalnum(),
    "s": str.isspace,
}
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}

_Accepts = Callable[[str], bool]


class NotAnExpression(ValueError):
    """The message says what is wrong with the text."""


@dataclass(frozen=True, slots=True)
class _Fragment:
    """A fragment of an expression: where it can begin and end, as bits of positions, and whether it can be empty."""

    empty: bool
    first: int = 0
    last: int = 0


_EMPTY: Final = _Fragment(empty=True)


class Expression:
    """Raises NotAnExpression. Safe for any number of threads: what it caches is only ever added."""

    def __init__(self, text: str) -> None:
        self._accepts: list[_Accepts] = []
        self._follow: list[int] = []
        whole = _Parser(text, self._accepts, self._follow).parsed()
        self._first, self._last, self._empty = whole.first, whole.last, whole.empty
        self._of_char: dict[str, int] = {}
        self._after: dict[int, int] = {}

    def matches(self, name: str) -> bool:
        """Whether the expression matches all of ``name``."""
        if not name:
            return self._empty
        reached, possible = 0, self._first
        for char in name:
            reached = possible & self._positions(char)
            if not reached:
                return False
            possible = self._following(reached)
        return bool(reached & self._last)

    def _positions(self, char: str) -> int:
        """Those that accept ``char``."""
        found = self._of_char.get(char)
        if found is None:
            found = sum(1 << at for at, accepts in enumerate(self._accepts) if accepts(char))
            if len(self._of_char) < _MOST_KNOWN:
                self._of_char[char] = found
        return found

    def _following(self, reached: int) -> int:
        found = self._after.get(reached)
        if found is None:
            found, left = 0, reached
            while left:
                lowest = left & -left
                found |= self._follow[lowest.bit_length() - 1]
                left ^= lowest
            if len(self._after) < _MOST_KNOWN:
                self._after[reached] = found
        return found


class _Parser:
    """Adds the positions of ``text`` to ``accepts``, and to ``follow`` what may follow each."""

    def __init__(self, text: str, accepts: list[_Accepts], follow: list[int]) -> None:
        self._text = text
        self._at = 0
        self._accepts = accepts
        self._follow = follow

    def parsed(self) -> _Fragment:
        whole = self._alternatives(0)
        if self._at < len(self._text):
            raise NotAnExpression("unbalanced parenthesis")
        return whole

    def _next(self) -> str:
        """Empty at the end."""
        return self._text[self._at : self._at + 1]

    def _take(self, missing: str) -> str:
        if self._at == len(self._text):
            raise NotAnExpression(missing)
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self, depth: int) -> _Fragment:
        if depth > _MAX_DEPTH:
            raise NotAnExpression(f"parentheses are nested more than {_MAX_DEPTH} deep")
        found = self._sequence(depth)
        while self._next() == "|":
            self._at += 1
            other = self._sequence(depth)
            found = _Fragment(found.empty or other.empty, found.first | other.first, found.last | other.last)
        return found

    def _sequence(self, depth: int) -> _Fragment:
        found = _EMPTY
        while (char := self._next()) and char not in "|)":
            found = self._joined(found, self._repeated(depth))
        return found

    def _joined(self, one: _Fragment, other: _Fragment) -> _Fragment:
        self._link(one.last, other.first)
        return _Fragment(
            one.empty and other.empty,
            one.first | (other.first if one.empty else 0),
            other.last | (one.last if other.empty else 0),
        )

    def _link(self, last: int, first: int) -> None:
        """Positions ``first`` may follow those that are ``last``."""
        while last:
            lowest = last & -last
            self._follow[lowest.bit_length() - 1] |= first
            last ^= lowest

    def _repeated(self, depth: int) -> _Fragment:
        if self._next() in "*+?":
            raise NotAnExpression("nothing to repeat")
        part = self._atom(depth)
        sign = self._next()
        if not sign or sign not in "*+?":
            return part
        self._at += 1
        if self._next() == "?":  # it says which of several matches is preferred
            self._at += 1
        if self._next() and self._next() in "*+?":
            raise NotAnExpression("multiple repeat")
        if sign != "?":
            self._link(part.last, part.first)
        return _Fragment(part.empty or sign != "+", part.first, part.last)

    def _atom(self, depth: int) -> _Fragment:
        begins = self._at == 0
        char = self._take("")
        if char == "(":
            inner = self._alternatives(depth + 1)
            if self._next() != ")":
                raise NotAnExpression("missing ), unterminated subpattern")
            self._at += 1
            return inner
        if (char == "^" and begins) or (char == "$" and self._at == len(self._text)):
            return _EMPTY
        if char in "^$":
            return self._position(lambda _: False)
        if char == "[":
            return self._position(self._set())
        if char == ".":
            return self._position(lambda one: one != "\n")
        if char == "\\":
            return self._position(self._escaped())
        return self._position(char.__eq__)

    def _position(self, accepts: _Accepts) -> _Fragment:
        bit = 1 << len(self._accepts)
        self._accepts.append(accepts)
        self._follow.append(0)
        return _Fragment(empty=False, first=bit, last=bit)

    def _escaped(self) -> _Accepts:
        char = self._take("bad escape (end of pattern)")
        if char in _CLASSES:
            return _CLASSES[char]
        return self._literal(char).__eq__

    def _literal(self, escaped: str) -> str:
        if escaped in _CONTROLS:
            return _CONTROLS[escaped]
        if escaped.isascii() and escaped.isalnum():
            raise NotAnExpression(f"bad escape \\{escaped}")
        return escaped

    def _set(self) -> _Accepts:
        unterminated = "unterminated character set"
        negated = self._next() == "^"
        self._at += negated
        singles: set[str] = set()
        ranges: list[tuple[str, str]] = []
        classes: list[_Accepts] = []
        begins = self._at
        while (char := self._take(unterminated)) != "]" or self._at == begins + 1:
            if char == "\\":
                char = self._take(unterminated)
                if char in _CLASSES:
                    classes.append(_CLASSES[char])
                    continue
                char = self._literal(char)
            if self._next() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
                singles.add(char)
                continue
            self._at += 1
            last = self._take(unterminated)
            if last == "\\":
                last = self._literal(self._take(unterminated))
            if last < char:
                raise NotAnExpression(f"bad character range {char}-{last}")
            ranges.append((char, last))

        def accepts(one: str) -> bool:
            found = one in singles or any(low <= one <= high for low, high in ranges)
            return (found or any(accepted(one) for accepted in classes)) != negated

        return accepts
