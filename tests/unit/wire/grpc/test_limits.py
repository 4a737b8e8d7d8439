"""The limits that settings change."""

from __future__ import annotations

from weft.config import load_settings
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.server import DEFAULT_LIMITS


def test_the_defaults_are_those_of_the_settings() -> None:
    assert Limits.of(load_settings({}, {}).grpc) == DEFAULT_LIMITS


def test_each_setting_is_a_limit() -> None:
    variables = {
        "GRPC_MAX_MESSAGE_SIZE": "1000",
        "WEFT_GRPC_WORKERS": "2",
        "WEFT_GRPC_MAX_STREAMS": "3",
        "WEFT_GRPC_MAX_CALLER_STREAMS": "4",
        "WEFT_GRPC_STREAM_IDLE": "5s",
        "WEFT_GRPC_MESSAGE_TIMEOUT": "6s",
        "WEFT_GRPC_MAX_CONNECTIONS": "7",
    }
    assert Limits.of(load_settings({}, variables).grpc) == Limits(
        message_bytes=1000,
        workers=2,
        streams=3,
        caller_streams=4,
        stream_idle_s=5.0,
        message_timeout_s=6.0,
        connections=7,
    )
