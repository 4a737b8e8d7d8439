"""Documents: text → syntax tree, and the checks of the tree that need no schema.

The library's rule that fields of one name must agree compares all pairs; ``_check_merging`` compares each with the
first, which finds the same conflicts in linear time (for fields of one type; different types may differ).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Lexer,
    OperationDefinitionNode,
    SelectionSetNode,
    Source,
    Token,
    TokenKind,
)
from graphql.language.parser import Parser

from weft.domain.deadline import check
from weft.domain.errors import TooLarge
from weft.wire.graphql.limits import PLAIN_STRING, check_text

MOST_FIELDS: Final = 50_000
"""Fields of an operation, each counted as often as fragments bring it in."""
MOST_LEVELS: Final = 40
MOST_DEFINITIONS: Final = 200
MOST_INTROSPECTION: Final = 3
ROOTS: Final = frozenset({"Get", "Aggregate", "Explore"})
_LISTS: Final = frozenset({"fields", "inputFields", "possibleTypes", "interfaces"})
"""Of introspection: each is many answers, so that lists in lists multiply."""


@dataclass(frozen=True, slots=True)
class _Extent:
    fields: int = 0
    levels: int = 0
    lists: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """What a document names, in any place: possible collections, ``Get`` and the like, and the schema itself."""

    collections: frozenset[str]
    roots: frozenset[str]
    introspects: bool


class _BoundedLexer(Lexer):
    """The library's lexer, which takes a microsecond for each character, but plain strings, such as media, at once."""

    def read_string(self, start: int) -> Token:
        plain = PLAIN_STRING.match(self.source.body, start)
        if plain is None:
            return super().read_string(start)
        return self.create_token(TokenKind.STRING, start, plain.end(), plain[1])


class _BoundedParser(Parser):
    """The library's parser takes seconds for the longest texts: it looks at the deadline between tokens."""

    def __init__(self, text: str) -> None:
        source = Source(text)
        super().__init__(source, lexer=_BoundedLexer(source))

    def advance_lexer(self) -> None:
        check()
        super().advance_lexer()


def read(text: str) -> DocumentNode:
    """The tree of ``text``; raises TooLarge, or GraphQLError for wrong syntax, conflicts of fields among it; and as
    ``deadline.check``."""
    check_text(text)
    document = _BoundedParser(text).parse_document()
    if len(document.definitions) > MOST_DEFINITIONS:
        raise TooLarge(f"the query has more than {MOST_DEFINITIONS} operations and fragments; send several queries")
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    _check_extent(document, fragments)
    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode):
            _check_merging([one.selection_set], fragments)
    return document


def named(document: DocumentNode) -> Named:
    """Collections begin with a capital letter, properties do not, so every such field or type may be one."""
    found: set[str] = set()
    introspects = False
    waiting = [one.selection_set for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            found.add(definition.type_condition.name.value)
            waiting.append(definition.selection_set)
    while waiting:
        for one in waiting.pop().selections:
            if isinstance(one, FieldNode):
                introspects = introspects or one.name.value in ("__schema", "__type")
                found.add(one.name.value)
            elif isinstance(one, InlineFragmentNode) and one.type_condition is not None:
                found.add(one.type_condition.name.value)
            below = getattr(one, "selection_set", None)
            if below is not None:
                waiting.append(below)
    names = {name.removeprefix("_") for name in found if "A" <= name.removeprefix("_")[:1] <= "Z"}
    return Named(frozenset(names - ROOTS), frozenset(names & ROOTS), introspects)


# -- extent


def _check_extent(document: DocumentNode, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
    known: dict[str, _Extent | None] = {}
    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode):
            extent = _extent(one.selection_set, fragments, known)
            if extent.fields > MOST_FIELDS:
                raise TooLarge(f"the query asks for more than {MOST_FIELDS} fields; send several queries")
            if extent.levels > MOST_LEVELS:
                raise TooLarge(f"the query is nested deeper than {MOST_LEVELS} levels; flatten it")
            if extent.lists > MOST_INTROSPECTION:
                raise TooLarge(f"the query nests more than {MOST_INTROSPECTION} lists of the schema in each other")


def _extent(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], known: dict[str, _Extent | None]
) -> _Extent:
    """``known``: of each fragment seen so far, None while it is being measured."""
    fields = levels = lists = 0
    for one in selections.selections:
        if isinstance(one, FragmentSpreadNode):
            below = _extent_of_fragment(one, fragments, known)
        else:
            assert isinstance(one, FieldNode | InlineFragmentNode)
            below = _extent(one.selection_set, fragments, known) if one.selection_set else _Extent()
            if isinstance(one, FieldNode):
                is_list = one.name.value in _LISTS
                below = _Extent(below.fields + 1, below.levels + 1, below.lists + is_list)
        fields += below.fields
        levels = max(levels, below.levels)
        lists = max(lists, below.lists)
    return _Extent(min(fields, 2 * MOST_FIELDS), levels, lists)


def _extent_of_fragment(
    spread: FragmentSpreadNode, fragments: Mapping[str, FragmentDefinitionNode], known: dict[str, _Extent | None]
) -> _Extent:
    name = spread.name.value
    if name not in fragments:
        return _Extent()
    if name not in known:
        known[name] = None
        known[name] = _extent(fragments[name].selection_set, fragments, known)
    found = known[name]
    if found is None:
        raise GraphQLError(f"Cannot spread fragment '{name}' within itself.", [spread])
    return found


# -- merging


def _check_merging(sets: Iterable[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]) -> None:
    """Raises GraphQLError when one name of the reply stands for two different things."""
    first: dict[tuple[str, str], FieldNode] = {}
    below: dict[str, list[SelectionSetNode]] = {}
    seen: set[str] = set()
    for on, field in _fields(sets, fragments, "", seen):
        key = field.alias.value if field.alias else field.name.value
        known = first.setdefault((on, key), field)
        if known is not field and (known.name.value, _arguments(known)) != (field.name.value, _arguments(field)):
            raise GraphQLError(
                f"Fields '{key}' conflict because they have different names or arguments; use different aliases.",
                [known, field],
            )
        if field.selection_set is not None:
            below.setdefault(key, []).append(field.selection_set)
    for inner in below.values():
        _check_merging(inner, fragments)


def _fields(
    sets: Iterable[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode], on: str, seen: set[str]
) -> Iterator[tuple[str, FieldNode]]:
    """Every field with the type that a fragment puts it on; each fragment once."""
    for one in sets:
        for selection in one.selections:
            if isinstance(selection, FieldNode):
                yield on, selection
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                yield from _fields(
                    [selection.selection_set], fragments, condition.name.value if condition else on, seen
                )
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                fragment = fragments.get(selection.name.value)
                if fragment is not None:
                    yield from _fields([fragment.selection_set], fragments, fragment.type_condition.name.value, seen)


def _arguments(field: FieldNode) -> dict[str, object]:
    return {one.name.value: one.value for one in field.arguments or ()}
