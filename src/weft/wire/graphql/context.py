"""What the resolvers of one request share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLResolveInfo

from weft.domain.caller import Caller
from weft.domain.errors import TooLarge

MOST_SEARCHES: Final = 1_000


@dataclass(slots=True)
class Context:
    """``service`` is what the door admits ``caller`` to."""

    service: Any
    caller: Caller
    searches: int = 0

    def count_search(self) -> None:
        self.searches += 1
        if self.searches > MOST_SEARCHES:
            raise TooLarge(f"the query asks more than {MOST_SEARCHES} searches; send several queries")


def context_of(info: GraphQLResolveInfo) -> Context:
    context: Context = info.context
    return context
