"""Parts of requests that repeat are decoded once, and never to what another part says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.wire.grpc.articles import NAMED
from weft.domain.errors import Invalid
from weft.domain.filters import Condition
from weft.domain.query import Returns
from weft.protocol import base, search_get
from weft.wire.grpc.decode_filter import decode_filter
from weft.wire.grpc.decode_returns import decode_returns
from weft.wire.grpc.decode_search import decode_search
from weft.wire.grpc.recall import Recall


def equal_to(text: str) -> base.Filters:
    message = base.Filters(operator=base.Filters.OPERATOR_EQUAL, value_text=text)
    message.target.property = "title"
    return message


def test_equal_messages_are_decoded_once() -> None:
    first, again, other = equal_to("a"), equal_to("a"), equal_to("b")
    assert decode_filter(first) is decode_filter(again)
    decoded = decode_filter(other)
    assert isinstance(decoded, Condition)
    assert decoded.value == "b"


@given(st.lists(st.sampled_from(["title", "words", "tags"]), max_size=3), st.booleans(), st.booleans(), st.booleans())
def test_what_is_asked_is_what_was_sent(names: list[str], chosen: bool, every: bool, metadata: bool) -> None:
    request = search_get.SearchRequest(collection="Article")
    if chosen:
        request.properties.SetInParent()
        request.properties.non_ref_properties.extend(names)
        request.properties.return_all_nonref_properties = every
    if metadata:
        request.metadata.SetInParent()
        request.metadata.uuid = every
    expected = Returns(tuple(dict.fromkeys(names)) if chosen and not every else None, uuid=metadata and every)
    for _ in range(2):
        assert decode_returns(request) == expected
        assert decode_search(request, NAMED).returns == expected


def test_what_is_refused_is_refused_each_time() -> None:
    message = base.Filters(operator=base.Filters.OPERATOR_EQUAL)
    message.target.property = "title"
    for _ in range(2):
        with pytest.raises(Invalid, match="has no value"):
            decode_filter(message)


def test_long_parts_and_old_ones_are_let_go() -> None:
    recall = Recall[str]()
    decoded: list[str] = []

    def value(message: base.Filters) -> str:
        decoded.append(message.value_text)
        return message.value_text

    def ask(text: str) -> str:
        message = equal_to(text)
        return recall.of(message, (message,), value)

    for text in ("x" * 2_000, "x" * 2_000, *map(str, range(600)), "0"):
        assert ask(text) == text
    assert len(decoded) == 603
