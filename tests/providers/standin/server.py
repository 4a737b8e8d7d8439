"""StandIn: the server. Files of ``families`` say what each provider answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from providers.standin.families import answer, needs_key

_KEY_HEADERS = ("authorization", "api-key", "x-api-key", "x-goog-api-key")


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    """Lower-cased names."""
    body: dict[str, Any]

    @property
    def key(self) -> str:
        """Empty if it has none."""
        given = next((self.headers[name] for name in _KEY_HEADERS if name in self.headers), "")
        return given.removeprefix("Bearer ").removeprefix("AWS4-HMAC-SHA256 Credential=").split("/")[0]


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


def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each body waits 40 ms for the acknowledgement of its headers

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            body = _decoded(content, self.headers["content-type"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, body)
            failure = standin.note(request)
            standin.hold.wait(30)
            path = self.path.replace("//", "/")
            if needs_key(path) and not request.key:
                failure = Failure(401, {"detail": "no key"})
            if failure is CUT:
                self.close_connection = True
                return
            if failure is not None:
                self._send(failure.status, failure.body, failure.headers)
                return
            found = answer(path, body)
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


def _decoded(content: bytes, content_type: str) -> Any:
    """JSON, or the fields of a form: text, or bytes if they are those of a file."""
    if not content_type.startswith("multipart/form-data"):
        return json.loads(content)
    parts = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    fields: dict[str, Any] = {}
    for part in parts.iter_parts():
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        is_file = part.get_filename() is not None
        fields[str(part.get_param("name", header="content-disposition"))] = data if is_file else data.decode()
    return fields
