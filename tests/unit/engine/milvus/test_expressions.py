"""Tests of rows as expressions of Milvus."""

from __future__ import annotations

import pytest

from weft.engine.milvus.expressions import EVERYTHING, NOTHING, Compiler
from weft.engine.milvus.terms import TERM_FIELDS, grouped, term
from weft.engine.remote.row_test import (
    AllOf,
    AnyOf,
    Except,
    HasVector,
    IdIn,
    InRange,
    Key,
    KeyKind,
    OneOf,
    Present,
    RowTest,
)

N = Key("n", KeyKind.INTEGER)
X = Key("x", KeyKind.NUMBER)
WORD = Key("w", KeyKind.KEYWORD)
INTS = Key("ints", KeyKind.INTEGER, True)
FLOATS = Key("floats", KeyKind.NUMBER, True)
WORDS = Key("words", KeyKind.KEYWORD, True)
LEAST = -(2**63)
ONE = bytes(15) + b"\1"


def field(one: str) -> str:
    return next(iter(grouped([one])))


@pytest.mark.parametrize(
    ("test", "expression", "complement"),
    [
        (AllOf(()), EVERYTHING, NOTHING),
        (OneOf(()), NOTHING, EVERYTHING),
        (
            IdIn((ONE,)),
            'id in ["t:00000000-0000-0000-0000-000000000001"]',
            '(not (id in ["t:00000000-0000-0000-0000-000000000001"]))',
        ),
        (IdIn(()), NOTHING, EVERYTHING),
        (HasVector("a"), "has_a == true", "has_a == false"),
        (HasVector("unknown"), NOTHING, EVERYTHING),
        (Present(N), '(exists keys["n"])', '(not (exists keys["n"]))'),
        (Present(WORDS), '(exists keys["words#least"])', '(not (exists keys["words#least"]))'),
        (AnyOf(N, (5,)), 'keys["n"] == 5', '(not (keys["n"] == 5) or not (exists keys["n"]))'),
        (AnyOf(N, (5, 6)), 'keys["n"] in [5, 6]', '(not (keys["n"] in [5, 6]) or not (exists keys["n"]))'),
        (AnyOf(N, (LEAST,)), f'keys["n"] < {LEAST + 1}', f'(not (keys["n"] < {LEAST + 1}) or not (exists keys["n"]))'),
        (AnyOf(WORD, ('say "hi"',)), r'keys["w"] == "say \"hi\""', None),
        (AnyOf(WORD, ()), NOTHING, EVERYTHING),
        (AnyOf(WORDS, ("loom",)), f'array_contains({field("words:loom")}, "words:loom")', None),
        (AnyOf(INTS, (7,)), f'array_contains({field("ints:7")}, "ints:7")', None),
        (InRange(N, low=3), '(keys["n"] >= 3)', '(not ((keys["n"] >= 3)) or not (exists keys["n"]))'),
        (InRange(N, 3, 9, False, True), '(keys["n"] > 3 and keys["n"] <= 9)', None),
        (InRange(N, low=LEAST), '((exists keys["n"]))', None),
        (InRange(N, low=LEAST, include_low=False), f'(keys["n"] >= {LEAST + 1})', None),
        (InRange(N, high=LEAST), f'(keys["n"] < {LEAST + 1})', None),
        (InRange(N, high=LEAST, include_high=False), f"({NOTHING})", None),
        (InRange(X, high=5), '(keys["x"] <= 5.0)', None),
        (InRange(X), '(exists keys["x"])', None),
        (InRange(INTS, low=3), '(keys["ints#greatest"] >= 3)', None),
        (InRange(INTS, high=3, include_high=False), '(keys["ints#least"] < 3)', None),
        (InRange(FLOATS, 0.0, 0.0), f'array_contains({field("floats:0.0")}, "floats:0.0")', None),
        (
            AllOf((Present(N), Except(HasVector("a")))),
            '((exists keys["n"]) and has_a == false)',
            '((not (exists keys["n"])) or has_a == true)',
        ),
        (OneOf((HasVector("a"), AllOf(()))), f"(has_a == true or {EVERYTHING})", f"(has_a == false and {NOTHING})"),
    ],
)
def test_each_test_has_an_expression_and_a_complement(test: RowTest, expression: str, complement: str | None) -> None:
    compiler = Compiler("t:", ["a"])
    assert compiler.compile(test) == expression
    if complement is not None:
        assert compiler.compile(Except(test)) == complement
    assert compiler.compile(Except(Except(test))) == expression


def test_terms_of_several_arrays_are_asked_in_each_of_them() -> None:
    words = tuple(f"w{n}" for n in range(50))
    by_field = grouped(term("words", word) for word in words)
    assert sorted(by_field) == sorted(TERM_FIELDS)
    expression = Compiler("", []).compile(AnyOf(WORDS, words))
    for name, some in by_field.items():
        listed = ", ".join(f'"{one}"' for one in some)
        assert f"array_contains_any({name}, [{listed}])" in expression
    assert expression.count(" or ") == len(TERM_FIELDS) - 1


def test_equal_numbers_are_equal_terms() -> None:
    assert term("floats", -0.0) == term("floats", 0.0)
    assert term("floats", 0.1) != term("floats", 0.1 + 1e-16)
    assert term("ints", 2**53) != term("ints", 2**53 + 1)
