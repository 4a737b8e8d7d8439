"""Objects in JSON → incoming ones."""

from __future__ import annotations

import numpy as np
import pytest

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.domain.objects import Reference
from weft.domain.schema import LEGACY_VECTOR
from weft.wire.json.documents import Unreadable
from weft.wire.json.objects import decode_object

ID = "00000000-0000-0000-0000-00000000000a"
UUID = bytes(15) + b"\n"
BEACON = f"weaviate://localhost/author/{ID}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"beacon": BEACON}], [Reference("Author", UUID)]),
        (
            [{"beacon": BEACON, "href": "/v1/x"}, {"beacon": f"weaviate://localhost/{ID}"}],
            [Reference("Author", UUID), Reference("", UUID)],
        ),
        ([{"beacon": BEACON}, "x", {}], [Reference("Author", UUID), "x", {}]),
        ([{"beacon": "elsewhere"}], [{"beacon": "elsewhere"}]),
        ([{"beacon": 3}, {"beacon": None}], [{"beacon": 3}, {"beacon": None}]),
        ([{"beacon": BEACON, "page": 3}], [{"beacon": BEACON, "page": 3}]),
        ({"beacon": BEACON}, {"beacon": BEACON}),
        ({"inner": [{"beacon": BEACON}]}, {"inner": [{"beacon": BEACON}]}),
        ([], []),
        (None, None),
    ],
)
def test_what_has_the_form_of_a_reference_is_one(value: JsonValue, expected: object) -> None:
    assert decode_object({"class": "Article", "properties": {"by": value}}).properties == {"by": expected}


def test_what_the_path_says_counts_and_may_not_be_contradicted() -> None:
    made = decode_object({"class": "article", "id": ID.upper()}, collection="Article", uuid=ID, tenant="t")
    assert (made.collection, made.uuid, made.tenant) == ("Article", ID.upper(), "t")
    assert decode_object({"class": "A", "tenant": "own"}, tenant="t").tenant == "own"
    with pytest.raises(Invalid, match="is not the one in the path"):
        decode_object({"class": "A", "id": ID}, uuid="00000000-0000-0000-0000-00000000000b")
    with pytest.raises(Invalid, match="the given class is empty"):
        decode_object({"properties": {}})


def test_vectors_with_and_without_a_name() -> None:
    sent: JsonValue = {"class": "A", "vector": [1, 2.5], "vectors": {"late": [[1], [2]], "none": None, "empty": []}}
    vectors = decode_object(sent).vectors
    assert vectors.keys() == {LEGACY_VECTOR, "late"}
    assert vectors[LEGACY_VECTOR].tolist() == [1, 2.5]
    assert vectors["late"].shape == (2, 1)
    assert vectors["late"].dtype == np.float32


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        {},
        [[]],
        [1, "2"],
        [[1], [1, 2]],
        [[[1]]],
        [1e39],
        [True, "x"],
        [10**400],
        [False, 1, 2.5],
        [[1, 2], [True, 0]],
    ],
)
def test_what_is_no_vector(wrong: JsonValue) -> None:
    with pytest.raises(Unreadable, match="vector 'v' must be an array of finite numbers"):
        decode_object({"class": "A", "vectors": {"v": wrong}})
