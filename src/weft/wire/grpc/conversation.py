"""A call whose messages come and go while it runs, as a wire hands it over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Headers: TypeAlias = Mapping[str, str]
"""A call's metadata, the keys in lower case; binary values are left out."""


@dataclass(frozen=True, slots=True)
class ClientLink:
    """``address``: the client's, without a port."""

    headers: Headers
    address: str
    on_end: Callable[[Callable[[], None]], bool]
    """Has a function called once the call has ended, for whatever reason; False where it has ended already."""
    cancel: Callable[[], object]
    """Ends the call at once, though its client may not read what was sent."""


Streaming: TypeAlias = Callable[[Iterator[bytes], ClientLink], Iterator[bytes]]
"""Takes the messages of a stream, which raise ClientGone. Raises what refuses it, at once; the replies that it returns
raise what ends it early."""
