"""Prompts: from a template and the properties of hits to the text for a generator."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from weft.domain.errors import Invalid
from weft.domain.objects import Properties
from weft.domain.schema import BLOBS, CollectionConfig, DataType
from weft.modules.inputs import as_json, scalar_text

_PLACE = re.compile(r"\{([\w\s]*?)\}")
_AS_JSON = frozenset({DataType.OBJECT, DataType.GEO, DataType.PHONE})
_LEFT_OUT = frozenset({*BLOBS, DataType.REFERENCE})


def prompt_values(config: CollectionConfig, properties: Properties) -> dict[str, str]:
    """The properties that a prompt can name, as text; arrays and objects as JSON; no media, no references."""
    found = {}
    for prop in config.properties:
        value = properties.get(prop.name)
        if value is None or prop.data_type in _LEFT_OUT:
            continue
        whole = prop.data_type.is_array or prop.data_type in _AS_JSON
        found[prop.name] = as_json(value) if whole else scalar_text(value)
    return found


def single_prompt(template: str, values: Mapping[str, str]) -> str:
    """``template`` with each ``{name}`` replaced; Invalid for a name that has no value."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if not values.get(name):
            raise Invalid(
                f"Following property has empty value: '{name}'. Make sure you spell the property name correctly, "
                "verify that the property exists and has a value"
            )
        return values[name]

    return _PLACE.sub(value, template)


def task_prompt(task: str, objects: Sequence[Mapping[str, str]], only: Sequence[str] = ()) -> str:
    """``task`` over all ``objects``: the task, a colon, and a JSON list of their values (``only`` those, if given).

    A ``{name}`` in the task is replaced by the first value that an object has for it, or else loses its braces.
    """
    chosen = [{k: v for k, v in values.items() if not only or k in only} for values in objects]
    named = [values for values in chosen if values]

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        return next((values[name] for values in named if name in values), name)

    return f"{_PLACE.sub(value, task)}: {as_json(named)}"
