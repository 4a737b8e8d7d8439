from collections.abc import Callable, Mapping
from typing import Literal

class Front:
    def __init__(
        self,
        host: str,
        port: int,
        methods: Mapping[str, tuple[Literal["short", "long", "stream"], Callable[..., object]]],
        *,
        threads: int,
        max_message_bytes: int,
        max_calls: int,
        max_header_bytes: int = 16_384,
        max_connections: int = 4_096,
        max_streams_per_connection: int = 1_000,
        keepalive_s: float = 60.0,
        keepalive_timeout_s: float = 20.0,
        patience_s: float = 60.0,
    ) -> None: ...
    @property
    def port(self) -> int: ...
    def work(self) -> None: ...
    def close(self, grace_s: float) -> None: ...

class Stream:
    def receive(self) -> bytes | None: ...
    def send(self, message: bytes) -> bool: ...
    def on_end(self, function: Callable[[], object]) -> bool: ...
