"""``/v1/mcp``: the tools of ``weft.wire.mcp`` over HTTP, for programs that use the server through a language model.

Each POST is answered at once, with JSON: there are no sessions, and no streams that a client could hold open. Who may
not use MCP is refused with 403; whatever else a tool refuses is its answer, which the model reads.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from starlette.requests import Request
from starlette.responses import Response

from weft.domain.caller import Caller
from weft.domain.errors import Misconfigured, NotFound, TooLarge
from weft.service.service import Service
from weft.settings.server import McpSettings
from weft.wire.mcp.toolbox import Toolbox, ToolResult, failed
from weft.wire.rest.endpoint import Call, Endpoint, Exchange, Handler, OnThread
from weft.wire.rest.openapi.shapes import OBJECT

if TYPE_CHECKING:
    from mcp_types import CallToolResult, Tool

_MOST_BODY_BYTES: Final = 16 << 20
"""A call of a tool is written by a model; only media are large."""


def endpoint(settings: McpSettings) -> Endpoint:
    """Raises Misconfigured where the tools are to be offered, and the SDK is not installed."""
    handler: Handler | Exchange = McpExchange(Toolbox(writes=settings.write_access)) if settings.enabled else _off
    return Endpoint("POST", "/v1/mcp", handler, "Tools of MCP.", OBJECT, {200: OBJECT, 202: None}, (404,))


def _off(call: Call) -> NoReturn:
    raise NotFound("this server offers no tools over MCP; its operator can set MCP_SERVER_ENABLED=true")


class McpExchange(Exchange):
    def __init__(self, toolbox: Toolbox) -> None:
        try:
            from weft.wire.mcp import exchange, protocol
        except ImportError as error:
            raise Misconfigured(
                f"MCP_SERVER_ENABLED needs a package that is missing ({error.name}): pip install 'weft[mcp]'"
            ) from error
        self._protocol, self._exchange = protocol, exchange
        self._toolbox = toolbox
        logging.getLogger("mcp").setLevel(logging.WARNING)

    async def answer(self, request: Request, body: bytes, caller: Caller, on_thread: OnThread) -> Response:
        if len(body) > _MOST_BODY_BYTES:
            raise TooLarge(
                f"a message of MCP may have {_MOST_BODY_BYTES} bytes; import what is larger with weft import",
                limit_bytes=_MOST_BODY_BYTES,
            )
        await on_thread(_connect, reads=True)
        server = self._protocol.protocol_server(_OwnTools(self, caller, on_thread))
        return await self._exchange.exchanged(server, request, body)

    def listed(self) -> Sequence[Tool]:
        return [self._protocol.described(one) for one in self._toolbox.tools]

    async def call(self, name: str, given: Mapping[str, Any], caller: Caller, on_thread: OnThread) -> CallToolResult:
        try:
            tool = self._toolbox.find(name)

            def work(service: Service) -> ToolResult:
                return self._toolbox.call(tool, given, service, caller)

            result = await on_thread(work, reads=not tool.writes)
        except Exception as error:
            result = failed(error)
        return self._protocol.encoded(result)


def _connect(service: Service) -> None:
    service.mcp.connect()


class _OwnTools:
    """A ``ToolProvider``: the tools of this server, for one request."""

    def __init__(self, exchange: McpExchange, caller: Caller, on_thread: OnThread) -> None:
        self._exchange = exchange
        self._caller = caller
        self._on_thread = on_thread

    async def tools(self) -> Sequence[Tool]:
        return self._exchange.listed()

    async def call(self, name: str, given: Mapping[str, Any]) -> CallToolResult:
        return await self._exchange.call(name, given, self._caller, self._on_thread)
