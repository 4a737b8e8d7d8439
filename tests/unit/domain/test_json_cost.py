"""What the values of JSON take, before they are made."""

from __future__ import annotations

import random
import re
import tracemalloc

import orjson
import pytest

from weft.domain import json_cost
from weft.domain.json_cost import decoded_bytes

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


@pytest.mark.parametrize(
    "unit",
    [
        b"[],",
        b"{},",
        b'{"a":1},',
        b'{"a":[{}]},',
        b"1.5,",
        b"12345,",
        b"1,",
        b'"",',
        b'"ab",',
        b"null,",
        b"[[]],",
        b"-0.1234567,",
    ],
)
def test_it_is_at_least_what_they_take(unit: bytes) -> None:
    data = b"[" + (unit * 20_000)[:-1] + b"]"
    tracemalloc.start()
    values = orjson.loads(data)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert values
    assert taken <= decoded_bytes(data) <= 16 * taken


def test_keys_take_memory_as_well() -> None:
    data = b"{" + b",".join(b'"k%d":1' % i for i in range(20_000)) + b"}"
    tracemalloc.start()
    values = orjson.loads(data)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert values
    assert taken <= decoded_bytes(data)


def test_what_stands_in_strings_is_text() -> None:
    text = '{"code": "if (a[1] == \\"x\\") { return [1, 2, {}]; }\\n"}' * 5_000
    data = orjson.dumps({"text": text})
    assert decoded_bytes(data) < 2 * len(data)


def test_strings_are_found_across_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_cost, "_SLICE", 7)
    monkeypatch.setattr(json_cost, "_PLAIN_TIMES", 0)
    monkeypatch.setattr(json_cost, "_STRING", 0)
    for seed in range(3_000):
        chance = random.Random(seed)
        data = bytes(chance.choice(b'"\\{[,a') for _ in range(chance.randint(1, 60)))
        outside = _STRING.sub(b"", data)
        if b"\\" in outside:
            continue  # not JSON
        expected = sum(each * outside.count(bytes([one])) for one, each in json_cost._COSTS.items())
        assert decoded_bytes(data) == len(data) + expected, (seed, data)
