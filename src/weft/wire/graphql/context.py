"""GraphQLContext: what the resolvers of one request share: the service, the caller and the limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from graphql import GraphQLResolveInfo

from weft.domain.caller import Caller
from weft.domain.deadline import check
from weft.domain.errors import TooLarge
from weft.service.service import Service

MOST_SEARCHES: Final = 1_000
MOST_VALUES: Final = 3_000_000
"""The most values in all answers to a request, some 500 MB: aliases multiply objects and fields."""
_VALUES_AT_ONCE: Final = 1_024
"""Between two looks at the deadline."""
_CHARACTERS, _NUMBERS = 64, 16
"""How much of a text or an array costs about as much as one more value."""


@dataclass(slots=True)
class GraphQLContext:
    """``service`` is restricted to what ``caller`` may use. All requests of a batch share one, and so its limits."""

    service: Service
    caller: Caller
    searches: int = 0
    values: int = 0

    @property
    def is_spent(self) -> bool:
        return self.searches > MOST_SEARCHES or self.values > MOST_VALUES

    def check(self) -> None:
        """Raises TooLarge where an earlier request of the batch was too large, and as ``deadline.check``."""
        check()
        if self.searches > MOST_SEARCHES:
            raise TooLarge(f"the request has more than {MOST_SEARCHES} searches; send several requests")
        if self.values > MOST_VALUES:
            raise TooLarge("the request selects too many values; send several requests, or request fewer objects")

    def count_search(self) -> None:
        """Raises as ``check``."""
        self.searches += 1
        self.check()

    def count_value(self, value: object) -> None:
        """Raises as ``check``."""
        self.values += 1
        if self.values % _VALUES_AT_ONCE == 0:
            check()
        if type(value) is str:
            self.values += len(value) // _CHARACTERS
        elif type(value) is np.ndarray:
            self.values += value.size // _NUMBERS
        if self.values > MOST_VALUES:
            self.check()


def context_of(info: GraphQLResolveInfo) -> GraphQLContext:
    context: GraphQLContext = info.context
    return context
