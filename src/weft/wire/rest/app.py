"""The REST application."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from weft.access.authenticator import Authenticator
from weft.service.guard import Door
from weft.settings.server import McpSettings, RestSettings
from weft.wire.observing import Observe
from weft.wire.rest import (
    aggregate,
    aliases,
    authz,
    backups,
    batch,
    classifications,
    cluster,
    contextionary,
    evaluations,
    explain,
    exports,
    graphql,
    imports,
    indexes,
    jobs,
    mcp,
    objects,
    reembeddings,
    references,
    replication,
    schema,
    search,
    tenants,
    tokenize,
    users,
)
from weft.wire.rest.endpoint import Reply, error_response, json_response
from weft.wire.rest.openapi.document import published
from weft.wire.rest.runner import Runner
from weft.wire.rest.web_pages import PageGuard, WebPages

_NOUNS = (
    *(
        cluster,
        schema,
        indexes,
        tenants,
        aliases,
        explain,
        objects,
        references,
        batch,
        tokenize,
        graphql,
        search,
        aggregate,
    ),
    *(evaluations, backups, exports, jobs, imports, reembeddings),
    *(authz, users, replication, contextionary, classifications),
)
_ROOT: Final = "/v1/"
"""Every endpoint of the protocol is below it."""
_SLASHES: Final = re.compile("//+")
ENDPOINTS: Final = [endpoint for noun in _NOUNS for endpoint in noun.ENDPOINTS]
"""Those of every server. What is at ``/v1/mcp`` is up to its settings."""
_OFF: Final = McpSettings()


def build_app(
    door: Door,
    auth: Authenticator,
    settings: RestSettings,
    *,
    body_limit_bytes: int,
    query_timeout_s: float = 0.0,
    observe: Observe | None = None,
    pages: WebPages | None = None,
    tools: McpSettings = _OFF,
) -> Starlette:
    """The ASGI application that answers every endpoint with the verbs of the service behind ``door``. Its
    ``state.runner`` is the ``Runner``.

    ``pages``: refuses what web pages may not do; None: they may do everything. Raises Misconfigured where ``tools`` are
    to be offered over MCP, which is not installed.
    """
    runner = Runner(
        door,
        auth,
        settings,
        body_limit_bytes=body_limit_bytes,
        query_timeout_s=query_timeout_s,
        observe=observe,
    )
    endpoints = [*ENDPOINTS, mcp.endpoint(tools)]
    routes = runner.routes([*endpoints, *published(endpoints)])
    middleware = [Middleware(_SingleSlashes)]
    if settings.cors_origins:
        middleware.append(_cors(settings.cors_origins))
    if pages is not None:
        middleware.append(Middleware(PageGuard, pages))
    app = Starlette(
        routes=routes, middleware=middleware, exception_handlers={HTTPException: _refused, Exception: _failed}
    )
    app.state.runner = runner
    return app


def _cors(origins: Sequence[str]) -> Middleware:
    from starlette.middleware.cors import CORSMiddleware

    return Middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])


async def _refused(request: Request, error: Exception) -> Response:
    """The reply for an unknown path or method."""
    assert isinstance(error, HTTPException)
    path = request.url.path[:200]
    if error.status_code == 404:
        message = f"no such endpoint: {request.method} {path}"
    elif error.status_code == 405:
        message = f"{path} does not take {request.method}"
    else:
        message = str(error.detail)
    response = json_response(Reply({"code": error.status_code, "message": message}, error.status_code))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _failed(request: Request, error: Exception) -> Response:
    return error_response(error)


class _SingleSlashes:
    """``/v1/aliases/`` is ``/v1/aliases``, and ``/v1//aliases`` is, too.

    Slashes that are encoded in a name stay, and so do those of other paths: a site mounted beside the protocol needs
    its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if "//" in path:
                path = unquote(_SLASHES.sub("/", scope["raw_path"].decode("latin-1")))
            if path.startswith(_ROOT):
                scope = {**scope, "path": path.rstrip("/")}
        await self._app(scope, receive, send)
