"""A provider on 127.0.0.1 that speaks NVIDIA's, Jina's, OpenAI's, Cohere's and a reranker container's shapes, notes
every request, and fails on demand.

Vectors are sums of hashed words, so equal texts have equal vectors and shared words bring texts together; a passage
and a query of one text differ a little where the request says which it is. Answers of Jina's text models are shuffled,
to prove that ``index`` is heeded; NVIDIA's come in order with false indexes, to prove that it is not.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DIMENSIONS = 32
_OPEN_PATHS = ("/rerank",)
"""Of containers, which ask for no key."""


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    """Lower-cased names."""
    body: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class StandIn:
    """Serves from ``with`` on. ``failures`` are answered first, one a request; ``twist`` may change each answer."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.failures: list[Failure] = []
        self.twist: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
        self._lock = threading.Lock()

    def __enter__(self) -> StandIn:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def note(self, request: Request) -> Failure | None:
        with self._lock:
            self.requests.append(request)
            return self.failures.pop(0) if self.failures else None


def vector_of(item: Any, dimensions: int = DIMENSIONS, role: str = "") -> list[float]:
    """A text's (or picture's) vector; ``role`` is ``query`` or ``passage`` where the request told it."""
    text = item if isinstance(item, str) else str(item.get("text") or item.get("image"))
    words = [*text.lower().split(), *([f"role:{role}"] if role else [])] or [""]
    total = np.zeros(dimensions)
    for word in words:
        digest = hashlib.sha256(word.encode()).digest()
        total += np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(dimensions)
    return [float(x) for x in total / np.linalg.norm(total)]


def answer(path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """What a provider says to ``body`` at ``path`` (a doubled slash is one); None: no such path."""
    path = path.replace("//", "/")
    if path in ("/v1/embeddings", "/v1/multi-vector"):
        return _embeddings(path, body)
    if path.startswith("/openai/deployments/"):
        return answer("/v1/" + path.split("?")[0].split("/", 4)[4], {"model": "azure", **body})
    if path == "/v2/embed":
        vectors = [
            vector_of(text, body.get("output_dimension", DIMENSIONS), body["input_type"]) for text in body["texts"]
        ]
        return {"id": "1", "embeddings": {"float": vectors}}
    if path == "/v2/chat":
        text = "Answer to: " + str(body["messages"][0]["content"])
        return {
            "finish_reason": "COMPLETE",
            "message": {"content": [{"type": "text", "text": text}]},
            "usage": {"t": 1},
        }
    if path == "/v1/chat/completions":
        text = "Answer to: " + str(body["messages"][0]["content"])
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        return {"choices": [choice], "usage": usage, "created": 1}
    if path == "/v1/retrieval/nvidia/reranking":
        scores = _overlaps(body["query"]["text"], [passage["text"] for passage in body["passages"]])
        return {"rankings": [{"index": i, "logit": scores[i]} for i in sorted(scores, key=lambda i: -scores[i])]}
    if path == "/rerank":
        scores = _overlaps(body["query"], body["documents"])
        return {
            "query": body["query"],
            "scores": [{"document": d, "score": scores[i]} for i, d in enumerate(body["documents"])],
        }
    if path in ("/v1/rerank", "/v2/rerank"):
        scores = _overlaps(body["query"], body["documents"])
        ranked = sorted(scores, key=lambda i: -scores[i])
        return {"results": [{"index": i, "relevance_score": scores[i]} for i in ranked], "model": body["model"]}
    return None


def _embeddings(path: str, body: dict[str, Any]) -> dict[str, Any]:
    multi = path == "/v1/multi-vector" or body.get("return_multivector", False)
    role = body.get("input_type") or str(body.get("task", "")).removeprefix("retrieval.")
    dimensions = body.get("dimensions", DIMENSIONS)
    data: list[dict[str, Any]] = []
    for index, item in enumerate(body["input"]):
        if multi:
            words = (item if isinstance(item, str) else str(item.get("text") or item.get("image"))).split() or [""]
            data.append({"index": index, "embeddings": [vector_of(word, dimensions, role) for word in words]})
        else:
            data.append({"index": index, "embedding": vector_of(item, dimensions, role)})
    if "encoding_format" in body:
        data = [{**one, "index": 0} for one in data]
    elif all(isinstance(item, str) for item in body["input"]):
        data.reverse()
    return {"object": "list", "model": body["model"], "data": data, "usage": {"total_tokens": 1}}


def _overlaps(query: str, documents: list[str]) -> dict[int, float]:
    asked = set(query.split())
    return {i: float(len(asked & set(document.split()))) for i, document in enumerate(documents)}


def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            failure = standin.note(Request(self.path, headers, body))
            keyed = headers.get("authorization", "").startswith("Bearer ") or "api-key" in headers
            if not keyed and self.path not in _OPEN_PATHS:
                failure = Failure(401, {"detail": "no key"})
            if failure is not None:
                self._send(failure.status, failure.body, failure.headers)
                return
            found = answer(self.path, body)
            self._send(200 if found else 404, standin.twist(found) if found else {}, {})

        def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
