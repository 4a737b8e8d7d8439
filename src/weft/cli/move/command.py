"""``weft move``: what the command line asks for, done, and its report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import orjson

from weft.cli.move.address import PlaceAddress, move_name, parse_address
from weft.cli.move.copying import Copied, Copying
from weft.cli.move.cutover import CutOver, follow, until_equal
from weft.cli.move.journal import Journal
from weft.cli.move.objects import MovedCollection
from weft.cli.move.opening import open_source, open_target
from weft.cli.move.place import MoveSource, MoveTarget
from weft.cli.move.plan import plans
from weft.cli.move.rejections import Rejections
from weft.cli.move.syncing import Synced, Syncing
from weft.cli.move.verifying import Verified, verify
from weft.domain.counts import counted
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.names import collection_name


def move(arguments: argparse.Namespace) -> int:
    """0: done, and nothing differs or was rejected; otherwise 1."""
    source_at = parse_address(arguments.source, arguments.source_key)
    target_at = parse_address(arguments.target, arguments.target_key)
    wanted = _wanted(arguments.collection or [], source_at)
    if source_at.text == target_at.text and all(name == other for name, other in wanted.items()):
        raise Invalid("the source and the target are the same place; give collections other names with --collection")
    with (
        open_target(target_at, arguments.ca_certificate) as target,
        open_source(source_at, arguments.ca_certificate) as source,
    ):
        collections = source.collections(wanted, target)
        if not collections:
            raise Invalid(f"{source.text} has no collections")
        return _Moving(arguments, source_at, target_at, source, target, collections).run()


class _Moving:
    def __init__(
        self,
        arguments: argparse.Namespace,
        source_at: PlaceAddress,
        target_at: PlaceAddress,
        source: MoveSource,
        target: MoveTarget,
        collections: list[MovedCollection],
    ) -> None:
        self._arguments = arguments
        self._source, self._target, self._collections = source, target, collections
        name = move_name(source_at, target_at)
        self._state = Path(arguments.state or f"{name}.json")
        self._rejected = Path(arguments.rejected or f"{name}.rejected.jsonl")
        self._places = source_at.text, target_at.text

    def run(self) -> int:
        if self._arguments.copy:
            return self._copy()
        if self._arguments.sync:
            return self._sync()
        if self._arguments.cutover:
            return self._cut_over()
        if self._arguments.verify:
            return self._verify()
        return self._plan()

    def _plan(self) -> int:
        found = plans(self._collections, self._source, self._target)
        if self._arguments.json:
            _print({"collections": [one.to_json() for one in found]})
        else:
            print(f"from {self._places[0]} to {self._places[1]}:")
            print("\n".join(line for one in found for line in one.lines()))
            print("Nothing was written. Copy with: weft move SOURCE TARGET --copy")
        return 0

    def _copy(self) -> int:
        journal = Journal(self._state, *self._places)
        rejections = Rejections(self._rejected, journal)
        try:
            copied = Copying(self._source, self._target, journal, rejections).run(self._collections)
        finally:
            rejections.close()
        self._lead_aliases()
        if self._arguments.json:
            _print({"collections": [_copied_json(one) for one in copied]})
        else:
            for one in copied:
                print(f"{one.name}: {counted(one.stored, 'object')} copied, {one.rejected:,} rejected")
            if any(one.rejected for one in copied):
                print(f"Rejected objects are in {self._rejected}, each with its error.")
        return 1 if any(one.rejected for one in copied) else 0

    def _sync(self) -> int:
        arguments = self._arguments
        with self._syncing() as syncing:
            if arguments.follow:
                follow(syncing, self._collections, self._report, arguments.interval)
            if arguments.until_equal:
                synced = until_equal(syncing, self._collections, self._report)
            else:
                synced = syncing.run(self._collections)
                self._report(synced)
        if any(one.rejected for one in synced):
            print(f"Rejected objects are in {self._rejected}, each with its error.", file=sys.stderr)
        return 1 if any(one.rejected or one.unfinished for one in synced) else 0

    @contextmanager
    def _syncing(self) -> Iterator[Syncing]:
        journal = Journal(self._state, *self._places)
        rejections = Rejections(self._rejected, journal)
        try:
            yield Syncing(self._source, self._target, rejections, force=self._arguments.force)
        finally:
            rejections.close()
            journal.save()

    def _report(self, synced: Sequence[Synced]) -> None:
        if self._arguments.json:
            _print({"collections": [asdict(one) for one in synced]})
        else:
            print("\n".join(map(_synced_line, synced)), flush=True)

    def _cut_over(self) -> int:
        aliases = _aliases(self._arguments.alias or [], {one.name for one in self._collections})
        with self._syncing() as syncing:
            cut = CutOver(self._source, self._target, syncing, aliases)
            verified = cut.run(self._collections, self._report)
        status = self._say_verified(verified)
        source, target = self._places
        if status:
            print("Nothing was switched; the source takes writes again.", file=sys.stderr)
        elif not cut.is_read_only:
            print(f"Equal. {source} cannot be made read-only: see to it that nothing writes there any more.")
        else:
            print(f"Equal, and {source} is read-only.")
            renamed = [f" --collection {one.name}={one.source_name}" for one in self._collections]
            chosen = "".join(renamed) if self._arguments.collection else ""
            print(f"Clients go to {target} now. The way back: weft move {target} {source} --cutover{chosen}")
        return status

    def _verify(self) -> int:
        return self._say_verified(verify(self._source, self._target, self._collections, self._arguments.queries))

    def _say_verified(self, found: Sequence[Verified]) -> int:
        are_equal = all(one.is_equal for one in found)
        if self._arguments.json:
            _print({"equal": are_equal, "collections": [one.to_json() for one in found]})
        else:
            print("\n".join(line for one in found for line in one.lines()))
        return 0 if are_equal else 1

    def _lead_aliases(self) -> None:
        for one in self._collections:
            for alias in one.aliases:
                self._target.set_alias(alias, one.name)


def _wanted(given: list[str], source: PlaceAddress) -> dict[str, str]:
    """The names of collections in the target, by those in the source. Raises Invalid for a name twice."""
    if source.collection:
        given = given or [source.collection]
    wanted: dict[str, str] = {}
    for one in given:
        name, _, other = one.partition("=")
        if not name or name in wanted:
            raise Invalid(f"--collection {one!r}: name each collection once, as NAME or NAME=NAME_AT_THE_TARGET")
        wanted[name] = collection_name(other or name)
    if len(set(wanted.values())) < len(wanted):
        raise Invalid("two collections would have the same name at the target; give one another: --collection A=B")
    return wanted


def _aliases(given: list[str], names: set[str]) -> dict[str, str]:
    """Names of collections by alias. Raises Invalid."""
    aliases: dict[str, str] = {}
    for one in given:
        alias, _, name = one.partition("=")
        if not alias or name not in names:
            raise Invalid(
                f"--alias {one!r} must be ALIAS=NAME, of a collection that is moved: {', '.join(sorted(names))}"
            )
        aliases[collection_name(alias)] = name
    return aliases


def _synced_line(one: Synced) -> str:
    line = f"{one.name}: {counted(one.stored, 'object')} stored, {one.removed:,} removed, {one.rejected:,} rejected"
    if one.unfinished:
        line += f", {one.unfinished:,} stored without references that lead to nothing at the target"
    return line + (f", {one.known:,} differ only in what a place changes by itself" if one.known else "")


def _copied_json(one: Copied) -> JsonObject:
    return {"name": one.name, "stored": one.stored, "rejected": one.rejected}


def _print(report: JsonObject) -> None:
    print(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
