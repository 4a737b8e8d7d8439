"""``weft mcp``: MCP on standard input and output, for programs that start their servers themselves.

The tools are those of a server's ``/v1/mcp``: of one that runs, or of one that this command starts on a data folder and
stops when its standard input ends. Standard output belongs to the protocol; the log goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from weft.cli.connection import Connection, authorization
from weft.cli.server_address import ServerAddress
from weft.config import Settings, load_settings
from weft.domain.errors import Invalid, Misconfigured, OperatorError

if TYPE_CHECKING:
    from mcp import Client
    from mcp.server.lowlevel.server import Server

_PATH: Final = "/v1/mcp"
_TIMEOUT_S: Final = 600.0
"""A tool may have to wait for the model that embeds what it stores."""


def mcp(arguments: argparse.Namespace) -> int:
    try:
        import mcp
    except ImportError as error:
        raise Misconfigured(f"MCP needs a package that is missing ({error.name}): pip install 'weft[mcp]'") from error
    del mcp
    logging.getLogger("mcp").setLevel(logging.ERROR)
    if arguments.write and not arguments.data_path:
        raise Invalid(
            "--write goes with --data-path; what a running server allows is its own setting, "
            "MCP_SERVER_WRITE_ACCESS_ENABLED"
        )
    if not arguments.data_path:
        _serve(arguments)
        return 0
    with _own_server(Path(arguments.data_path), writes=arguments.write) as url:
        files = dict.fromkeys(("ca_certificate", "client_certificate", "client_key"))
        _serve(argparse.Namespace(**{**vars(arguments), **files, "url": url}))
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    """Until standard input ends. Raises as ``Connection`` where the server or its tools cannot be reached."""
    with Connection(arguments) as connection:
        connection.post(_PATH, {"jsonrpc": "2.0", "id": 1, "method": "ping"})
    asyncio.run(_bridge(ServerAddress.of(arguments), authorization(arguments)))


@contextmanager
def _own_server(folder: Path, *, writes: bool) -> Iterator[str]:
    """The address of a server on ``folder``, for this process alone; its other settings are the environment's."""
    from weft.app import App

    given: dict[str, object] = {"data_path": folder, "host": "127.0.0.1", "port": 0, "grpc_port": 0}
    settings = load_settings({**given, "mcp_server_enabled": True, "mcp_server_write_access_enabled": writes})
    settings = replace(settings, server=replace(settings.server, workers=1), tls=Settings().tls)
    app = App(settings)
    app.start()
    try:
        yield app.rest_address
    finally:
        app.stop()


async def _bridge(address: ServerAddress, credentials: str | None) -> None:
    import httpx2
    from mcp import Client, MCPError
    from mcp.client.streamable_http import streamable_http_client
    from mcp.server.stdio import stdio_server

    headers = {} if credentials is None else {"Authorization": credentials}
    verify = address.context() if address.tls else True
    async with httpx2.AsyncClient(headers=headers, timeout=_TIMEOUT_S, verify=verify, trust_env=False) as http:
        try:
            async with (
                Client(streamable_http_client(address.url + _PATH, http_client=http)) as client,
                stdio_server() as (read, write),
            ):
                server = _relay(client)
                await server.run(read, write, server.create_initialization_options())
        except* (MCPError, httpx2.HTTPError) as group:
            raise OperatorError(f"{address.url}: {group.exceptions[0]}") from group


def _relay(client: Client) -> Server[Any]:
    """The tools of the server that ``client`` is connected to."""
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel.server import Server
    from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

    async def list_tools(
        context: ServerRequestContext[Any, Any], asked: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return await client.list_tools()

    async def call_tool(context: ServerRequestContext[Any, Any], asked: CallToolRequestParams) -> CallToolResult:
        result = await client.call_tool(asked.name, asked.arguments)
        assert isinstance(result, CallToolResult), "the server asks for no input"
        return result

    known = client.server_info
    return Server(
        "weft",
        version=known.version if known is not None else "",
        title="Weft",
        instructions=client.instructions,
        get_tool_input_schema=lambda name: None,  # standard input has no headers
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
