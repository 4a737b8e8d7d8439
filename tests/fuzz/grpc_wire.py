"""Messages of gRPC calls, and the frames of HTTP/2 that carry them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, ClassVar

import grpc

from fuzz.mutating import mutated
from fuzz.served import LONGEST_S, UUID, Served, answered
from weft.protocol import aggregate, base, base_search, batch, batch_delete, search_get, tenants

_FAULTS = (
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
_EQUAL = base.Filters(operator=base.Filters.OPERATOR_EQUAL, value_text="hello", target=base.FilterTarget(property="t"))
_NEAR = base_search.NearVector(
    vectors=[base.Vectors(name="one", vector_bytes=bytes(12))], targets=base_search.Targets(target_vectors=["one"])
)
_ALL = search_get.PropertiesRequest(return_all_nonref_properties=True)
_META = search_get.MetadataRequest(uuid=True, vector=True, distance=True, score=True, explain_score=True)


def _objects() -> batch.BatchObjectsRequest:
    found = batch.BatchObjectsRequest()
    for n in range(3):
        one = found.objects.add(collection="Thing", uuid=UUID[:-1] + str(n))
        one.properties.non_ref_properties.update({"t": f"hello {n}", "n": n, "d": "2020-01-01T00:00:00Z"})
        one.vectors.add(name="one", vector_bytes=bytes(12))
        one.vectors.add(name="many", vector_bytes=b"\x02\x00" + bytes(16), type=base.Vectors.VECTOR_TYPE_MULTI_FP32)
    return found


def _aggregated() -> aggregate.AggregateRequest:
    found = aggregate.AggregateRequest(collection="Thing", objects_count=True, filters=_EQUAL)
    found.aggregations.add(property="n").int.sum = True
    found.aggregations.add(property="t").text.top_occurences = True
    return found


CALLS: list[tuple[str, bytes]] = [
    (f"/weaviate.v1.Weaviate/{method}", message.SerializeToString())
    for method, message in [
        ("Search", search_get.SearchRequest(collection="Thing", near_vector=_NEAR, limit=3, properties=_ALL)),
        ("Search", search_get.SearchRequest(collection="Thing", filters=_EQUAL, metadata=_META, uses_127_api=True)),
        (
            "Search",
            search_get.SearchRequest(
                collection="Thing",
                bm25_search=base_search.BM25(query="hello world", properties=["t^2"]),
                sort_by=[search_get.SortBy(ascending=True, path=["n"])],
                group_by=search_get.GroupBy(path=["t"], number_of_groups=2, objects_per_group=2),
            ),
        ),
        (
            "Search",
            search_get.SearchRequest(
                collection="Thing", hybrid_search=base_search.Hybrid(query="hello", alpha=0.5, near_vector=_NEAR)
            ),
        ),
        ("Aggregate", _aggregated()),
        ("BatchObjects", _objects()),
        (
            "BatchReferences",
            batch.BatchReferencesRequest(
                references=[
                    batch.BatchReference(
                        name="r", from_collection="Thing", from_uuid=UUID, to_collection="Thing", to_uuid=UUID
                    )
                ]
            ),
        ),
        ("BatchDelete", batch_delete.BatchDeleteRequest(collection="Thing", filters=_EQUAL, dry_run=True)),
        ("TenantsGet", tenants.TenantsGetRequest(collection="Crate")),
    ]
] + [("/grpc.health.v1.Health/Check", b""), ("/weaviate.v1.Weaviate/Absent", b"")]


class Messages(Served):
    wire: ClassVar[str] = "auto"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, WEFT_GRPC_WIRE=self.wire)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.server.grpc_port}")

    def send(self, rng: random.Random) -> str:
        path, message = rng.choice(CALLS)
        message = mutated(message, [one[1] for one in CALLS], rng)
        call: Any = self._channel.unary_unary(path)
        code = grpc.StatusCode.OK
        try:
            call(message, timeout=LONGEST_S)
        except grpc.RpcError as error:
            code = error.code()
            assert code not in _FAULTS, f"{path} {message!r}: {error}"
        return str(code.name)

    def close(self) -> None:
        self._channel.close()
        super().close()


class GrpcioMessages(Messages):
    wire = "grpcio"


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _text(text: bytes) -> bytes:
    """As HPACK has it, not compressed."""
    assert len(text) < 127
    return bytes((len(text),)) + text


def _head(path: str) -> bytes:
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)


_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = _frame(4, 0, 0, (3).to_bytes(2, "big") + (100).to_bytes(4, "big"))


def conversation(path: str, message: bytes, stream: int = 1) -> list[bytes]:
    """Frames: settings, a head, a message, and what a connection sends beside them."""
    framed = b"\x00" + len(message).to_bytes(4, "big") + message
    return [
        _SETTINGS,
        _frame(1, 4, stream, _head(path)),
        _frame(0, 0, stream, framed[:7]),
        _frame(0, 1, stream, framed[7:]),
        _frame(6, 0, 0, bytes(8)),
        _frame(8, 0, 0, (1000).to_bytes(4, "big")),
    ]


class Frames(Messages):
    """Of one connection each; the next one is served."""

    def send(self, rng: random.Random) -> str:
        frames = [frame for n in range(rng.choice((1, 1, 3))) for frame in conversation(*rng.choice(CALLS), 2 * n + 1)]
        match rng.randrange(4):
            case 0:
                at = rng.randrange(len(frames))
                frames[at] = mutated(frames[at], frames, rng)
            case 1:
                rng.shuffle(frames)
            case 2:
                for _ in range(3):
                    kind, flags, stream = rng.randrange(12), rng.randrange(64), rng.choice((0, 1, 2, 3, 99, 2**31 - 1))
                    frames.insert(
                        rng.randrange(len(frames)), _frame(kind, flags, stream, rng.randbytes(rng.randrange(40)))
                    )
            case _:
                frames = [mutated(b"".join(frames), frames, rng)]
        preface = _PREFACE if rng.random() < 0.9 else mutated(_PREFACE, frames, rng)
        reply = answered(self.server.grpc_port, preface + b"".join(frames), 0.1)
        health: Any = self._channel.unary_unary("/grpc.health.v1.Health/Check")
        assert health(b"", timeout=LONGEST_S) == b"\x08\x01"
        return "an answer" if reply else "none"


class GrpcioFrames(Frames):
    wire = "grpcio"
