"""SelectedFields: the fields below a resolver, so that only what is returned is requested from the service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_directive_values,
)


class SelectedFields:
    """The fields below one field, merged over all its occurrences, fragments followed, directives obeyed."""

    def __init__(self, info: GraphQLResolveInfo, nodes: Iterable[FieldNode | None]) -> None:
        self._info = info
        self._sets = [one.selection_set for one in nodes if one is not None and one.selection_set is not None]

    def fields(self, on: str | None = None) -> dict[str, list[FieldNode]]:
        """By name, those that stand outside of type conditions or on the type ``on``."""
        found: dict[str, list[FieldNode]] = {}
        for node in self._walk(self._sets, on, set()):
            found.setdefault(node.name.value, []).append(node)
        return found

    def below(self, nodes: Iterable[FieldNode]) -> SelectedFields:
        return SelectedFields(self._info, nodes)

    def conditions(self) -> set[str]:
        """The types that fragments name directly below the field, or in fragments there."""
        found: set[str] = set()
        waiting: list[SelectionSetNode] = list(self._sets)
        seen: set[str] = set()
        while waiting:
            for one in waiting.pop().selections:
                condition, inner = self._fragment(one)
                if inner is None or not self._is_included(one):
                    continue
                if isinstance(one, FragmentSpreadNode):
                    if one.name.value in seen:
                        continue
                    seen.add(one.name.value)
                if condition is not None:
                    found.add(condition)
                waiting.append(inner)
        return found

    def _walk(self, sets: Iterable[SelectionSetNode], on: str | None, seen: set[str]) -> Iterator[FieldNode]:
        for one in sets:
            for selection in one.selections:
                if not self._is_included(selection):
                    continue
                if isinstance(selection, FieldNode):
                    yield selection
                    continue
                condition, inner = self._fragment(selection)
                if inner is None or condition not in (None, on):
                    continue
                if isinstance(selection, FragmentSpreadNode):
                    if selection.name.value in seen:
                        continue
                    seen.add(selection.name.value)
                yield from self._walk([inner], on, seen)

    def _fragment(self, selection: SelectionNode) -> tuple[str | None, SelectionSetNode | None]:
        """The type condition and the selections of a fragment; no selections: it is a field."""
        if isinstance(selection, InlineFragmentNode):
            condition = selection.type_condition
            return condition.name.value if condition else None, selection.selection_set
        if isinstance(selection, FragmentSpreadNode):
            fragment = self._info.fragments[selection.name.value]
            return fragment.type_condition.name.value, fragment.selection_set
        return None, None

    def _is_included(self, node: SelectionNode) -> bool:
        variables: Mapping[str, object] = self._info.variable_values
        skip = get_directive_values(GraphQLSkipDirective, node, dict(variables))
        if skip and skip["if"] is True:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, dict(variables))
        return not include or include["if"] is not False
