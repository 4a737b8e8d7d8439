"""One HTTP request of MCP and its reply, by the SDK's transport: no session, no stream, nothing kept between two.

The body has been received, so the transport waits for nothing that a client may hold back.
"""

from __future__ import annotations

from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message


async def exchanged(server: Server[Any], request: Request, body: bytes) -> Response:
    """The reply to ``request``, whose ``body`` is within the server's own limits."""
    manager = StreamableHTTPSessionManager(
        server, stateless=True, json_response=True, max_request_body_size=max(1, len(body))
    )
    reply = Response()
    chunks: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            reply.status_code = message["status"]
            reply.raw_headers = [pair for pair in message.get("headers", []) if pair[0].lower() != b"content-length"]
        else:
            chunks.append(message.get("body", b""))

    async with manager.run():
        await manager.handle_request(request.scope, receive, send)
    reply.body = b"".join(chunks)
    reply.raw_headers.append((b"content-length", b"%d" % len(reply.body)))
    return reply
