"""TextField: the settings of one text property that the index depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weft.domain.schema import CollectionConfig, DataType, Property, TextAnalyzer, Tokenization
from weft.engine.text.stopwords import Stopwords
from weft.engine.text.tokenize import tokenize, tokenize_pattern


@dataclass(frozen=True, slots=True)
class TextField:
    name: str
    tokenization: Tokenization
    analyzer: TextAnalyzer
    stopwords: frozenset[str]
    """Excluded from queries; empty unless the tokenisation is ``word``."""
    searchable: bool

    @property
    def fingerprint(self) -> str:
        """Postings made under another fingerprint cannot be used."""
        if not self.analyzer.ascii_fold:
            return f"{self.tokenization}|nfc"
        return f"{self.tokenization}|fold|{''.join(sorted(self.analyzer.ascii_fold_ignore))}"

    @property
    def group(self) -> tuple[str, ...]:
        """Fields of one group share query terms and document frequencies.

        A property with an ignore set or a stop word preset of its own stands alone, as in Weaviate.
        """
        analyzer = self.analyzer
        alone = analyzer.stopword_preset or (analyzer.ascii_fold and analyzer.ascii_fold_ignore)
        return (self.tokenization.value, "fold" * analyzer.ascii_fold, self.name if alone else "")

    @property
    def settings(self) -> tuple[object, ...]:
        """Equal for fields that analyze every text alike."""
        analyzer = self.analyzer
        ignored = tuple(sorted(analyzer.ascii_fold_ignore)) if analyzer.ascii_fold else ()
        return (self.tokenization, analyzer.ascii_fold, ignored, analyzer.stopword_preset)

    def tokens(self, text: str) -> list[str]:
        return tokenize(text, self.tokenization, self.analyzer)

    def patterns(self, text: str) -> list[str]:
        return tokenize_pattern(text, self.tokenization, self.analyzer)


def fields_of(config: CollectionConfig) -> Mapping[str, TextField]:
    """The text properties that are searchable or filterable, by name."""
    stopwords = Stopwords(config.inverted)
    return {prop.name: _field(prop, stopwords) for prop in config.properties if _indexed(prop)}


def unindexed(config: CollectionConfig) -> frozenset[str]:
    """The text properties without any index: their stored values are not in the postings."""
    return frozenset(p.name for p in config.properties if _is_text(p) and not _indexed(p))


def _is_text(prop: Property) -> bool:
    return prop.data_type in (DataType.TEXT, DataType.TEXT_ARRAY)


def _indexed(prop: Property) -> bool:
    return _is_text(prop) and (prop.index_searchable or prop.index_filterable)


def _field(prop: Property, stopwords: Stopwords) -> TextField:
    return TextField(
        prop.name,
        prop.tokenization or Tokenization.WORD,
        prop.text_analyzer,
        stopwords.of(prop),
        prop.index_searchable,
    )


def texts_of(value: object) -> list[str]:
    """The texts of a property's value: the text itself, or the members of a list; none for None."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)):
        return [text for text in value if isinstance(text, str)]
    return []
