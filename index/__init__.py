"""From files to ranked passages. Knows nothing of language models.

    from index import build_index, open_index
    build_index([Path("articles")], Path("an-index"))
    open_index("an-index").search("how long did the talks last?", k=10)

In reading order: `records` (what flows), `articles` (files to articles), `language` and `words`
(sentences and words), `encoder` and `bert` (texts to vectors), `passages` (articles to passages),
`keywords` and `vectors` (the two searches), `store` (the folder on disk), `build`, `search`.
"""

from __future__ import annotations

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
