"""Stop words: words that a query of ``word`` tokenisation leaves out. The index keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain.errors import Invalid
from weft.domain.schema import InvertedConfig, Property, Tokenization

_ENGLISH = """
a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was
will with
"""

PRESETS: Mapping[str, frozenset[str]] = {
    "en": frozenset(_ENGLISH.split()),
    "none": frozenset(),
}


class OnlyStopwords(Invalid):
    """A text to look for has no tokens but stop words."""

    def __init__(self) -> None:
        super().__init__(
            "invalid search term, only stopwords provided. "
            "Stopwords can be configured in class.invertedIndexConfig.stopwords"
        )


class Stopwords:
    """The stop words of a collection: its own set (preset + additions − removals), and sets that properties choose.

    A user's preset wins over a built-in one of the same name. Raises Invalid for a preset that does not exist.
    """

    def __init__(self, config: InvertedConfig) -> None:
        self._presets = {**PRESETS, **{name: frozenset(words) for name, words in config.stopword_presets.items()}}
        own = config.stopwords
        built_in = PRESETS.get(own.preset or "none")
        if built_in is None:
            raise Invalid(f"there is no stop word preset {own.preset!r}; use one of {', '.join(sorted(PRESETS))}")
        self.default = (built_in | set(own.additions)) - set(own.removals)

    def preset(self, name: str) -> frozenset[str]:
        words = self._presets.get(name)
        if words is None:
            known = ", ".join(sorted(self._presets))
            raise Invalid(f"there is no stop word preset {name!r}; define it in stopwordPresets or use one of {known}")
        return words

    def of(self, prop: Property) -> frozenset[str]:
        """Empty unless the property's tokenisation is ``word``."""
        if prop.tokenization not in (None, Tokenization.WORD):
            return frozenset()
        chosen = prop.text_analyzer.stopword_preset
        return self.preset(chosen) if chosen else self.default
