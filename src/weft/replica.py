"""Replica: answers searches over the data folder of a running server, from another process.

It opens the folder read-only, takes no lock and writes nothing. What it cannot answer itself, or not at this moment, it
passes: the server, the *primary*, then answers. That is what needs a model or a provider, what must be written first (a
tenant that is activated), what is damaged, and what was changed so much or so lately that it is not here yet; and every
failure that is not a plain refusal of the request. So nothing depends on what a replica is able to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, Literal, NoReturn, TypeAlias

from weft.access.access import Access
from weft.access.audit_log import held_audit_log
from weft.access.followed import FollowedAccessStore
from weft.config import Settings
from weft.domain.caller import Caller, Credentials
from weft.domain.deadline import Deadline, client_of_call, within
from weft.domain.errors import CallerError, OperatorError, WeftError
from weft.engine.drivers import follow_database
from weft.modules.registry import Registry
from weft.service.guard import Door
from weft.service.schema.document import parse
from weft.service.search_service import SearchService
from weft.wire.errors import Refusal, to_refusal
from weft.wire.grpc.calls import Calls, UnaryCall
from weft.wire.grpc.conversation import Headers

_log = logging.getLogger(__name__)


class Passed(Enum):
    """The reply that is none: the primary answers the call."""

    PASS = "pass"


PASS: Final = Passed.PASS

ReplicaAnswer: TypeAlias = "bytes | Refusal | Literal[Passed.PASS]"
ReplicaCall: TypeAlias = Callable[[bytes, Headers], ReplicaAnswer]
"""Takes the request's message and the call's metadata."""

_ANSWERED: Final = ("Search", "Aggregate", "TenantsGet")


class Replica:
    """Of the data folder of ``settings``, whose primary has started. ``table``: by path; any thread may call.

    Raises OperatorError where there is no primary to follow, Misconfigured for an engine without files.
    """

    def __init__(self, settings: Settings) -> None:
        folder = settings.storage.data_path
        self._database = follow_database(folder, parse, engine=settings.storage.engine)
        self._store = FollowedAccessStore(folder)
        audit = self._audit = held_audit_log(settings.audit, folder)
        self._access = Access(settings.access, folder, store=self._store, audit=audit)
        service = SearchService(settings, self._database, _NoModules())
        calls = Calls(
            Door(service, self._access, audit).over("grpc"), most_bytes=settings.grpc.max_message_bytes
        ).by_name()
        self.table: Mapping[str, ReplicaCall] = {
            f"/weaviate.v1.Weaviate/{name}": self._answering(calls[name], settings.limits.query_timeout_s)
            for name in _ANSWERED
        }
        self.tidy()

    def tidy(self) -> None:
        """What can wait: opens what was passed, and frees what is gone. Call it about once a second, on any thread."""
        try:
            self._database.tidy()
        except WeftError as error:
            _log.debug("the data are followed later: %s", error.message)

    def close(self) -> None:
        """Calls must have ended."""
        self._database.close()
        self._access.close()

    def _answering(self, call: UnaryCall, timeout_s: float) -> ReplicaCall:
        def attempt(message: bytes, headers: Headers) -> ReplicaAnswer:
            try:
                self._database.follow(patient=False)
                caller = self._caller(headers)
                if caller is None:
                    return PASS
                with within(Deadline(timeout_s, client_of_call())):
                    return call(message, caller)
            except CallerError as error:
                return to_refusal(error)
            except (OperatorError, OSError) as error:
                _log.debug("passed: %s", error)
            except Exception:
                _log.warning("passed to the server, because a replica failed", exc_info=True)
            return PASS

        audit = self._audit
        if audit is None:
            return attempt

        def answer(message: bytes, headers: Headers) -> ReplicaAnswer:
            reply = attempt(message, headers)
            if reply is PASS:
                audit.drop()
                return PASS
            try:
                audit.release()
            except OperatorError:  # as the server says, when it cannot record the call either
                return PASS
            return reply

        return answer

    def _caller(self, headers: Headers) -> Caller | None:
        """None for one whom only the primary can ask for."""
        self._store.follow()
        return self._access.authenticator.recognise(headers.get("authorization"), Credentials.of(headers))


class _NoModules(Registry):
    """Has none, and passes whatever asks for one: models are in memory once, in the primary."""

    def __init__(self) -> None:
        super().__init__({})

    def knows(self, name: str) -> bool:
        self.get(name)

    def get(self, name: str) -> NoReturn:
        raise OperatorError(f"the module {name} is the server's")
