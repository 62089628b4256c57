"""The library view's list: all articles of an index, copies under their original, searchable."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index import Index

#: Articles that are listed and looked through; of a larger index those of the lowest numbers.
MAX_LISTED = 20_000
#: Reports that one search shows.
SHOWN = 200


@dataclass(frozen=True)
class Entry:
    """An article in the list. A search looks through `words`, which are folded."""

    id: str
    title: str
    outlet: str | None
    published: str | None
    words: str


@dataclass(frozen=True)
class Found:
    """The reports that a search shows, each an original and its copies; it found `total`."""

    reports: Sequence[Sequence[Entry]]
    total: int


class Library:
    """The independent reports of an index, newest first; those without a date come last."""

    def __init__(self, index: Index) -> None:
        """Read the list; its texts stay in the index."""
        reports: dict[int, list[Entry]] = defaultdict(list)
        self.complete = True
        for number, article_id in enumerate(index.articles):
            if number == MAX_LISTED:
                self.complete = False
                break
            reports[index.cluster_of(article_id)].append(_entry(index.articles[article_id]))
        for members in reports.values():
            first = index.copies_of(members[0].id)[0] if len(members) > 1 else members[0].id
            members.sort(key=lambda e, first=first: (e.id != first, e.published or "9", e.id))  # type: ignore[misc]
        ordered = sorted(reports.values(), key=lambda r: r[0].id)
        self.reports = sorted(ordered, key=lambda r: r[0].published or "", reverse=True)
        dates = [e.published for report in self.reports for e in report if e.published]
        self.first, self.last = min(dates, default=None), max(dates, default=None)

    def find(self, query: str) -> Found:
        """The reports of which one article has all words of `query`; the first SHOWN of them.

        A word is any run of characters: "moor" finds Larkmoor. Case, accents and width don't count.
        """
        wanted = folded(query).split()
        found = [
            report
            for report in self.reports
            if not wanted or any(all(w in e.words for w in wanted) for e in report)
        ]
        return Found(found[:SHOWN], len(found))


def _entry(article: Any) -> Entry:
    known = (article.title, article.outlet or "", article.published or "", article.id)
    return Entry(
        article.id, article.title, article.outlet, article.published, folded(" ".join(known))
    )


def folded(text: str) -> str:
    """`text` as searches compare it: no case, accents, or difference of width."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))
