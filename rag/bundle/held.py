"""The articles that somebody holds, to compare a bundle with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from index.engines import Place, read_index
from index.errors import SettingError
from index.records import Article

Find = Callable[[str], Article | None]


def finder(articles: Sequence[Path], index: Place | None) -> Find | None:
    """What gives an article by its ID, from files, folders or an index; None if nothing is named.

    Files win over the index. Raises ArticleError or IndexProblem where they can't be read, and
    SettingError where none of the files is an article.
    """
    if not articles and index is None:
        return None
    known: dict[str, Article] = {}
    if articles:
        from index.articles import read_articles

        reading = read_articles(articles)
        if not reading.articles:
            raise SettingError("there is no article in what --articles names")
        known = {a.id: a for a in reading.articles}
    if index is None:
        return known.get
    held = read_index(index).contents.articles

    def find(name: str) -> Article | None:
        found = known.get(name) or held.find(name)
        return found[1] if isinstance(found, tuple) else found

    return find
