"""Flags that several commands share."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from weft.config import Settings

if TYPE_CHECKING:
    import weaviate


def add_settings(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting of the server; ``--config`` names a TOML file with any of them."""
    parser.add_argument(
        "--config", metavar="FILE", default=os.environ.get("WEFT_CONFIG"), help="TOML file with settings (WEFT_CONFIG)"
    )
    for setting in fields(Settings):
        default = setting.default
        shown = ",".join(default) if isinstance(default, tuple) else default
        parser.add_argument(
            "--" + setting.name.replace("_", "-"),
            dest=f"setting_{setting.name}",
            metavar="VALUE",
            help=f"{setting.metadata['help']} ({setting.metadata['env']}; default: {shown if shown != '' else 'none'})",
        )


def given_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line states."""
    return {
        name.removeprefix("setting_"): value
        for name, value in vars(arguments).items()
        if name.startswith("setting_") and value is not None
    }


def add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", default=os.environ.get("WEFT_HOST", "127.0.0.1"), help="the server's address (default: %(default)s)"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=int(os.environ.get("WEFT_PORT", "8080")),
        help="its REST port (default: %(default)s)",
    )
    parser.add_argument(
        "--grpc-port",
        type=int,
        default=int(os.environ.get("GRPC_PORT", "50051")),
        help="its gRPC port (default: %(default)s)",
    )
    parser.add_argument("--api-key", default=os.environ.get("WEFT_API_KEY"), help="API key (WEFT_API_KEY)")


def connected(arguments: argparse.Namespace) -> weaviate.WeaviateClient:
    """A client of the server that the command line names; raises NotFound when none answers."""
    import weaviate
    from weaviate.classes.init import Auth
    from weaviate.exceptions import WeaviateBaseError

    from weft.domain.errors import NotFound, Unauthenticated

    try:
        return weaviate.connect_to_local(
            host=arguments.host,
            port=arguments.port,
            grpc_port=arguments.grpc_port,
            auth_credentials=Auth.api_key(arguments.api_key) if arguments.api_key else None,
        )
    except WeaviateBaseError as error:
        where = f"{arguments.host}:{arguments.port}"
        if "401" in str(error):
            raise Unauthenticated(f"the server at {where} wants an API key; give it with --api-key") from error
        raise NotFound(
            f"no server answers at {where} (gRPC {arguments.grpc_port}); start one with: weft serve"
        ) from error
