"""From files to ranked passages. Knows nothing of language models.

    from index import build_index, open_index
    build_index([Path("articles")], Path("an-index"))
    open_index("an-index").search("how long did the talks last?", k=10)

In reading order: `records` (what flows), `articles` (files to articles, by way of `files` and of a
reader in `formats/`), `language` and `words` (sentences and words), `encoder`, `network` and
`chosen` (texts to vectors), `passages` (articles to passages), `keywords` and `vectors` (the two
searches), `mapped` and `contents` (what a generation holds, read where it lies), `manifest` and
`store` (the folder on disk), `cache`, `spread` and `embedding` (vectors of known texts, who makes
new ones, and in which order), `build`, `query` and `search`, `check`. `engines` tells where an
index is; `milvus` and what begins with it hold one that is in Milvus.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .articles import Skipped, read_articles
    from .build import BuildReport, build_index
    from .encoder import Encoder, load_encoder
    from .records import Article, Hit, Passage
    from .search import Index, open_index

__all__ = [
    "Article",
    "BuildReport",
    "Encoder",
    "Hit",
    "Index",
    "Passage",
    "Skipped",
    "build_index",
    "load_encoder",
    "open_index",
    "read_articles",
]

_HOMES = {
    "articles": ("Skipped", "read_articles"),
    "build": ("BuildReport", "build_index"),
    "encoder": ("Encoder", "load_encoder"),
    "records": ("Article", "Hit", "Passage"),
    "search": ("Index", "open_index"),
}


def __getattr__(name: str) -> Any:
    # Late, so that `wirecheck --help` and whoever wants `index.errors` need not wait for numpy.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
