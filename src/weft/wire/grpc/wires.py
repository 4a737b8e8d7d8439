"""The wires that there are.

``grpcio`` is on every platform. ``front`` is the optional package ``weft-front``: its HTTP/2 runs outside of the GIL,
and the thread that reads a short call answers it, for a fraction of grpcio's CPU.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import Final

from weft.domain.errors import Misconfigured
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.methods import Table
from weft.wire.grpc.wire import Address, Wire
from weft.wire.tls import ServerCertificate

AUTO, GRPCIO, FRONT = "auto", "grpcio", "front"

_INTERFACE: Final = 2
"""Of ``weft-front``, as this version of Weft calls it; raised on both sides with each change."""

_log = logging.getLogger(__name__)


def wire(
    name: str, table: Table, address: Address, limits: Limits, certificate: ServerCertificate | None = None
) -> Wire:
    """The wire of that name, one of ``installed``; over TLS where there is a certificate."""
    if name == FRONT:
        from weft.wire.grpc.front_wire import FrontWire

        return FrontWire(table, address, limits, certificate)
    from weft.wire.grpc.grpcio_wire import GrpcioWire

    return GrpcioWire(table, address, limits, certificate)


def chosen(name: str) -> str:
    """The wire that serves where ``name`` is asked for; "auto": the fastest that is installed.

    Raises Misconfigured where it is not installed.
    """
    names = installed()
    other = FRONT not in names and _interface() is not None
    if name == AUTO:
        if other:
            _log.warning("weft-front is of another version than this Weft, so grpcio serves; install it again")
        return names[-1]
    if name not in names:
        install = "install weft-front again" if other else "pip install weft-front"
        problem = f"{'of another version than this Weft' if other else 'not installed'}: {install}"
        raise Misconfigured(f"the wire {name} is {problem}, or leave WEFT_GRPC_WIRE out")
    return name


def installed() -> list[str]:
    """The names of the wires that can serve here, the fastest last."""
    return [GRPCIO, FRONT] if _interface() == _INTERFACE else [GRPCIO]


def _interface() -> int | None:
    """That of the package weft-front; None where it is not installed."""
    if importlib.util.find_spec("weft_front") is None:
        return None
    import weft_front

    return int(getattr(weft_front, "INTERFACE", 1))
