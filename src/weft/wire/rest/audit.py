"""The audit log: a line for each change of roles, users and keys.

A line has the caller, the change and its object; never a key. Refused requests change nothing; they are logged where
they are refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps

import orjson

from weft.domain.json_values import JsonObject, JsonValue
from weft.wire.rest.endpoint import Call, Handler, Reply

_log = logging.getLogger(__name__)

_LOGGED = ("name", "roles", "permissions", "userType", "groupType", "revoke_key", "import")
"""The logged fields of a request's body; nothing else is logged, so that no secret can be."""

_LONGEST = 2_000


def audited(change: str) -> Callable[[Handler], Handler]:
    """A handler whose success is logged as ``change``."""

    def wrap(handler: Handler) -> Handler:
        @wraps(handler)
        def run(call: Call) -> Reply:
            reply = handler(call)
            if reply.status < 400:
                _log.info(change, extra={"facts": _facts(call)})
            return reply

        return run

    return wrap


def _facts(call: Call) -> dict[str, object]:
    given: JsonObject = call.body if isinstance(call.body, Mapping) else {}
    body = {name: _logged(given[name]) for name in _LOGGED if given.get(name) is not None}
    return {"by": call.caller.user or "anonymous", "by_type": call.caller.user_type, **call.path, **body}


def _logged(value: JsonValue) -> str | bool:
    if isinstance(value, str | bool):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(str(one) for one in value)[:_LONGEST]
    return orjson.dumps(value).decode()[:_LONGEST]
