"""The unary calls of ``weaviate.v1.Weaviate``, bytes → bytes: decode, call one verb of the service, encode."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from weft.domain.caller import Caller
from weft.domain.consistency import consistent
from weft.domain.errors import Invalid
from weft.domain.tenants import TenantStatus
from weft.protocol import aggregate, batch, batch_delete, search_get, tenants
from weft.service.guard import Door
from weft.service.usage import check_stored_any
from weft.wire.errors import of_item
from weft.wire.grpc.consistency import asked_level, batch_level
from weft.wire.grpc.decode_aggregate import decode_aggregate
from weft.wire.grpc.decode_batch import decode_batch, decode_references
from weft.wire.grpc.decode_filter import decode_filter
from weft.wire.grpc.decode_search import decode_search
from weft.wire.grpc.encode_aggregate import encode_aggregate
from weft.wire.grpc.encode_search import encode_search
from weft.wire.grpc.messages import parse

UnaryCall: TypeAlias = Callable[[bytes, Caller], bytes]

_STATUSES: Final = {
    TenantStatus.ACTIVE: tenants.TENANT_ACTIVITY_STATUS_HOT,
    TenantStatus.INACTIVE: tenants.TENANT_ACTIVITY_STATUS_COLD,
    TenantStatus.OFFLOADED: tenants.TENANT_ACTIVITY_STATUS_FROZEN,
}


class Calls:
    """Each method takes the request's bytes and its caller, and raises WeftError. ``most_bytes``: of a reply with
    hits."""

    def __init__(self, door: Door, *, most_bytes: int = sys.maxsize) -> None:
        self._door = door
        self._most_bytes = most_bytes

    def by_name(self) -> Mapping[str, UnaryCall]:
        return {
            "Search": self.search,
            "Aggregate": self.aggregate,
            "BatchObjects": self.batch_objects,
            "BatchReferences": self.batch_references,
            "BatchDelete": self.batch_delete,
            "TenantsGet": self.tenants_get,
        }

    def search(self, data: bytes, caller: Caller) -> bytes:
        service = self._door.admit(caller)
        request = parse(search_get.SearchRequest, data)
        config = service.collections.to_search(_collection(request), request.tenant or None)
        query = decode_search(request, config)
        with consistent(asked_level(request.consistency_level)):
            answer = service.search(query, caller)
            before_127 = not request.uses_127_api
            return encode_search(answer, query, config, before_127=before_127, most_bytes=self._most_bytes)

    def aggregate(self, data: bytes, caller: Caller) -> bytes:
        service = self._door.admit(caller)
        request = parse(aggregate.AggregateRequest, data)
        config = service.collections.to_search(_collection(request), request.tenant or None)
        asked = decode_aggregate(request, config)
        return encode_aggregate(service.aggregate(asked, caller), asked)

    def batch_objects(self, data: bytes, caller: Caller) -> bytes:
        service = self._door.admit(caller)
        started = time.perf_counter()
        decoded = decode_batch(data)
        with consistent(batch_level(data)), service.imports.batch(caller, "grpc") as recorded:
            recorded.storing(decoded.objects, decoded.unread())
            results = service.objects.batch(decoded.objects, caller, checks_tenants=True) if decoded.objects else ()
            recorded.stored(results)
        check_stored_any(results)
        reply = batch.BatchObjectsReply(took=time.perf_counter() - started)
        for index, error in decoded.with_results(results).items():
            reply.errors.add(index=index, error=of_item(error))
        return reply.SerializeToString()

    def batch_references(self, data: bytes, caller: Caller) -> bytes:
        service = self._door.admit(caller)
        started = time.perf_counter()
        references = decode_references(data)
        with consistent(batch_level(data)), service.imports.batch(caller, "grpc") as recorded:
            results = service.references.link(references)
            recorded.linked(references, results)
        reply = batch.BatchReferencesReply(took=time.perf_counter() - started)
        for index, error in enumerate(results):
            if error is not None:
                reply.errors.add(index=index, error=of_item(error))
        return reply.SerializeToString()

    def batch_delete(self, data: bytes, caller: Caller) -> bytes:
        service = self._door.admit(caller)
        started = time.perf_counter()
        request = parse(batch_delete.BatchDeleteRequest, data)
        collection = _collection(request)
        if not request.HasField("filters"):
            raise Invalid("filters are required to delete many objects; to delete all of them delete the collection")
        with consistent(asked_level(request.consistency_level)):
            deleted = service.objects.delete_many(
                collection,
                request.tenant or None,
                decode_filter(request.filters),
                dry_run=request.dry_run,
                verbose=request.verbose,
            )
        reply = batch_delete.BatchDeleteReply(
            took=time.perf_counter() - started,
            matches=deleted.matches,
            successful=deleted.successful,
            failed=deleted.failed,
        )
        if request.verbose:
            for uuid, error in deleted.objects:
                reply.objects.add(uuid=uuid, successful=error is None, error=error or "")
        return reply.SerializeToString()

    def tenants_get(self, data: bytes, caller: Caller) -> bytes:
        service = self._door.admit(caller)
        started = time.perf_counter()
        request = parse(tenants.TenantsGetRequest, data)
        names = list(request.names.values) if request.HasField("names") else None
        if names == []:
            raise Invalid("must specify at least one tenant name; leave names out for all tenants")
        found = service.tenants.all(_collection(request), names)
        reply = tenants.TenantsGetReply(took=time.perf_counter() - started)
        for tenant in found:
            reply.tenants.add(name=tenant.name, activity_status=_STATUSES[tenant.status])
        return reply.SerializeToString()


_NamesCollection: TypeAlias = (
    search_get.SearchRequest | aggregate.AggregateRequest | batch_delete.BatchDeleteRequest | tenants.TenantsGetRequest
)


def _collection(request: _NamesCollection) -> str:
    if not request.collection:
        raise Invalid("the request names no collection")
    return request.collection
