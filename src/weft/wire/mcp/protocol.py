"""MCP itself, by the official SDK: tools in its messages, for every version that the SDK speaks.

These are 2026-07-28, in which each request stands alone, and the older ones, which begin with a handshake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from weft import __version__
from weft.domain import json_text
from weft.wire.mcp.tool import McpTool
from weft.wire.mcp.toolbox import INSTRUCTIONS, ToolResult

SERVER_NAME: Final = "weft"


class ToolProvider(Protocol):
    """What answers for the tools: a server in this process, or a connection to one elsewhere."""

    async def tools(self) -> Sequence[Tool]: ...
    async def call(self, name: str, given: Mapping[str, Any]) -> CallToolResult: ...


def protocol_server(provider: ToolProvider) -> Server[Any]:
    """For one connection or one request."""

    async def list_tools(
        context: ServerRequestContext[Any, Any], asked: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=list(await provider.tools()))

    async def call_tool(context: ServerRequestContext[Any, Any], asked: CallToolRequestParams) -> CallToolResult:
        return await provider.call(asked.name, asked.arguments or {})

    return Server(
        SERVER_NAME,
        version=__version__,
        title="Weft",
        instructions=INSTRUCTIONS,
        get_tool_input_schema=lambda name: None,  # none of its parameters is a header
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def described(tool: McpTool) -> Tool:
    """``tool`` as MCP lists it."""
    return Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.schema,
        annotations=ToolAnnotations(
            read_only_hint=not tool.writes,
            destructive_hint=tool.destroys,
            idempotent_hint=not tool.writes,
            open_world_hint=False,
        ),
    )


def encoded(result: ToolResult) -> CallToolResult:
    """As text, which every program reads, and as JSON."""
    text = result.content["error"] if result.failed else json_text.dumps(result.content).decode()
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=None if result.failed else result.content,
        is_error=result.failed,
    )
