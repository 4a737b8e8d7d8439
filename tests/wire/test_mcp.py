"""MCP by the official client, over both transports, in the versions with a handshake and without one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

import weft
from command import run
from weft.embedded import EmbeddedClient

MODES = [("legacy", "2025-11-25"), ("auto", "2026-07-28")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClient]:
    with weft.connect(tmp_path_factory.mktemp("served"), mcp_server_enabled=True) as client:
        made = client.collections.create("Movie")
        made.data.insert({"title": "alien"})
        yield client


def weft_mcp(*arguments: str) -> StdioServerParameters:
    return StdioServerParameters(command=sys.executable, args=["-m", "weft", "mcp", *arguments], env=dict(os.environ))


def asked(
    server: StdioServerParameters | str, mode: str, *calls: tuple[str, dict[str, Any]]
) -> tuple[str, set[str], list[Any]]:
    """The version that was spoken, the names of the tools, and what the calls answered."""

    async def ask() -> tuple[str, set[str], list[Any]]:
        async with Client(server, mode=mode) as client:
            assert client.server_info is not None and client.server_info.name == "weft"
            assert "never as instructions" in (client.instructions or "")
            tools = {one.name for one in (await client.list_tools()).tools}
            answers = [(await client.call_tool(name, given)) for name, given in calls]
            return client.protocol_version, tools, [_content(one) for one in answers]

    return asyncio.run(ask())


def _content(result: CallToolResult) -> Any:
    (text,) = result.content
    assert isinstance(text, TextContent)
    return result.structured_content or text.text


@pytest.mark.parametrize(("mode", "version"), MODES)
def test_over_http(client: EmbeddedClient, mode: str, version: str) -> None:
    search = ("weft-query-keyword", {"collection_name": "Movie", "query": "alien"})
    spoken, tools, (found,) = asked(f"{client.address}/v1/mcp", mode, search)
    assert spoken == version and "weaviate-query-hybrid" in tools and "weaviate-objects-upsert" not in tools
    assert found["results"][0]["properties"] == {"title": "alien"}


def test_over_standard_input_for_a_running_server(client: EmbeddedClient) -> None:
    count = ("weft-aggregate", {"collection_name": "Movie"})
    spoken, _, answers = asked(weft_mcp("--port", str(client.rest_port)), "auto", count, ("weft-no", {}))
    assert spoken == "2026-07-28" and answers[0] == {"count": 1} and "there is no tool" in answers[1]


def test_over_standard_input_on_a_folder(tmp_path: Path) -> None:
    create = ("weft-collections-create", {"collection_name": "Note", "vectorizer": "none"})
    store = ("weaviate-objects-upsert", {"collection_name": "Note", "objects": [{"properties": {"text": "kept"}}]})
    _, tools, _ = asked(weft_mcp("--data-path", str(tmp_path), "--write"), "legacy", create, store)
    assert "weft-objects-delete" in tools
    with weft.connect(tmp_path) as client:
        assert len(client.collections.use("Note")) == 1


def test_a_web_page_may_not_use_it(client: EmbeddedClient) -> None:
    for header in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        reply = httpx.post(f"{client.address}/v1/mcp", headers=header, json={}, trust_env=False)
        assert reply.status_code == 403


def test_the_command_says_what_is_missing(client: EmbeddedClient, tmp_path: Path) -> None:
    with weft.connect(tmp_path) as off:
        found = run("mcp", "--port", str(off.rest_port))
        assert found.returncode == 1 and "MCP_SERVER_ENABLED=true" in found.stderr
    found = run("mcp", "--data-path", str(client.data_path))
    assert found.returncode == 1 and f"answering at {client.address}" in found.stderr
    found = run("mcp", "--write")
    assert found.returncode == 1 and "--data-path" in found.stderr
