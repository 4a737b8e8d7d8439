"""What the pages of ``docs/modules`` say of the modules that call providers."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.modules import Resources, registry_of
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.reranker import ProviderReranker
from weft.modules.providers.text_embeddings import ProviderTextVectorizer

PAGES = [page.read_text(encoding="utf-8") for page in (Path(__file__).parents[4] / "docs/modules").glob("*.md")]
EVERY = registry_of(Resources())
MODULES = [module for name in EVERY.meta() if isinstance(module := EVERY.get(name), ProviderModule)]
WITHOUT_A_USUAL_MODEL = ("text2vec-aws", "text2vec-databricks")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_the_page_of_a_module_names_its_defaults_and_bounds(module: ProviderModule) -> None:
    pages = "\n".join(page for page in PAGES if f"`{module.name}`" in page)
    stated = [getattr(module, name, "") for name in ("model", "studio_model", "vertex_model")]
    if module.name in WITHOUT_A_USUAL_MODEL:
        stated = []
    if isinstance(module, ProviderGenerator):
        stated += module.sent_as
    missing = [name for name in filter(None, stated) if f"`{name}`" not in pages]
    most = module.texts_per_call if isinstance(module, ProviderTextVectorizer) else 0
    most = module.documents_per_call if isinstance(module, ProviderReranker) else most
    assert pages
    assert not missing
    assert not most or f"{most:,}" in pages or str(most) in pages
