"""What an index holds and what a search returns."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

#: Ends a title that was cut for its length.
CUT = "…"


@dataclass(frozen=True)
class Article:
    """One report, as read from one file, or from one row of a file that holds several.

    `id` is the file's name without its ending, or what the row gives; `title` what it states, else
    its first non-empty line. `text` is what every span refers to; of HTML and PDF it is what was
    extracted. `outlet`, `published` (ISO date, `yyyy-mm-dd`) and `url` are None where they are not
    known.
    """

    id: str
    title: str
    text: str
    outlet: str | None = None
    published: str | None = None
    url: str | None = None

    @cached_property
    def sha256(self) -> str:
        """Hash of `text` in UTF-8, in hex: what every span of this article refers to."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Passage:
    """A span `[start, end)` of an article's text, in code points; its text is never stored."""

    article: Article
    start: int
    end: int

    @property
    def text(self) -> str:
        """The words of the span."""
        return self.article.text[self.start : self.end]


@dataclass(frozen=True)
class Hit:
    """A passage that a search found.

    `score` orders the hits of one search, higher is better, and means nothing across searches. It
    is 0 or more, near 1 for a passage that is best in meaning and in words, and more if the query
    names its outlet or day or asks several things. Where a reranker is set it is that model's own
    number instead, on a scale of its own that may go below 0. `rank` counts from 1.

    `reasons` say what else than its words raised it: "its outlet" and "its day" if the query names
    them, and the part of the query, verbatim, that it fits best, if the query has several.
    """

    passage: Passage
    score: float
    rank: int
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Where the passage stands, its score and its words, JSON-ready."""
        return {
            "article_id": self.passage.article.id,
            "start": self.passage.start,
            "end": self.passage.end,
            "score": self.score,
            "text": self.passage.text,
        }


def iso_day(value: str) -> str | None:
    """`value` if it is a day such as 2025-03-31, else None."""
    with suppress(ValueError):
        if date.fromisoformat(value).isoformat() == value:
            return value
    return None


def day_of(published: str | None) -> int:
    """2025-03-31 -> 20250331; 0 for unknown."""
    return int(published.replace("-", "")) if published else 0


def iso_of(day: int) -> str:
    """20250331 -> 2025-03-31."""
    return f"{day // 10000:04}-{day // 100 % 100:02}-{day % 100:02}"
