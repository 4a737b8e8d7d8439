"""How much one query may ask for, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.errors import Misconfigured
from weft.settings.setting import at_least, setting

_LONGEST_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class LimitSettings:
    query_timeout_s: float = setting(
        "query_timeout_s",
        "QUERY_TIMEOUT",
        60.0,
        "longest time that a query may take, as `60s` or seconds; 0: no limit",
    )
    most_conditions: int = setting(
        "query_maximum_conditions",
        "WEFT_QUERY_MAXIMUM_CONDITIONS",
        50_000,
        "conditions of all filters of a query together; And, Or and Not count, too",
    )
    most_values: int = setting(
        "query_maximum_values",
        "WEFT_QUERY_MAXIMUM_VALUES",
        200_000,
        "values that the filters of a query compare with, in lists of ContainsAny and its like or alone",
    )
    most_filter_characters: int = setting(
        "query_maximum_filter_characters",
        "WEFT_QUERY_MAXIMUM_FILTER_CHARACTERS",
        10_000_000,
        "characters of all these values together",
    )
    most_characters: int = setting(
        "query_maximum_characters",
        "WEFT_QUERY_MAXIMUM_CHARACTERS",
        1_000_000,
        "characters of the texts that a query searches for",
    )
    most_vectors: int = setting(
        "query_maximum_vectors",
        "WEFT_QUERY_MAXIMUM_VECTORS",
        20_000,
        "vectors that a query searches with; of a multi-vector each token counts",
    )

    def __post_init__(self) -> None:
        at_least(0, query_timeout_s=self.query_timeout_s)
        if self.query_timeout_s > _LONGEST_S:
            raise Misconfigured(f"query_timeout_s must be at most {_LONGEST_S}, not {self.query_timeout_s:g}; 0: none")
        at_least(
            1,
            query_maximum_conditions=self.most_conditions,
            query_maximum_values=self.most_values,
            query_maximum_filter_characters=self.most_filter_characters,
            query_maximum_characters=self.most_characters,
            query_maximum_vectors=self.most_vectors,
        )
