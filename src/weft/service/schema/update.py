"""Which changes an update of a collection's document may make."""

from __future__ import annotations

import copy

from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.service.schema.documents import Document, Stated
from weft.service.schema.vector_index import registry as vector_index


def update(old: Stated, new: Stated) -> Document:
    """The document that results from updating ``old`` to the caller's ``new``; raises Invalid for a change that is not
    allowed.

    Both are completed (``new`` with ``existing=old``). The result must still be validated.
    """
    result: Document = copy.deepcopy(dict(new))
    if new["class"] != old["class"]:
        raise Invalid(f'class name is immutable: attempted change from "{old["class"]}" to "{shorten(new["class"])}"')
    _check_tenancy(old, new)
    _check_inverted(old, new)
    result["properties"] = _properties(old["properties"], new["properties"])
    _update_legacy_vector(old, result)
    _update_named_vectors(old, result)
    _update_modules(old, result)
    _check_sharding(old, result)
    return result


def _immutable(name: str, before: object, after: object) -> None:
    if before != after:
        raise Invalid(f'{name} is immutable: attempted change from "{shorten(before)}" to "{shorten(after)}"')


def _check_tenancy(old: Stated, new: Stated) -> None:
    before, after = old["multiTenancyConfig"]["enabled"], new["multiTenancyConfig"]["enabled"]
    if before != after:
        verb = "disabling" if before else "enabling"
        raise Invalid(f"{verb} multi-tenancy for an existing class is not supported")


def _check_inverted(old: Stated, new: Stated) -> None:
    before, after = old["invertedIndexConfig"], new["invertedIndexConfig"]
    for key in ("indexTimestamps", "indexNullState", "indexPropertyLength"):
        if before.get(key, False) != after.get(key, False):
            raise Invalid(
                f'"{key}" setting is immutable. Value changed from "{str(before.get(key, False)).lower()}" to '
                f'"{str(after.get(key, False)).lower()}"'
            )
    kept = after.get("stopwordPresets", {})
    for preset in before.get("stopwordPresets", {}):
        user = None if preset in kept else _user_of(preset, old["properties"], "")
        if user is not None and preset not in ("en", "none"):
            raise Invalid(
                f"invertedIndexConfig.stopwordPresets: cannot remove preset {shorten(preset)!r} because it is "
                f"still used by property {user!r}"
            )


def _user_of(preset: str, properties: list[Stated], parent: str) -> str | None:
    """The first property, nested ones included, whose analyzer uses the preset."""
    for one in properties:
        name = f"{parent}{one['name']}"
        if one.get("textAnalyzer", {}).get("stopwordPreset") == preset:
            return name
        found = _user_of(preset, one.get("nestedProperties", []), f"{name}.")
        if found is not None:
            return found
    return None


def _properties(old: list[Stated], new: list[Stated]) -> list[Stated]:
    """The old properties in their order, with the new descriptions."""
    refusal = (
        "property fields other than description cannot be updated through updating the class. Use the add property "
        "feature (POST /v1/schema/{className}/properties) to add additional properties"
    )
    by_name = {one["name"]: one for one in new}
    if len(old) != len(new) or set(by_name) != {one["name"] for one in old}:
        raise Invalid(refusal)
    for before in old:
        after = by_name[before["name"]]
        for module, config in before.get("moduleConfig", {}).items():
            if module not in after.get("moduleConfig", {}):
                raise Invalid(f"property {before['name']!r}: module {module!r} configuration was removed")
            if after["moduleConfig"][module] != config:
                raise Invalid(f"property {before['name']!r}: module {module!r} configuration cannot be updated")
        if _undescribed(before) != _undescribed(after):
            raise Invalid(f"property {before['name']!r}: {refusal}")
    return [copy.deepcopy(by_name[before["name"]]) for before in old]


def _undescribed(property: Stated) -> Document:
    bare = {key: value for key, value in property.items() if key not in ("description", "moduleConfig")}
    bare["nestedProperties"] = {one.get("name"): _undescribed(one) for one in property.get("nestedProperties", [])}
    return bare


