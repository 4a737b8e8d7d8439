"""The values of an object after a change of some of them."""

from __future__ import annotations

from collections.abc import Set

from weft.domain.objects import Properties
from weft.domain.schema import CollectionConfig, DataType
from weft.service.reference_edits import joined


def merged_values(config: CollectionConfig, old: Properties, patch: Properties, removed: Set[str]) -> Properties:
    """``old`` with the values of ``patch``, whose references are added to the old ones, and without ``removed``."""
    values = {**old, **patch}
    for name, value in patch.items():
        if value and old.get(name) and config.by_name[name].data_type is DataType.REFERENCE:
            values[name] = joined(config.by_name[name], old[name], value)
    for name in removed - patch.keys():
        values.pop(name, None)
    return values
