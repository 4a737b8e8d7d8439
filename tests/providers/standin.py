"""A provider on 127.0.0.1 that speaks the shapes of NVIDIA, Jina, OpenAI, Cohere, Ollama, Hugging Face and a
transformers reranker, notes every request, and fails on demand.

Vectors are sums of hashed words, so equal texts have equal vectors and shared words bring texts together; a passage
and a query of one text differ a little where the request says which it is. Jina's multi-vectors are those of the
tokens in the model of the wheel, so words of like meaning are near. Answers of Jina's text models are shuffled, to
prove that ``index`` is heeded; NVIDIA's come in order with false indexes, to prove that it is not.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from weft.modules.local.models import BUNDLED, MINILM, MODEL2VEC

DIMENSIONS = 32
_KEYLESS = ("/rerank", "/api/", "/models/")
"""Where these begin, no key is asked for."""


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    """Lower-cased names."""
    body: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """What is said instead of an answer; status 0 cuts the connection."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


CUT = Failure(0)


class StandIn:
    """Serves from ``with`` on.

    ``failures`` are answered first, one a request; ``refuse`` may fail a request for what it asks; ``twist`` may change
    each answer; ``hold`` keeps answers back while it is cleared; ``drip_s`` passes after each ten bytes.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.failures: list[Failure] = []
        self.headers: dict[str, str] = {}
        """Of every answer."""
        self.hold = threading.Event()
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget what was asked, and fail no more."""
        self.requests.clear()
        self.failures.clear()
        self.headers = {}
        self.refuse: Callable[[Request], Failure | None] = lambda request: None
        self.twist: Callable[[Any], Any] = lambda answer: answer
        self.drip_s = 0.0
        self.hold.set()

    def __enter__(self) -> StandIn:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def note(self, request: Request) -> Failure | None:
        with self._lock:
            self.requests.append(request)
            if self.failures:
                return self.failures.pop(0)
        return self.refuse(request)

    def asked(self, path: str) -> list[Request]:
        """The requests to ``path`` so far."""
        with self._lock:
            return [request for request in self.requests if request.path.replace("//", "/") == path]


def vector_of(item: Any, dimensions: int = DIMENSIONS, role: str = "") -> list[float]:
    """A text's (or image's) vector; ``role`` is ``query`` or ``passage`` where the request says so."""
    text = item if isinstance(item, str) else str(item.get("text") or item.get("image"))
    words = [*text.lower().split(), *([f"role:{role}"] if role else [])] or [""]
    total = np.sum([_word_vector(word, dimensions) for word in words], axis=0)
    return [float(x) for x in total / np.linalg.norm(total)]


@lru_cache(100_000)
def _word_vector(word: str, dimensions: int) -> np.ndarray:
    digest = hashlib.sha256(word.encode("utf-8", "replace")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(dimensions)


def token_vectors(text: str, dimensions: int) -> list[list[float]]:
    """One unit vector a token of ``text``, at least one: the first ``dimensions`` (at most 256) of its embedding."""
    tokenizer, codes, scales = _token_embeddings()
    ids = tokenizer.encode(text, add_special_tokens=False).ids or [tokenizer.token_to_id("[UNK]")]
    found = codes[ids, :dimensions].astype(np.float64) * scales[ids, None]
    unit: list[list[float]] = (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)).tolist()
    return unit


@cache
def _token_embeddings() -> tuple[Any, np.ndarray, np.ndarray]:
    tokenizer = Tokenizer.from_file(str(BUNDLED / MINILM / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, np.load(BUNDLED / MODEL2VEC / "codes.npy"), np.load(BUNDLED / MODEL2VEC / "scales.npy")


def answer(path: str, body: dict[str, Any]) -> Any:
    """What a provider says to ``body`` at ``path`` (a doubled slash is one); None: no such path."""
    path = path.replace("//", "/")
    if path in ("/v1/embeddings", "/v1/multi-vector", "/api/v3/embeddings"):
        return _embeddings(path, body)
    if path.startswith("/openai/deployments/"):
        return answer("/v1/" + path.split("?")[0].split("/", 4)[4], {"model": "azure", **body})
    if path == "/v2/embed":
        given = body.get("texts") or body["images"]
        dimensions = body.get("output_dimension", DIMENSIONS)
        vectors = [vector_of(one, dimensions, body["input_type"]) for one in given]
        return {"id": "1", "embeddings": {"float": vectors}}
    if path == "/api/embed":
        return {"model": body["model"], "embeddings": [vector_of(text) for text in body["input"]]}
    if path.startswith("/models/") and path.endswith("/pipeline/feature-extraction"):
        return [vector_of(text, role=path.split("/")[2]) for text in body["inputs"]]
    return _generation(path, body) or _ranking(path, body)


def _generation(path: str, body: dict[str, Any]) -> Any:
    if path == "/api/generate":
        return {"model": body["model"], "response": "Answer to: " + body["prompt"], "done": True, "eval_count": 4}
    if path not in ("/v1/chat/completions", "/v2/chat"):
        return None
    text = "Answer to: " + str(body["messages"][0]["content"])
    if path == "/v2/chat":
        message = {"content": [{"type": "text", "text": text}]}
        return {"finish_reason": "COMPLETE", "message": message, "usage": {"t": 1}}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return {"choices": [choice], "usage": usage, "created": 1}


def _ranking(path: str, body: dict[str, Any]) -> Any:
    """Each document's score is the number of words that it shares with the query; the best comes first."""
    if path == "/rerank":
        scores = _overlaps(body["query"], body["documents"])
        return {
            "query": body["query"],
            "scores": [{"document": d, "score": scores[i]} for i, d in enumerate(body["documents"])],
        }
    if path == "/v1/retrieval/nvidia/reranking":
        scores = _overlaps(body["query"]["text"], [passage["text"] for passage in body["passages"]])
        return {"rankings": [{"index": i, "logit": scores[i]} for i in sorted(scores, key=lambda i: -scores[i])]}
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
        if not multi:
            data.append({"index": index, "embedding": vector_of(item, dimensions, role)})
        elif isinstance(item, dict) and "image" in item:
            data.append({"index": index, "embeddings": [vector_of(item, dimensions)]})
        else:
            text = item if isinstance(item, str) else item["text"]
            data.append({"index": index, "embeddings": token_vectors(text, dimensions)})
    if "encoding_format" in body:
        data = [{**one, "index": 0} for one in data]
    elif all(isinstance(item, str) for item in body["input"]):
        random.Random(len(data)).shuffle(data)
    return {"object": "list", "model": body["model"], "data": data, "usage": {"total_tokens": 1}}


def _overlaps(query: str, documents: list[str]) -> dict[int, float]:
    asked = set(query.split())
    return {i: float(len(asked & set(document.split()))) for i, document in enumerate(documents)}


def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            failure = standin.note(Request(self.path, headers, body))
            standin.hold.wait(30)
            keyless = self.path.replace("//", "/").startswith(_KEYLESS)
            if not keyless and not headers.get("authorization", "").startswith("Bearer ") and "api-key" not in headers:
                failure = Failure(401, {"detail": "no key"})
            if failure is CUT:
                self.close_connection = True
                return
            if failure is not None:
                self._send(failure.status, failure.body, failure.headers)
                return
            found = answer(self.path, body)
            self._send(200 if found else 404, standin.twist(found) if found else {}, standin.headers)

        def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):
                self.end_headers()
                for begin in range(0, len(content), 10) if standin.drip_s else ():
                    self.wfile.write(content[begin : begin + 10])
                    time.sleep(standin.drip_s)
                if not standin.drip_s:
                    self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
