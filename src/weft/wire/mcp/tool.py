"""McpTool: one thing that a program may ask for over MCP, with the JSON schema of its arguments."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.service.service import Service

JsonSchema: TypeAlias = Mapping[str, Any]
_MOST_QUOTED: Final = 300


@dataclass(frozen=True, slots=True)
class McpCall:
    """One call of a tool. ``service``: as the caller may use it; ``given``: the arguments, which fit the schema."""

    service: Service
    caller: Caller
    given: Mapping[str, Any]

    @property
    def collection(self) -> str:
        return str(self.given["collection_name"])

    @property
    def tenant(self) -> str | None:
        return self.given.get("tenant_name") or None


@dataclass(frozen=True)
class McpTool:
    """``arguments``: by name, those of ``required`` first in its schema. ``verbs``: what a caller with roles must be
    allowed to do in the domain ``mcp``, beside the rights that the verbs of the service require. ``destroys``: it may
    overwrite or remove data.
    """

    name: str
    description: str
    run: Callable[[McpCall], Mapping[str, object]]
    arguments: Mapping[str, JsonSchema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    verbs: str = "R"
    destroys: bool = False

    @property
    def writes(self) -> bool:
        return self.verbs != "R"

    @cached_property
    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": dict(self.arguments),
            "required": list(self.required),
            "additionalProperties": False,
        }

    def check(self, given: Mapping[str, object]) -> None:
        """Raises Invalid for arguments that do not fit the schema, unknown ones among them."""
        for name in given:
            if name not in self.arguments:
                raise Invalid(f"{self.name} has no argument {name[:80]!r}; {_suggestion(name, self.arguments)}")
        for name in self.required:
            if name not in given:
                raise Invalid(f"{self.name} needs the argument {name!r}: {self.arguments[name]['description']}")
        fault = next(self._validator.iter_errors(given), None)
        if fault is not None:
            place = ".".join(map(str, fault.absolute_path))
            raise Invalid(f"{self.name}: {place}: {_shortened(fault.message)}")

    @cached_property
    def _validator(self) -> Any:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self.schema)


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known) or 'none'}"


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_QUOTED else f"{text[: _MOST_QUOTED // 2]} … {text[-_MOST_QUOTED // 2 :]}"
