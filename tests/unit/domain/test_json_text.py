"""Numbers in JSON: the shortest digits that read back as the same number, as Weaviate writes them."""

from __future__ import annotations

import json
import random
import struct

import numpy as np
import orjson
import pytest

from weft.domain.json_text import dumps, number, single

NUMBERS = [
    (0.4608283396732884, "0.4608283396732884"),
    (2.0, "2"),
    (-3.0, "-3"),
    (1e12, "1000000000000"),
    (2.0**53, "9007199254740992"),
    (1e16, "10000000000000000"),
    (1e20, "100000000000000000000"),
    (123456789012345680000.0, "123456789012345680000"),
    (999999999999999868928.0, "999999999999999900000"),
    (1e21, "1e+21"),
    (-1e21, "-1e+21"),
    (1e300, "1e+300"),
    (0.00001, "0.00001"),
    (0.000001, "0.000001"),
    (0.00000123, "0.00000123"),
    (0.0000001, "1e-7"),
    (1.5e-9, "1.5e-9"),
    (1e-10, "1e-10"),
    (5e-324, "5e-324"),
    (0.0, "0"),
    (-0.0, "-0"),
    (-0.5, "-0.5"),
    (123456789.125, "123456789.125"),
    (1e-100, "1e-100"),
]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_a_number_has_its_shortest_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_a_number_is_written_alike_at_any_depth(value: float, text: str) -> None:
    assert dumps(value).decode() == text
    assert dumps({"a": [{"b": (value, "2.0,")}]}).decode() == f'{{"a":[{{"b":[{text},"2.0,"]}}]}}'


def test_every_number_reads_back_as_itself() -> None:
    chosen = random.Random(7)
    for _ in range(3000):
        (value,) = struct.unpack("<d", chosen.randbytes(8))
        if value == value and abs(value) != float("inf"):
            text = number(value)
            assert float(text) == value
            assert ("e" in text) == (value != 0 and not 1e-6 <= abs(value) < 1e21)
            assert dumps([value]).decode() == f"[{text}]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (51.225555, "51.225555"),
        (1.0, "1"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1 / 3, "0.33333334"),
        (1e-5, "0.00001"),
        (1.5e-6, "0.0000015"),
        (1e-7, "1e-7"),
        (16777216, "16777216"),
        (1e14, "100000000000000"),
        (123456789012345680000.0, "123456790000000000000"),
        (9007199254740992, "9007199000000000"),
        (1e21, "1e+21"),
        (3e38, "3e+38"),
        (float("nan"), "null"),
        (float("-inf"), "null"),
    ],
)
def test_a_vector_has_the_digits_of_float32(value: float, text: str) -> None:
    assert dumps(np.array([value], np.float32)).decode() == f"[{text}]"
    assert dumps(np.array([0.5, value, 0.25], np.float32)).decode() == f"[0.5,{text},0.25]"
    tokens = np.array([[value, 0.5], [2, value]], np.float32)
    assert dumps({"v": tokens}).decode() == f'{{"v":[[{text},0.5],[2,{text}]]}}'
    if np.isfinite(value):
        assert number(single(value)) == text


def test_vectors_read_back_as_themselves() -> None:
    random_numbers = np.random.default_rng(3)
    bits = random_numbers.integers(0, 2**32, 4000, np.uint32).view(np.float32)
    vector = np.concatenate((bits[np.isfinite(bits)], random_numbers.normal(size=2000).astype(np.float32)))
    assert np.array_equal(np.array(json.loads(dumps(vector)), np.float32), vector)
    assert dumps(vector[::2]) == dumps(vector[::2].copy())


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**63, 2**64, -(2**80), 10**40])
def test_integers_of_any_size_are_exact(value: int) -> None:
    assert dumps([value]).decode() == f"[{value}]"
    deep = {"a": 2.0, "b": {"c": [value, 1.0]}, "d": np.array([1, 0.5], np.float32), "e": orjson.Fragment(b"[1.0]")}
    assert dumps(deep).decode() == f'{{"a":2,"b":{{"c":[{value},1]}},"d":[1,0.5],"e":[1.0]}}'
    assert (deep["a"], deep["b"]) == (2.0, {"c": [value, 1.0]})


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_json_cannot_say_is_null(value: float) -> None:
    assert dumps({"a": value}) == b'{"a":null}'


def test_all_else_is_as_orjson_writes_it() -> None:
    value: dict[object, object] = {"a": None, "b": True, "c": "ü2.0,", 3: [], "d": {}, "e": orjson.Fragment(b"[1.0]")}
    assert dumps(value) == orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    assert dumps([np.float32(0.1), np.float64(2), np.int64(7)]) == b"[0.1,2,7]"
