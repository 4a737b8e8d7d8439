"""The names of the settings that modules have in collections, and what a misspelt one was meant to be.

A name that resembles none of them is left alone: clients may be newer than this server, and a setting without an effect
here may have one elsewhere. One that resembles a known name would silently leave the default in force.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from weft.domain.errors import Invalid

_NAMES = """
apiEndpoint apiVersion audioFields avoidCommentary baseURL baseUrl chunkBy chunkOverlap chunkTokens deploymentId
depthFields detail dimensions endpoint endpointId endpointURL endpointUrl frames frequencyPenalty imageFields
IMUFields imuFields inferenceURL inferenceUrl instruction isAzure k knowledge location maxNewTokens
maxOutputTokens maxTokens method model modelId modelVersion options passageInferenceUrl passageModel path
poolFactor poolingStrategy presencePenalty projectId properties queryInferenceUrl queryModel reasoningEffort
referenceProperties region resourceName service skip states stop stopSequences systemPrompt targetModel
targetVariant taskType temperature textFields thermalFields titleProperty topK topN topP truncate truncation
type useCache useGPU vectorizeClassName vectorizePropertyName verbosity videoFields videoIntervalSeconds
waitForModel weights
"""
KNOWN = frozenset(_NAMES.split())
"""Those that modules of Weft read, and those that Weaviate's clients write."""
_SIMILARITY = 0.85


def check_names(module: str, given: Iterable[str]) -> None:
    """Raises Invalid for a misspelt name."""
    for name in given:
        if name not in KNOWN and (meant := _meant(name)) is not None:
            raise Invalid(
                f"the module {module} has no setting {name[:80]!r}; did you mean {meant!r}?",
                module=module,
                setting=name,
            )


def _meant(name: str) -> str | None:
    plain = name.replace("_", "").lower()
    same = next((known for known in sorted(KNOWN) if known.lower() == plain), None)
    return same or next(iter(difflib.get_close_matches(name, sorted(KNOWN), 1, _SIMILARITY)), None)
