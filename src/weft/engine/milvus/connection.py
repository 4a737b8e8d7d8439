"""MilvusConnection: the requests that Weft makes of Milvus for rows, each with its limits and errors.

Reads are Strong: they wait until what any client has written before is seen. The address, or the
consistency level of a request, may except searches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from pymilvus import MilvusClient

from weft.domain.consistency import ConsistencyLevel, level
from weft.domain.errors import OperatorError
from weft.engine.milvus.address import MilvusAddress
from weft.engine.milvus.failures import NOT_FOUND, translated

T = TypeVar("T")
A = TypeVar("A")

STRONG: Final = "Strong"
_LEVELS: Final = {
    ConsistencyLevel.ONE: "Bounded",
    ConsistencyLevel.QUORUM: STRONG,
    ConsistencyLevel.ALL: STRONG,
}
"""Of searches that ask for one."""
TIMEOUT_S: Final = 60.0
_SIDE_BY_SIDE: Final = 8

logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs with a traceback what it also raises


class MilvusConnection:
    """``gone``: called with the name of a collection that a read did not find."""

    def __init__(self, address: MilvusAddress, gone: Callable[[str], object]) -> None:
        self._gone = gone
        self._searching = address.consistency
        with translated("open the connection"):
            self.client = MilvusClient(
                address.uri, token=address.token, db_name=address.database, timeout=TIMEOUT_S, dedicated=True
            )
            self.version = str(self.client.get_server_version()).removeprefix("v")
        self._pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="milvus")

    def close(self) -> None:
        self._pool.shutdown()
        self.client.close()

    def side_by_side(self, call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
        """``call`` of each, in order, several at a time."""
        return list(self._pool.map(call, arguments)) if len(arguments) > 1 else [call(one) for one in arguments]

    def query(
        self, name: str, expression: str, fields: Sequence[str], limit: int | None = None
    ) -> list[dict[str, Any]]:
        options: dict[str, Any] = {} if limit is None else {"limit": limit}
        return self._read(
            name,
            lambda: list(
                self.client.query(
                    name,
                    filter=expression,
                    output_fields=list(fields),
                    consistency_level=STRONG,
                    timeout=TIMEOUT_S,
                    **options,
                )
            ),
        )

    def search(
        self,
        name: str,
        field: str,
        query: Any,
        k: int,
        expression: str,
        metric: str,
        effort: Mapping[str, int],
        fields: Sequence[str],
    ) -> list[dict[str, Any]]:
        """Hits with their ``id``, ``distance`` and the ``fields`` as ``entity``."""
        asked = level()
        searching = self._searching if asked is None else _LEVELS[asked]
        return self._read(
            name,
            lambda: list(
                self.client.search(
                    name,
                    data=[query],
                    anns_field=field,
                    limit=k,
                    filter=expression,
                    output_fields=list(fields),
                    search_params={"metric_type": metric, "params": dict(effort)},
                    consistency_level=searching,
                    timeout=TIMEOUT_S,
                )[0]
            ),
        )

    def upsert(self, physical: str, rows: list[dict[str, Any]]) -> None:
        with translated("store objects"):
            self.client.upsert(physical, rows, timeout=TIMEOUT_S)

    def delete(self, physical: str, expression: str) -> None:
        with translated("delete objects"):
            self.client.delete(physical, filter=expression, timeout=TIMEOUT_S)

    def _read(self, name: str, call: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """What ``call`` returns; nothing when the collection was dropped meanwhile."""
        try:
            with translated("answer a query"):
                return call()
        except OperatorError as error:
            if error.facts.get("code") != NOT_FOUND:
                raise
            self._gone(name)
            return []
