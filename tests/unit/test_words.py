"""One vocabulary: words that this repository does not use, each with the word to use instead.

They are listed in ``docs/how-we-write.md``. Words are found in prose and in identifiers alike, which are split at
underscores and capitals; phrases in any case and across line breaks; identifiers as a whole.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-we-write.md"
READ = ("src", "tests", "bench", "examples", "tools", "docs", "front/src")
PAGES = (
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "Makefile", "pyproject.toml"),
    *("front/README.md", "front/Cargo.toml", "front/pyproject.toml", "front/weft_front.pyi"),
)
SUFFIXES = {".py", ".pyi", ".md", ".toml", ".rs"}


def listed(heading: str) -> dict[str, str]:
    """The table below ``heading`` on the page: each word with what to write instead."""
    text = PAGE.read_text(encoding="utf-8").partition(f"### {heading}\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", text, re.MULTILINE)
    return {word: instead for words, instead in rows for word in re.findall(r"`([^`]+)`", words)}


WORDS, PHRASES, NAMES = listed("Words"), listed("Phrases"), listed("Identifiers")

ALLOWED: dict[str, dict[str, str]] = {
    "tests/unit/test_words.py": {"*": "has examples of what it finds"},
    "docs/how-we-write.md": {"*": "holds the list"},
    "tests/wire/test_guides.py": {"film": "the data of a guide of Weaviate's"},
    "examples/media_made.py": {"sound": "of the captions that tiny-any has learned"},
    "examples/media_search.py": {"sound": "of a caption that tiny-any has learned"},
    "tools/tiny_any/corpus.py": dict.fromkeys(("picture", "sound"), "of the captions that tiny-any has learned"),
    "tests/unit/modules/local/test_text2vec_transformers.py": {"he": "of the sentences of the model's card"},
}
"""By file: the words that stay there, each with its reason."""

_WORD = re.compile(r"MAX_SHOWN|[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""``_MAX_SHOWN`` is what a message quotes of a value at most; the one name in which that word stands."""
_NAME = re.compile(rf"(?<!\w)_?({'|'.join(NAMES)})(?!\w)")


def read_files() -> list[Path]:
    found = [path for folder in READ for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    return sorted([*found, *(ROOT / page for page in PAGES)])


def unwanted(text: str) -> list[tuple[int, str]]:
    """(line, word) of each word, phrase and name in ``text`` that is not used."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        found += [(number, word) for part in _WORD.findall(line) if (word := part.lower()) in WORDS]
    for phrase in PHRASES:
        for match in re.finditer(r"\s+(?:#\s*)?".join(map(re.escape, phrase.split())), text, re.IGNORECASE):
            found.append((text.count("\n", 0, match.start()) + 1, phrase))
    for number, line in enumerate(text.splitlines(), 1):
        found += [(number, name) for name in _NAME.findall(line)]
    return sorted(found)


def test_the_page_has_words_of_each_kind() -> None:
    assert len(WORDS) > 20 and len(PHRASES) > 5 and len(NAMES) > 10


def test_words_that_are_not_used() -> None:
    wrong = []
    for path in read_files():
        name = path.relative_to(ROOT).as_posix()
        allowed = ALLOWED.get(name, {})
        if "*" in allowed:
            continue
        wrong += [
            f"{name}:{line}: {word!r}; write {(WORDS | PHRASES | NAMES)[word]}"
            for line, word in unwanted(path.read_text(encoding="utf-8"))
            if word not in allowed
        ]
    assert not wrong, f"{len(wrong)} words:\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("what it told", ["told"]),
        ("_told_of = 1", ["told"]),
        ("ToldAgain", ["told"]),
        ("the protocol's\n    server", ["the protocol's server"]),
        ("_LETTERS_PER_TOKEN, Asking(1)", ["Asking", "LETTERS_PER_TOKEN"]),
        ("a header, the shell, untold, asking, lanes", []),
    ],
)
def test_whole_words_in_prose_and_names(text: str, found: list[str]) -> None:
    assert [word for _, word in unwanted(text)] == found


def test_one_meaning_a_name() -> None:
    """No two classes of the source have the same name, with or without an underscore: tracebacks print both."""
    homes: dict[str, set[str]] = {}
    for path in sorted((ROOT / "src/weft").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name.lstrip("_"), set()).add(path.relative_to(ROOT / "src/weft").as_posix())
    shared = {name: sorted(files) for name, files in homes.items() if len(files) > 1}
    assert not shared, "\n".join(f"{name}: {files}" for name, files in shared.items())
