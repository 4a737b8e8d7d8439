"""The document of a collection, as it is made in another server of Weaviate's protocol.

Kept: properties, tokenisation, indexes, named vectors, metrics, quantization, stop words, tenancy, expiry. Left to the
target: sharding and replication. Replaced, and said: modules that the target has not enabled, since vectors arrive with
their objects; and names of collections that are moved under another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.cli.move.objects import Notes, data_types, is_reference, properties_of
from weft.domain.json_values import JsonObject, JsonValue

_OF_THE_TARGET: Final = ("shardingConfig", "replicationConfig")
_NONE: Final = "none"


def mapped_document(
    document: Mapping[str, JsonValue], names: Mapping[str, str], modules: frozenset[str], notes: Notes
) -> dict[str, JsonValue]:
    """``document`` for a target that has ``modules``. ``names``: of the collections in the target, by those in the
    source."""
    mapped: dict[str, JsonValue] = {key: value for key, value in document.items() if key not in _OF_THE_TARGET}
    mapped["class"] = names.get(str(document["class"]), document["class"])
    mapped["properties"] = [_property(one, names, modules) for one in properties_of(document)]
    _take_modules(mapped, modules, notes)
    named = mapped.get("vectorConfig")
    if isinstance(named, dict):
        mapped["vectorConfig"] = {
            name: _vector(name, one, modules, notes) if isinstance(one, dict) else one for name, one in named.items()
        }
    vectorizer = mapped.get("vectorizer")
    if isinstance(vectorizer, str) and vectorizer not in ("", _NONE) and vectorizer not in modules:
        mapped["vectorizer"] = _NONE
        notes.mapped.append(_unvectorized("the vector", vectorizer))
    return mapped


def without_references(document: JsonObject) -> JsonObject:
    """What can be made before the collections that its properties lead to."""
    return {**document, "properties": [one for one in properties_of(document) if not is_reference(one)]}


def _property(property: JsonObject, names: Mapping[str, str], modules: frozenset[str]) -> JsonObject:
    mapped: dict[str, JsonValue] = dict(property)
    if is_reference(property):
        mapped["dataType"] = [names.get(one, one) for one in data_types(property)]
    settings = property.get("moduleConfig")
    if isinstance(settings, dict):
        mapped["moduleConfig"] = {name: one for name, one in settings.items() if name in modules}
    return mapped


def _take_modules(mapped: dict[str, JsonValue], modules: frozenset[str], notes: Notes) -> None:
    settings = mapped.get("moduleConfig")
    if not isinstance(settings, dict):
        return
    for name in settings.keys() - modules:
        if not name.startswith(("text2", "multi2", "img2", "ref2")):
            notes.lost.append(f"the settings of the module {name}, which the target has not enabled")
    mapped["moduleConfig"] = {name: one for name, one in settings.items() if name in modules}


def _vector(name: str, vector: JsonObject, modules: frozenset[str], notes: Notes) -> JsonObject:
    vectorizer = vector.get("vectorizer")
    lacking = sorted(vectorizer.keys() - modules - {_NONE}) if isinstance(vectorizer, dict) else []
    if not lacking:
        return vector
    notes.mapped.append(_unvectorized(f"the vector {name!r}", lacking[0]))
    return {**vector, "vectorizer": {_NONE: {}}}


def _unvectorized(what: str, module: str) -> str:
    return (
        f"{what} is made by {module}, which the target has not enabled: the stored vectors are moved, new objects have "
        "to bring theirs"
    )