def _update_legacy_vector(old: Stated, result: Document) -> None:
    if "vectorizer" not in old:
        if "vectorizer" in result:
            raise Invalid(
                f"class {old['class']!r} has named vectors; it cannot have a class level vector index as well"
            )
        return
    if "vectorizer" not in result:
        for key in ("vectorizer", "vectorIndexType", "vectorIndexConfig"):
            result[key] = copy.deepcopy(old[key])
        return
    _immutable("vectorizer", old["vectorizer"], result["vectorizer"])
    _immutable("vector index type", old["vectorIndexType"], result["vectorIndexType"])
    kind = vector_index.KINDS[old["vectorIndexType"]]
    kind.check_update(old["vectorIndexConfig"], result["vectorIndexConfig"])
    kind.keep_default_marks(old["vectorIndexConfig"], result["vectorIndexConfig"])


def _update_named_vectors(old: Stated, result: Document) -> None:
    """Vectors may be added; those that exist keep their vectorizer and index type."""
    before, after = old.get("vectorConfig", {}), result.get("vectorConfig", {})
    for name, entry in before.items():
        dropped = entry["vectorIndexType"] == vector_index.DROPPED
        if name not in after:
            if dropped:
                continue
            raise Invalid(f"missing config for vector {name!r}")
        _update_named_vector(name, entry, after[name], dropped=dropped)


def _update_named_vector(name: str, before: Stated, after: Document, *, dropped: bool) -> None:
    kind = before["vectorIndexType"]
    if dropped:
        if after["vectorIndexType"] != vector_index.DROPPED:
            raise Invalid(f"vector {name!r}: cannot re-create a dropped vector index; add a vector of another name")
        return
    if after["vectorIndexType"] != kind:
        raise Invalid(
            f'vector index type of vector {name!r} is immutable: attempted change from "{kind}" to '
            f'"{shorten(after["vectorIndexType"])}"'
        )
    (old_module,), (new_module,) = before["vectorizer"], after["vectorizer"]
    _immutable(f"vectorizer of vector {name!r}", old_module, new_module)
    if before["vectorizer"] != after["vectorizer"]:
        raise Invalid(f"vectorizer config of vector {name!r} is immutable")
    index = vector_index.KINDS[kind]
    try:
        index.check_update(before["vectorIndexConfig"], after["vectorIndexConfig"])
    except Invalid as error:
        raise Invalid(f"invalid update for vector {name!r}: {error.message}") from None
    index.keep_default_marks(before["vectorIndexConfig"], after["vectorIndexConfig"])


def _update_modules(old: Stated, result: Document) -> None:
    """Generative and reranker modules may be added and changed, one each; all others stay as they are."""
    before, after = old.get("moduleConfig", {}), result.get("moduleConfig", {})
    if before == after:
        return
    kept = dict(before)
    for kind in ("generative", "reranker"):
        mine = [name for name in after if name.startswith(f"{kind}-")]
        if len(mine) > 1:
            raise Invalid(f"updated moduleConfig has multiple {kind} modules: {', '.join(mine)}")
        if mine:
            kept = {name: config for name, config in kept.items() if not name.startswith(f"{kind}-")}
    for name, config in after.items():
        exchangeable = name.startswith(("generative-", "reranker-"))
        if not exchangeable and name in before and before[name] != config:
            raise Invalid(f"can only update generative and reranker module configs. Got: {name}")
        kept[name] = config
    if kept:
        result["moduleConfig"] = kept


def _check_sharding(old: Stated, result: Document) -> None:
    if old["multiTenancyConfig"]["enabled"]:
        return
    before, after = old["shardingConfig"], result["shardingConfig"]
    if before["desiredCount"] != after["desiredCount"]:
        raise Invalid(
            "re-sharding not supported yet: shard count is immutable: attempted change from "
            f'"{before["desiredCount"]}" to "{after["desiredCount"]}"'
        )
    _immutable("virtual shards per physical", before["virtualPerPhysical"], after["virtualPerPhysical"])
