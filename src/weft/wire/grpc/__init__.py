"""gRPC: ``weaviate.v1.Weaviate`` and the health service."""

from weft.wire.grpc.server import GrpcServer

__all__ = ["GrpcServer"]
