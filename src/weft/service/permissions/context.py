"""AuthContext: one caller's request as the rules see it: the caller's rights, and the facts they depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from weft.access.context import CallerRights
from weft.access.permissions import Right
from weft.access.rights import Rights
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden, Invalid, WeftError
from weft.domain.json_values import JsonObject
from weft.domain.names import collection_name, property_name
from weft.domain.schema import CollectionConfig, DataType
from weft.service.archives.answers import ExportJob
from weft.service.archives.requests import Location, NewRestore, RestoredAlias
from weft.service.schema import auto_schema

# -- what rules may look up in the service, which does not depend on them


class KnownCollection(Protocol):
    """A collection."""

    @property
    def config(self) -> CollectionConfig: ...


class KnownCollections(Protocol):
    @property
    def makes_schemas(self) -> bool: ...
    def find(self, name: str) -> KnownCollection | None: ...
    def all(self) -> Sequence[CollectionConfig]: ...


class KnownAliases(Protocol):
    def by_name(self) -> Mapping[str, str]: ...


class KnownExports(Protocol):
    def status(self, backend: str, id: str, caller: Caller) -> ExportJob: ...


class KnownRestores(Protocol):
    def aliases(self, backend: str, id: str, asked: NewRestore) -> Sequence[RestoredAlias]: ...
    def classes(self, backend: str, id: str, place: Location) -> Sequence[str] | None: ...


class KnownArchives(Protocol):
    @property
    def restores(self) -> KnownRestores: ...
    @property
    def exports(self) -> KnownExports: ...
    def classes(self, backend: str, id: str, place: Location) -> Sequence[str] | None: ...


class KnownJobs(Protocol):
    def collections(self, id: str) -> Sequence[str]: ...


class KnownImports(Protocol):
    def collections(self, id: str) -> Sequence[str]: ...


class KnownClassifications(Protocol):
    def collections_of(self, id: str) -> Sequence[str]: ...


class KnownEvaluations(Protocol):
    def place(self, id: str) -> tuple[str, str | None] | None: ...


class ServiceFacts(Protocol):
    """The service, unguarded."""

    @property
    def collections(self) -> KnownCollections: ...
    @property
    def aliases(self) -> KnownAliases: ...
    @property
    def archives(self) -> KnownArchives: ...
    @property
    def jobs(self) -> KnownJobs: ...
    @property
    def imports(self) -> KnownImports: ...
    @property
    def classifications(self) -> KnownClassifications: ...
    @property
    def evaluations(self) -> KnownEvaluations: ...


class AuthContext(CallerRights):
    """Made for each request, so making it computes nothing."""

    __slots__ = ("_aliased", "_service")

    def __init__(self, service: ServiceFacts, rights: Rights, caller: Caller) -> None:
        super().__init__(rights, caller)
        self._service = service
        self._aliased: tuple[str, str] | None = None
        """The alias that the request names, and its collection."""

    def refusal(self, right: Right) -> Forbidden:
        """A caller that names an alias does not learn from it which collection that is."""
        if self._aliased is not None and self._aliased[1] in right.names:
            alias, collection = self._aliased
            right = right._replace(names=tuple(alias if name == collection else name for name in right.names))
        return super().refusal(right)

    def checked(self, items: int = 0, refused: int = 0) -> None:
        """The rights that a verb requires are known: all are there, but for ``refused`` of the ``items`` of a batch."""

    # -- collections

    def collection(self, name: str) -> str:
        """The collection that a name or alias means, whether or not it exists."""
        name = collection_name(name) or "*"
        found = self._service.aliases.by_name().get(name, name)
        if found is not name:
            self._aliased = name, found
        return found

    def target_of(self, alias: str) -> str:
        """The collection of an alias; ``*`` where there is no such alias."""
        return self._service.aliases.by_name().get(alias, "*")

    def document(self, name: str) -> JsonObject:
        """The collection's schema document; empty when there is no such collection."""
        found = self._config(self.collection(name))
        return {} if found is None else found.document

    def targets(self, collection: str, property: str) -> Sequence[str]:
        """The collections that a reference property points to; none for any other property."""
        config = self._config(collection)
        declared = None if config is None else config.by_name.get(property_name(property))
        return () if declared is None or declared.data_type is not DataType.REFERENCE else declared.target_collections

    def tenant_in(self, collection: str, tenant: str | None) -> str:
        """The tenant in whose objects a request of ``tenant`` reads when it is led to ``collection``: those of a
        collection without tenants belong to none, so a right on one tenant does not reach them."""
        config = self._config(collection)
        return "*" if not tenant or (config is not None and not config.tenancy.enabled) else tenant

    def declares(self, collection: str, property: str) -> bool:
        """Whether ``collection`` exists and has the property."""
        config = self._config(collection)
        return config is not None and property_name(property) in config.by_name

    @property
    def makes_schemas(self) -> bool:
        """Whether imports create missing collections and properties."""
        return self._service.collections.makes_schemas

    def lacks_collection(self, collection: str) -> bool:
        """Whether an import would create it."""
        return self.makes_schemas and self._service.collections.find(collection) is None

    def lacks_properties(self, collection: str, properties: JsonObject) -> bool:
        """Whether an import would add properties."""
        config = self._config(collection)
        return self.makes_schemas and config is not None and not auto_schema.is_covered(config, properties)

    def creates_tenants(self, collection: str) -> bool:
        """Whether imports create missing tenants."""
        config = self._config(collection)
        return config is not None and config.tenancy.enabled and config.tenancy.auto_creation

    def _config(self, collection: str) -> CollectionConfig | None:
        found = self._service.collections.find(collection)
        return None if found is None else found.config

    # -- backups and exports

    def collections(self) -> Sequence[str]:
        """All of this server."""
        return [one.name for one in self._service.collections.all()]

    def archived(self, backend: str, id: str, place: Location) -> Sequence[str] | None:
        """The collections in a backup; None where there is no such backup."""
        try:
            return self._service.archives.classes(backend, id, place)
        except WeftError as error:  # the verb reports it to callers that may know of all backups
            if isinstance(error, Invalid) and place != Location():
                raise  # which locations a request may name depends on nothing that is there
            return ()

    def archived_aliases(self, backend: str, id: str, asked: NewRestore) -> Sequence[RestoredAlias]:
        """The aliases that a restore would make or move; none where it is not possible."""
        try:
            return self._service.archives.restores.aliases(backend, id, asked)
        except WeftError:
            return ()

    def restored(self, backend: str, id: str, place: Location) -> Sequence[str] | None:
        """The collections in the last restore of a backup; None where there was none."""
        try:
            return self._service.archives.restores.classes(backend, id, place)
        except WeftError:
            return ()

    def collections_of_job(self, id: str) -> Sequence[str]:
        """The collections that a job is about; none where there is no such job."""
        try:
            return self._service.jobs.collections(id)
        except WeftError:
            return ()

    def collections_of_import(self, id: str) -> Sequence[str]:
        """The collection that an import is into; none where there is no such import."""
        return self._service.imports.collections(id)

    def classified(self, id: str) -> Sequence[str]:
        """The collection of a classification; none where there is no such classification."""
        return self._service.classifications.collections_of(id)

    def evaluated(self, id: str) -> tuple[str, str | None] | None:
        """The collection and the tenant of an evaluation; None where there is no such evaluation."""
        return self._service.evaluations.place(id)

    def exported(self, backend: str, id: str) -> Sequence[str]:
        """The collections in an export; none where there is no such export."""
        try:
            return self._service.archives.exports.status(backend, id, self.caller).classes
        except WeftError:
            return ()
