"""Settings of a generation: the collection's, and over them those of the request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from weft.modules.base import Settings

_SPELLED_APART = {"base_url": "baseURL", "baseUrl": "baseURL"}


def generation_parameters(settings: Settings, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Both together, ``parameters`` first, spelled as settings are: ``topP`` for the protocol's ``top_p``."""
    own = {_camel_case(name): value for name, value in parameters.items() if value not in (None, "")}
    return {**settings, **own}


def _camel_case(name: str) -> str:
    return _SPELLED_APART.get(name) or re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)
