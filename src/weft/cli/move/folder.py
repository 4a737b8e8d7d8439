"""A data folder that no server has open, as a place: this process serves it to itself, on loopback, with its own key.

Settings are those of ``weft serve`` in the environment, so that modules are enabled as there.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from weft.app import App
from weft.cli.move.address import PlaceAddress, PlaceKind
from weft.config import Settings, load_settings
from weft.domain.errors import NotFound

_HOST: Final = "127.0.0.1"


@contextmanager
def served(address: PlaceAddress, *, must_exist: bool) -> Iterator[PlaceAddress]:
    """The address of a server over the folder, which answers until the context ends. Raises NotFound for a folder that
    has to be there, Locked for one that a server has open."""
    folder = Path(address.text)
    if must_exist and not folder.is_dir():
        raise NotFound(f"{folder} is no folder; name a data folder, or an address such as http://host:8080")
    key = secrets.token_urlsafe(32)
    settings = load_settings(
        {
            "host": _HOST,
            "port": 0,
            "grpc_port": 0,
            "data_path": folder,
            "workers": 1,
            "anonymous_access": False,
            "apikey_enabled": True,
            "apikey_allowed_keys": (key,),
            "apikey_users": ("weft-move",),
            "rbac_enabled": False,
            "adminlist_enabled": False,
        }
    )
    app = App(replace(settings, tls=Settings().tls))
    app.start()
    try:
        yield replace(
            address, kind=PlaceKind.SERVER, host=_HOST, port=app.rest_port, grpc=(_HOST, app.grpc_port), key=key
        )
    finally:
        app.stop()
