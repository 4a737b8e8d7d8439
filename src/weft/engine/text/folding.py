"""ASCII folding: Latin letters without their marks, before tokenising, for properties that enable it.

Letters that Unicode decomposes lose their nonspacing marks (é becomes e); stroked and hooked letters and ligatures,
which it does not decompose, are replaced by the table below. Other scripts lose only nonspacing marks.
"""

from __future__ import annotations

from functools import lru_cache
from unicodedata import category, normalize

_LETTERS: dict[str, str] = {
    **dict(
        zip(
            "łŁøØđĐħĦŧŦɨƗƀɃɇɆɉɈɍɌɏɎⱥȺðÐıİĸŉſɓƈɗƒɠɦƙɱɲƞƥʠɽʂƭʋⱳƴʐƁƇƊƑƓƘƝƤƬƲƳȤ",
            "lLoOdDhHtTiIbBeEjJrRyYaAdDiIknsbcdfghkmnnpqrstvwyzBCDFGKNPTVYZ",
            strict=True,
        )
    ),
    **dict(zip("æÆœŒĳĲßẞþÞ", ["ae", "AE", "oe", "OE", "ij", "IJ", "ss", "SS", "th", "TH"], strict=True)),
    **dict(zip("ﬀﬁﬂﬃﬄﬅﬆ", ["ff", "fi", "fl", "ffi", "ffl", "st", "st"], strict=True)),
}


class Folder(dict[int, str]):
    """A table for ``str.translate`` that fills itself; characters of ``ignore``, in both cases, stay."""

    def __init__(self, ignore: tuple[str, ...]) -> None:
        super().__init__()
        kept = normalize("NFC", "".join(ignore))
        for character in {*kept, *kept.lower(), *kept.upper()}:
            self[ord(character)] = character

    def __missing__(self, code: int) -> str:
        folded = "".join(self._letter(c) for c in normalize("NFD", chr(code)) if category(c) != "Mn")
        self[code] = folded
        return folded

    def _letter(self, character: str) -> str:
        return character if dict.get(self, ord(character)) == character else _LETTERS.get(character, character)

    def fold(self, text: str) -> str:
        if text.isascii():
            return text
        return normalize("NFC", normalize("NFC", text).translate(self))


@lru_cache(maxsize=256)
def folder(ignore: tuple[str, ...]) -> Folder:
    """The shared folder for an ignore set."""
    return Folder(ignore)
