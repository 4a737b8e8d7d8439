"""Filling in a remote engine: objects without a vector get it by edits, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from weft.domain.errors import NotFound
from weft.domain.objects import Object, Vector
from weft.engine.changes import Edit
from weft.engine.filling import FILLED_AT_ONCE, Embed
from weft.engine.part import Part
from weft.engine.view import find_objects


def fill(part: Part, vector: str, embed: Embed, go_on: Callable[[int], bool]) -> bool:
    """See ``OpenCollection.fill``. What was changed meanwhile is left as it is: it has its vector by that change."""
    view = part.view(expired=True)
    after: bytes | None = None
    while True:
        page = view.page(after, FILLED_AT_ONCE).tolist()
        uuids = view.uuids(page)
        vectors = view.vectors(vector, page)
        lacking = [uuid for uuid, one in zip(uuids, vectors, strict=True) if one is None]
        objects = [one[1] for one in find_objects(view, lacking, vectors=False) if one is not None]
        made = embed(objects) if objects else None
        if made is not None:
            new = {
                obj.uuid: _setting(obj, vector, one, made.model)
                for obj, one in zip(objects, made.vectors, strict=True)
                if one is not None
            }
            _raise_first(part.edit(new) if new else {})
        if len(page) < FILLED_AT_ONCE:
            return go_on(len(page))
        if not go_on(len(page)):
            return False
        after = uuids[-1]


def _setting(seen: Object, name: str, vector: Vector, model: str) -> Edit:
    def edit(now: Object) -> Object | None:
        if name in now.vectors or now.properties != seen.properties:
            return None
        now.vectors[name] = vector
        now.models[name] = model
        return now

    return edit


def _raise_first(errors: Mapping[bytes, Exception]) -> None:
    """Raises an error of the edits, apart from those of objects that are gone."""
    for error in errors.values():
        if not isinstance(error, NotFound):
            raise error
