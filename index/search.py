"""Ranked passages for a query: near in meaning, sharing words, from what the query names.

A search looks for the whole query, and for each of its parts if it has several. Each look finds
passages near in meaning and passages that share words, and puts their scores on one scale. An
outlet or a day that the query names is raised, never filtered. A reranker has the last word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .arguments import check_count, checked_date, checked_query
from .chosen import agree
from .contents import ById, Contents
from .encoder import Encoder, load_encoder
from .engines import Place, place_of, read_index
from .errors import IndexMismatch, SettingError
from .keywords import keyword_tokens
from .manifest import read_manifest
from .passages import keyword_text, titled_text
from .query import AnyNamed, pairs_of, parts_of
from .records import Article, Hit, Passage
from .rerank import Reranker, load_reranker
from .store import Generation, stats_of

if TYPE_CHECKING:
    from .milvus.contents import MilvusGeneration

#: What is looked at of an index: numbers in an array, what Milvus makes of the filters, or all.
Among: TypeAlias = Any


_MIN_DEPTH = 100
_DEPTH_PER_HIT = 5
# Neighbouring words are looked for in the first only: it takes a tenth of a millisecond each.
_PAIRED = 30
_RERANKED = 50


@dataclass(frozen=True)
class Ranking:
    """How much each signal counts; the best cosine and the best keyword score count 1 together.

    `dense` is the cosine's part of that 1. Added to it are `pairs` if all neighbouring words of the
    query are neighbours in the passage, `outlet` and `day` if the query names the passage's, and
    `part` times the score of the best part of the query. `eval/bench/retrieval.py` chose the values
    on one half of its questions.
    """

    dense: float = 0.5
    pairs: float = 0.2
    outlet: float = 0.3
    day: float = 0.2
    part: float = 0.5


def open_index(
    path: str | Place, encoder: Encoder | None = None, reranker: Reranker | None = None
) -> Index:
    """Open the index at `path` and check all of it; the encoder's model loads when first asked.

    `encoder` is the one that the index was built with, by default the bundled one; `reranker` is by
    default the one that WIRECHECK_RERANKER names. Raises what `read_index` does, IndexMismatch if
    another encoder built it, or SettingError if the reranker can't be loaded.
    """
    place = place_of(path)
    generation = read_index(place)
    encoder = encoder if encoder is not None else load_encoder()
    if not agree(generation.contents.fingerprint, encoder.fingerprint):
        raise IndexMismatch(
            f"{place}: re-index needed: {generation.contents.fingerprint} built it, "
            f"not {encoder.fingerprint}"
        )
    return Index(place, generation, encoder, reranker or load_reranker())


class Index:
    """One generation of an index, open for searching. It never changes; open again for news.

    `articles` by ID and `passages` by number are read from the files as they are asked for;
    `generation` counts up from 1 with each change. Any number of threads may search.
    """

    def __init__(
        self,
        folder: Place,
        generation: Generation | MilvusGeneration,
        encoder: Encoder,
        reranker: Reranker | None = None,
    ) -> None:
        contents: Any = generation.contents  # of files or of Milvus: both have the same names
        self.folder = folder
        self.encoder = encoder
        self.reranker = reranker
        self.ranking = Ranking()
        self.generation = generation.number
        self.articles: Mapping[str, Article] = ById(contents.articles)
        self.passages: Sequence[Passage] = contents.passages
        self._contents = contents
        self._opened = generation

    def search(
        self,
        query: str,
        k: int = 10,
        *,
        outlets: Collection[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        per_article: int | None = None,
    ) -> list[Hit]:
        """Find the `k` best passages, best first; of one article at most `per_article`.

        `outlets` (case does not count), `since` and `until` (ISO dates, both included) narrow what
        is searched; an article whose outlet or date is unknown does not pass them. Raises
        QuestionError if `query` is empty, without a letter or digit, or longer than 10,000
        characters; SettingError for any other argument that makes no sense.
        """
        query = checked_query(query)
        check_count("k", k)
        if per_article is not None:
            check_count("per_article", per_article)
        among = self._among(outlets, checked_date("since", since), checked_date("until", until))
        if isinstance(among, np.ndarray) and not len(among):
            return []
        found = self._ranked(query, max(_MIN_DEPTH, _DEPTH_PER_HIT * k), among)
        if self.reranker is not None:
            found = self._reranked(self.reranker, query, found[: max(_RERANKED, 2 * k)])
        self._contents.fetch([one.number for one in found[: 2 * k]])
        hits: list[Hit] = []
        seen: Counter[str] = Counter()
        for one in found:
            passage = self.passages[one.number]
            seen[passage.article.id] += 1
            if per_article is None or seen[passage.article.id] <= per_article:
                hits.append(Hit(passage, one.score, len(hits) + 1, one.reasons))
            if len(hits) == k:
                break
        return hits

    def _ranked(self, query: str, depth: int, among: Among) -> list[_Found]:
        named = self._contents.names.named_in(query)
        whole = self._look(query, named, depth, among)
        found = {n: _Found(n, score, named.of(n)) for n, score in whole.items()}
        parts = parts_of(query) if self.ranking.part else ()
        for number, (score, part, theirs) in self._best_parts(parts, named, depth, among).items():
            total = whole.get(number, 0.0) + self.ranking.part * score
            found[number] = _Found(number, total, (*theirs.of(number), part))
        return sorted(found.values(), key=_best_first)

    def _best_parts(
        self, parts: Sequence[str], named: AnyNamed, depth: int, among: Among
    ) -> dict[int, tuple[float, str, AnyNamed]]:
        """For each passage its score for the part that it fits best, that part, and who is named.

        A part that names nobody is about those that the whole query names.
        """
        best: dict[int, tuple[float, str, AnyNamed]] = {}
        for part in parts:
            theirs = self._contents.names.named_in(part)
            theirs = theirs if theirs.any else named
            for number, score in self._look(part, theirs, depth, among).items():
                if number not in best or score > best[number][0]:
                    best[number] = (score, part, theirs)
        return best

    def _look(self, text: str, named: AnyNamed, depth: int, among: Among) -> dict[int, float]:
        """Score passages for `text`: the best of all, and the best of those that are named."""
        vector = self.encoder.encode_query(text)
        near = dict(self._contents.vectors.search(vector, depth, among))
        sharing = dict(self._contents.keywords.search(text, depth, among))
        least = [min(found.values()) if len(found) == depth else 0.0 for found in (near, sharing)]
        if named.any:
            theirs = named.among(among)
            near.update(self._contents.vectors.search(vector, depth, theirs))
            sharing.update(self._contents.keywords.search(text, depth, theirs))
        scores = _blended(near, sharing, self.ranking.dense, least)
        self._add_pairs(text, scores)
        for number in scores:
            scores[number] += self.ranking.outlet * named.has_outlet(number)
            scores[number] += self.ranking.day * named.has_day(number)
        return scores

    def _add_pairs(self, text: str, scores: dict[int, float]) -> None:
        wanted = pairs_of(keyword_tokens(text))
        if not wanted or not self.ranking.pairs:
            return
        best = sorted(scores, key=lambda n: (-scores[n], n))[:_PAIRED]
        self._contents.fetch(best)
        for number in best:
            there = pairs_of(keyword_tokens(keyword_text(self.passages[number])))
            scores[number] += self.ranking.pairs * len(wanted & there) / len(wanted)

    def _reranked(self, reranker: Reranker, query: str, found: Sequence[_Found]) -> list[_Found]:
        self._contents.fetch([f.number for f in found])
        scores = reranker.scores(query, [titled_text(self.passages[f.number]) for f in found])
        again = [replace(f, score=score) for f, score in zip(found, scores, strict=True)]
        return sorted(again, key=_best_first)

    def generation_now(self) -> int:
        """The number of the generation that serves where this index came from.

        Raises IndexProblem if that can't be told.
        """
        if isinstance(self._contents, Contents):
            return int(read_manifest(Path(str(self.folder)))["generation"])
        return int(self._contents.generation_now())

    @property
    def outlets(self) -> Sequence[str]:
        """The names of the outlets whose reports it holds, each once."""
        outlets: Sequence[str] = self._contents.articles.outlets
        return outlets

    def cluster_of(self, article_id: str) -> int:
        """The number of an article's independent report: the same for near-identical copies.

        Means nothing across generations. Raises SettingError if there is no such article.
        """
        return int(self._contents.copies.original_of(self._number_of(article_id)))

    def _number_of(self, article_id: str) -> int:
        number: int | None = self._contents.articles.number_of(article_id)
        if number is None:
            raise SettingError(f"no article in {self.folder} has the ID {article_id!r}")
        return number

    def copies_of(
        self,
        article_id: str,
        *,
        outlets: Collection[str] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> tuple[str, ...]:
        """IDs of all near-identical copies of an article, itself among them, the original first.

        `outlets`, `since` and `until` narrow them as in `search`. Raises SettingError if there is
        no such article.
        """
        numbers: list[int] = self._contents.copies.members(self._number_of(article_id))
        passing = self._passing(outlets, since, until)
        articles = self._contents.articles
        return tuple(articles[n].id for n in numbers if passing is None or passing[n])

    def passages_of(self, article_id: str) -> list[Passage]:
        """All passages that an article was split into, in their order.

        Raises SettingError if there is no such article.
        """
        numbers = self._contents.passages.of_article(self._number_of(article_id))
        return [self.passages[int(n)] for n in numbers]

    def weighed(self, ranking: Ranking) -> Index:
        """The same index with other weights."""
        other = copy(self)
        other.ranking = ranking
        return other

    def stats(self) -> dict[str, Any]:
        """Count what is in the index, JSON-ready; see `stats_of`."""
        return stats_of(self._opened)

    def _among(
        self, outlets: Collection[str] | None, since: str | None, until: str | None
    ) -> Among:
        """Numbers of the passages that the filters let through; None if there is no filter."""
        passing = self._passing(outlets, since, until)
        return None if passing is None else self._contents.among(passing)

    def _passing(
        self, outlets: Collection[str] | None, since: str | None, until: str | None
    ) -> Any:
        """Of each article whether the filters let it through; None if there is no filter."""
        if outlets is None and since is None and until is None:
            return None
        if isinstance(outlets, str):
            raise SettingError(f"outlets is the text {outlets!r}; it must be a list of names")
        if since and until and since > until:
            raise SettingError(f"since {since} is after until {until}")
        names = None if outlets is None else {name.strip().casefold() for name in outlets}
        return self._contents.articles.passing(names, since, until)


@dataclass(frozen=True)
class _Found:
    """A passage by its number, with what `Hit` says of it."""

    number: int
    score: float
    reasons: tuple[str, ...]


def _best_first(found: _Found) -> tuple[float, int]:
    return -found.score, found.number


def _blended(
    near: Mapping[int, float], sharing: Mapping[int, float], dense: float, least: Sequence[float]
) -> dict[int, float]:
    """Sum of cosine and keyword score, each over the best of its kind and times its share.

    A convex combination with 0 as the foot of either scale (Bruch et al. 2023). A passage that one
    search did not return gets from it the score of the last that it did, `least`.
    """
    scores = dict.fromkeys(sorted(near.keys() | sharing.keys()), 0.0)
    for found, share, last in ((near, dense, least[0]), (sharing, 1 - dense, least[1])):
        best = max(found.values(), default=0.0)
        if best > 0:
            for number in scores:
                scores[number] += share * max(found.get(number, last), 0.0) / best
    return scores
