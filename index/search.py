"""Ranked passages for a query: nearest in meaning and sharing words, fused by rank."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contents import ById
from .encoder import Encoder, load_encoder
from .errors import IndexMismatch, QuestionError, SettingError
from .records import Article, Hit, Passage
from .store import Generation, read, stats_of

MAX_QUERY = 10_000

_FUSION = 60
_MIN_DEPTH = 50
_DEPTH_PER_HIT = 5


def open_index(path: str | Path, encoder: Encoder | None = None) -> Index:
    """Open the index at `path` and check all of it; the encoder's model loads when first asked.

    `encoder` is the one that the index was built with, the bundled one if not given. Raises
    IndexMissing, IndexCorrupt, or IndexMismatch if another encoder built it.
    """
    folder = Path(path)
    generation = read(folder)
    encoder = encoder if encoder is not None else load_encoder()
    if generation.contents.fingerprint != encoder.fingerprint:
        raise IndexMismatch(
            f"{folder}: re-index needed: {generation.contents.fingerprint} built it, "
            f"not {encoder.fingerprint}"
        )
    return Index(folder, generation, encoder)


class Index:
    """One generation of an index, open for searching. It never changes; open again for news.

    `articles` by ID, `passages` by number, `generation` counts up from 1 with each change. Both
    are read from the index's files as they are asked for. Any number of threads may search.
    """

    def __init__(self, folder: Path, generation: Generation, encoder: Encoder) -> None:
        """Use `open_index`."""
        contents = generation.contents
        self.folder = folder
        self.encoder = encoder
        self.generation = generation.number
        self.articles: Mapping[str, Article] = ById(contents.articles)
        self.passages: Sequence[Passage] = contents.passages
        self._vectors = contents.vectors
        self._keywords = contents.keywords
        self._opened = generation

    def search(
        self,
        query: str,
        k: int = 10,
        *,
        outlets: Collection[str] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> list[Hit]:
        """Find the `k` best passages, best first.

        A passage's score is the sum of 1 / (60 + rank) over the two lists it stands in (Cormack
        et al. 2009): nearest by cosine, and best by keywords. `outlets` (case does not count),
        `since` and `until` (ISO dates, both included) narrow what is searched; an article whose
        outlet or date is unknown does not pass them.

        Raises QuestionError if `query` is empty, without a letter or digit, or longer than
        MAX_QUERY characters; SettingError for any other argument that makes no sense.
        """
        query = _checked_query(query)
        if type(k) is not int or k < 1:
            raise SettingError(f"k is {k!r}; it must be a whole number from 1 on")
        among = self._among(outlets, _checked_date("since", since), _checked_date("until", until))
        if among is not None and not len(among):
            return []
        depth = max(_MIN_DEPTH, _DEPTH_PER_HIT * k)
        near = self._vectors.search(self.encoder.encode_query(query), depth, among)
        sharing = self._keywords.search(query, depth, among)
        fused = _fused([[n for n, _ in near], [n for n, _ in sharing]])[:k]
        return [
            Hit(self.passages[number], score, rank)
            for rank, (number, score) in enumerate(fused, start=1)
        ]

    def stats(self) -> dict[str, Any]:
        """Count what is in the index, JSON-ready; see `stats_of`."""
        return stats_of(self._opened)

    def _among(
        self, outlets: Collection[str] | None, since: str | None, until: str | None
    ) -> NDArray[np.int64] | None:
        """Numbers of the passages that the filters let through; None if there is no filter."""
        if outlets is None and since is None and until is None:
            return None
        if isinstance(outlets, str):
            raise SettingError(f"outlets is the text {outlets!r}; it must be a list of names")
        if since and until and since > until:
            raise SettingError(f"since {since} is after until {until}")
        names = None if outlets is None else {name.strip().casefold() for name in outlets}
        contents = self._opened.contents
        passing = contents.articles.passing(names, since, until)
        return np.flatnonzero(passing[contents.passages.rows[:, 0]])


def _fused(rankings: Iterable[Sequence[int]]) -> list[tuple[int, float]]:
    """Reciprocal rank fusion, best first; equal scores in the order of their numbers."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + 1 / (_FUSION + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _checked_query(query: str) -> str:
    if not isinstance(query, str):
        raise QuestionError(f"the query is a {type(query).__name__}, not text")
    if len(query) > MAX_QUERY:
        raise QuestionError(f"the query has {len(query):,} characters; {MAX_QUERY:,} is the limit")
    if not any(unicodedata.category(char)[0] in "LN" for char in query):
        raise QuestionError("the query is empty: it has no letter and no digit")
    # Half of a surrogate pair, as a browser may send it, would make tokenizers raise.
    return query.encode("utf-8", "replace").decode()


def _checked_date(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        day = date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        day = ""
    if day != value:
        raise SettingError(f"{name} is {value!r}; it must be a date like 2025-03-31")
    return value
