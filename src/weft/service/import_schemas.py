"""Auto-schema on import: the collections and properties that imported objects need.

An import is planned first: each object is checked against the schema as it would be with what the objects need. Nothing
is stored by that. ``settle`` stores what the accepted objects need, so a refused object leaves nothing in the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from weft.domain.errors import WeftError
from weft.domain.names import collection_name
from weft.domain.objects import IncomingObject, Object
from weft.domain.schema import CollectionConfig
from weft.engine.driver import OpenCollection
from weft.service.schema import auto_schema
from weft.service.schema.auto_schema import Locate
from weft.service.schemas import Schemas
from weft.service.typed_columns import typed_columns

Numbered: TypeAlias = Mapping[int, IncomingObject]
"""Objects of one collection by their positions in the request."""

Errors: TypeAlias = list[WeftError | None]
"""One for each object of a request; None while no error was found."""

Check: TypeAlias = Callable[[CollectionConfig, IncomingObject], Object]
"""The object as it would be stored in a collection of that configuration; raises WeftError."""


@dataclass(slots=True)
class ImportPlan:
    """``objects``: those that passed the check against ``config``, by position. ``collection``: None if it is to be
    created."""

    name: str
    collection: OpenCollection | None
    config: CollectionConfig
    objects: dict[int, Object]
    check: Check
    grows: bool
    """Whether ``config`` is not stored yet."""


class ImportSchemas:
    def __init__(self, schemas: Schemas, locate: Locate) -> None:
        self._schemas = schemas
        self._locate = locate

    @property
    def enabled(self) -> bool:
        return self._schemas.rules.auto_schema

    def plan(self, name: str, objects: Numbered, errors: Errors, check: Check) -> ImportPlan:
        """Where the objects go; the error of each that does not fit is put at its position in ``errors``.

        Raises the first error when the collection does not exist and no object could be stored in it.
        """
        name = collection_name(name)
        collection = self._schemas.database.find(name)
        if collection is None and (not self.enabled or name in self._schemas.database.aliases()):
            collection = self._schemas.open(name)
        return self._planned(name, collection, objects, errors, check)

    def settle(self, plan: ImportPlan, accepted: Numbered, errors: Errors) -> None:
        """Store what the ``accepted`` objects of the plan need: properties, and the collection if there is none.

        They are checked again, against the schema of now, which gives them their final values. An object that no longer
        fits, because another request has changed the schema, gets its error and needs nothing.
        """
        if not plan.grows:
            return
        schemas = self._schemas
        with schemas.turn:
            collection = plan.collection or schemas.database.find(plan.name)
            again = self._planned(plan.name, collection, accepted, errors, plan.check)
            if collection is None:
                collection = schemas.add(again.config)
            elif again.grows:
                schemas.database.configure(collection, again.config)
        for i, fitting in again.objects.items():
            plan.objects[i].properties, plan.objects[i].encoded = fitting.properties, fitting.encoded
            if plan.collection is None:
                plan.objects[i].vectors = fitting.vectors
        if plan.collection is None:
            plan.collection, plan.config, plan.grows = collection, again.config, False

    def _planned(
        self, name: str, collection: OpenCollection | None, objects: Numbered, errors: Errors, check: Check
    ) -> ImportPlan:
        stored = None if collection is None else collection.config
        if stored is not None and (not self.enabled or all(_is_covered(stored, one) for one in objects.values())):
            checked: dict[int, Object] = {}
            for i, one in objects.items():
                try:
                    checked[i] = check(stored, one)
                except WeftError as error:
                    errors[i] = error
            return ImportPlan(name, collection, stored, checked, check, grows=False)
        try:
            wider = self._with(name, stored, objects.values())
            checked = {i: check(wider, one) for i, one in objects.items()}
            return ImportPlan(name, collection, wider, checked, check, grows=wider is not stored)
        except WeftError:
            return self._one_by_one(name, collection, objects, errors, check)

    def _one_by_one(
        self, name: str, collection: OpenCollection | None, objects: Numbered, errors: Errors, check: Check
    ) -> ImportPlan:
        """Each object against the schema that those before it need which passed.

        Without their columns, which would be checked whole against the schema of every single object.
        """
        stored = config = None if collection is None else collection.config
        checked: dict[int, Object] = {}
        refusal: WeftError | None = None
        for i, one in objects.items():
            try:
                wider = self._with(name, config, [one])
                checked[i] = check(wider, replace(one, columns=None))
                config = wider
            except WeftError as error:
                errors[i] = error
                refusal = refusal or error
        if config is None:
            assert refusal is not None, "an import has at least one object"
            raise refusal
        return ImportPlan(name, collection, config, checked, check, grows=config is not stored)

    def _with(self, name: str, config: CollectionConfig | None, objects: Iterable[IncomingObject]) -> CollectionConfig:
        """``config`` with what the objects need; ``config`` itself if it has all of it."""
        values = [one.properties for one in objects]
        if config is None:
            return self._schemas.proposed(None, auto_schema.new_collection(name, values, self._locate))
        document = auto_schema.extended(config, values, self._locate)
        return config if document is None else self._schemas.proposed(config, document)


def _is_covered(config: CollectionConfig, one: IncomingObject) -> bool:
    if one.columns is not None and typed_columns(config, one.columns) is not None:
        return True
    return auto_schema.is_covered(config, one.properties)
