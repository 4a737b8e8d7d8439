"""Questions about tokens: which are refused before the service is asked."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from in_process import Recording
from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.wire.rest.endpoint import Call
from weft.wire.rest.explain import explain


@pytest.mark.parametrize("query", [[], [[]], [[], []], [1.0], [[1], [1, 2]], [["a"]], [[[1]]], [[1e39]], [[1, -1e300]]])
def test_tokens_that_are_none(world: Recording, query: JsonValue) -> None:
    with pytest.raises(Invalid, match="query must"):
        explain(Call(world.service, {"class": "Thing", "id": "x"}, QueryParams(), Caller(), {"query": query}))
