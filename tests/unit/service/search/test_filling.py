"""What hits may be asked for."""

from __future__ import annotations

import pytest

from weft.domain.errors import Invalid
from weft.domain.query import NestedSelection, Returns
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.service.search.filling import check_returned

CONFIG = CollectionConfig(
    "Thing",
    (
        Property("t", DataType.TEXT),
        Property("n", DataType.INT),
        Property("to", DataType.REFERENCE, target_collections=("Thing",)),
        Property(
            "o",
            DataType.OBJECT,
            nested=(
                Property("s", DataType.TEXT),
                Property("i", DataType.OBJECT_ARRAY, nested=(Property("z", DataType.TEXT),)),
            ),
        ),
    ),
)


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        (Returns(properties=("nope",)), "no such prop"),
        (Returns(nested=(NestedSelection("nope"),)), "no such prop"),
        (Returns(properties=("t", "to")), "'to' of class Thing is a reference"),
        (Returns(nested=(NestedSelection("t", ("s",)),)), "'t' of class Thing is of type text, not an object"),
        (Returns(nested=(NestedSelection("n"),)), "of type int, not an object"),
        (Returns(nested=(NestedSelection("to", ("t",)),)), "of type cref, not an object"),
        (Returns(nested=(NestedSelection("o", ("s", "i")),)), "'i' of property 'o' of class Thing is an object"),
        (Returns(vectors=("v",)), "does not have named vector v"),
    ],
)
def test_a_property_is_requested_as_what_it_is(returns: Returns, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        check_returned(CONFIG, returns)


def test_what_can_be_returned() -> None:
    inner = (NestedSelection("i", ("z",)), NestedSelection("s", ("z",)))
    check_returned(CONFIG, Returns(properties=("t", "o"), nested=(NestedSelection("o", ("s", "unknown"), inner),)))
