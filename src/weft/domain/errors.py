"""Every error that Weft raises on purpose, by who must act.

    WeftError
    ├── CallerError          the request is at fault
    │   ├── Invalid              wrong type, value, name, dimensions, syntax
    │   │   └── Inapplicable         right in itself, but not for this collection, tenant or object
    │   ├── NotFound             no such collection, object, property
    │   │   ├── CollectionNotFound   no such collection
    │   │   └── TenantNotFound       no such tenant
    │   ├── Conflict             it exists already, or it changed under the caller
    │   ├── Unauthenticated      no credentials, or wrong ones
    │   ├── Forbidden            known caller, not allowed
    │   ├── TooLarge             over an advertised limit
    │   ├── UsageLimitExceeded   more than the operator allows to be kept
    │   ├── DeadlinePassed       more work than there was time for
    │   ├── CallerGone           the caller no longer waits for the answer
    │   └── Unsupported          a call of the protocol that this server does not offer
    ├── ProviderError        an embedding, rerank or generation provider answered with a failure
    ├── OperatorError        the machine or its settings
    │   ├── Misconfigured        an unknown or contradictory setting, a missing extra
    │   ├── Locked               another process holds the data folder
    │   ├── StorageFull          no space left
    │   ├── ReadOnly             too little memory or disk is left to add data
    │   ├── Unreachable          the engine or the catalog is another server, which does not answer
    │   │   └── UncertainChange      nor can it be found out whether it made a change
    │   └── Overloaded           a queue or limit is full; try again later
    └── CorruptData          what is on disk is not what was written

Facts are attributes of the error; the message says what to do next. ``wire`` maps each class to HTTP, gRPC and
GraphQL in one table. Any other exception that escapes is a bug of Weft.
"""

from __future__ import annotations


class WeftError(Exception):
    """An error whose message is written for its reader: what is wrong, and what to do next."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class CallerError(WeftError):
    """The request is at fault."""


class Invalid(CallerError):
    """A value, name, type or combination that cannot be accepted."""


class Inapplicable(Invalid):
    """What is right in itself, but not for this collection, tenant or object: it has no such index, vector, vectorizer
    or tenants."""


class NotFound(CallerError):
    """What the request names does not exist."""


class CollectionNotFound(NotFound):
    """The collection that the request names does not exist."""


class TenantNotFound(NotFound):
    """The tenant that the request reads or writes does not exist."""


class Conflict(CallerError):
    """What the request would create exists already, or what it would change has changed."""


class Unauthenticated(CallerError):
    """No credentials, or wrong ones."""


class Forbidden(CallerError):
    """The caller is known, and is not allowed to do this."""


class TooLarge(CallerError):
    """Over a limit that the server states."""


class UsageLimitExceeded(CallerError):
    """The server would keep more than its operator allows: ``limited`` names what, ``limit`` is how many."""

    def __init__(self, message: str, *, limited: str, limit: int, **facts: object) -> None:
        super().__init__(message, limited=limited, limit=limit, **facts)
        self.limited = limited
        self.limit = limit


class DeadlinePassed(CallerError):
    """The time for the request was over before it was answered; nothing was changed."""


class CallerGone(CallerError):
    """The caller went away before the request was answered; nothing was changed."""


class Unsupported(CallerError):
    """A call or option of the protocol that this server does not offer."""


class ProviderError(WeftError):
    """A provider of embeddings, reranking or generation failed; ``status`` is its HTTP status when it gave one."""

    def __init__(self, message: str, *, provider: str = "", status: int | None = None, **facts: object) -> None:
        super().__init__(message, provider=provider, status=status, **facts)
        self.provider = provider
        self.status = status


class OperatorError(WeftError):
    """The operator must change the machine or its settings."""


class Misconfigured(OperatorError):
    """A setting is unknown, contradictory, or needs an extra that is not installed."""


class Locked(OperatorError):
    """Another process holds the data folder."""


class StorageFull(OperatorError):
    """No space is left for the write; nothing of it was stored."""


class ReadOnly(OperatorError):
    """So little memory or disk is left that nothing is added; nothing of the request was stored."""


class Unreachable(OperatorError):
    """Another server that this one stands on, its engine or its catalog, does not answer; the request can be sent again
    later. Of a request that changes much, some may have been changed."""


class UncertainChange(Unreachable):
    """The change may have been made or not, as its end was not heard."""


class Overloaded(OperatorError):
    """A queue or limit is full; the request can be sent again later."""


class CorruptData(WeftError):
    """Stored bytes fail their checksum or their format; ``path`` names the file."""

    def __init__(self, message: str, *, path: str = "", **facts: object) -> None:
        super().__init__(message, path=path, **facts)
        self.path = path
