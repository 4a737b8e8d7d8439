"""The wires that there are.

``grpcio`` is on every platform. ``front`` is the optional package ``weft-front``: its HTTP/2 runs outside of the GIL,
and the thread that reads a short call answers it, for a fraction of grpcio's CPU.
"""

from __future__ import annotations

import importlib.util

from weft.domain.errors import Misconfigured
from weft.wire.grpc.methods import Table
from weft.wire.grpc.wire import Address, Limits, Wire

AUTO, GRPCIO, FRONT = "auto", "grpcio", "front"


def wire(name: str, table: Table, address: Address, limits: Limits) -> Wire:
    """The wire of that name, one of ``installed``."""
    if name == FRONT:
        from weft.wire.grpc.front_wire import FrontWire

        return FrontWire(table, address, limits)
    from weft.wire.grpc.grpcio_wire import GrpcioWire

    return GrpcioWire(table, address, limits)


def chosen(name: str) -> str:
    """The wire that serves where ``name`` is asked for; "auto": the fastest that is installed.

    Raises Misconfigured where it is not installed.
    """
    names = installed()
    if name == AUTO:
        return names[-1]
    if name not in names:
        raise Misconfigured(f"the wire {name} is not installed: pip install weft-front, or leave WEFT_GRPC_WIRE out")
    return name


def installed() -> list[str]:
    """The names of the wires that can serve here, the fastest last."""
    return [GRPCIO, FRONT] if importlib.util.find_spec("weft_front") is not None else [GRPCIO]
