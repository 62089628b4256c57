"""The two searches in Milvus, and what a query names.

Candidates come from Milvus; their scores are computed here, from the very vectors and counts of
words, by the code that scores a folder's. So both give the same scores, in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..encoder import Vectors
from ..errors import SettingError
from ..keywords import best, keyword_tokens, rarity, relative_length, share
from ..lru import Lru
from ..query import AnyNamed, OutletNames, days_in
from ..vectors import nearest
from .engine import MOST
from .rows import ORDINAL_BITS, WORDS, Row, bucket, dimension, key_of, number_of

if TYPE_CHECKING:
    from .contents import MilvusContents

# Candidates beyond those wanted: the order of equal ones is ours.
_SPARE = 28
# A score is computed here in another order than there.
_SLACK = 1e-5


@dataclass(frozen=True)
class Filter:
    """Which passages are looked at, in Milvus's words; and whether an article passes."""

    where: str
    passes: Callable[[int], bool]

    def __str__(self) -> str:
        return self.where

    def __getitem__(self, place: int) -> bool:
        return self.passes(place)


class MilvusVectors:
    """Unit vectors in Milvus; a score is the exact cosine."""

    def __init__(self, contents: MilvusContents) -> None:
        self._contents = contents

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._contents.serving.dim

    @property
    def settings(self) -> dict[str, Any]:
        """How vectors are searched, JSON-ready."""
        return {"kind": "milvus", "index": "FLAT" if self._contents.engine.address.file else "HNSW"}

    def __str__(self) -> str:
        return f"by Milvus ({self.settings['index']})"

    def search(
        self, vector: Vectors, k: int, among: Filter | None = None
    ) -> list[tuple[int, float]]:
        """Find the `k` nearest passages, best first, equal ones in the order of their numbers."""
        rows = self._contents.search("dense", vector.tolist(), _limit(k), among)
        if not rows:
            return []
        rows = sorted(rows, key=number_of)
        found = nearest(np.array([r["dense"] for r in rows], np.float32), vector, min(k, len(rows)))
        return [(number_of(rows[place]), score) for place, score in found]

    def of(self, numbers: Sequence[int]) -> Vectors:
        """The vectors of passages, `(n, dim)`."""
        places = sorted({number >> ORDINAL_BITS for number in numbers})
        rows = self._contents.rows_of(places, ("ordinal", "dense"))
        found = {number_of(row): row["dense"] for row in rows}
        return np.array([found[n] for n in numbers], np.float32).reshape(len(numbers), self.dim)


class MilvusKeywords:
    """BM25 with the counts of this generation; Milvus finds who may be among the best."""

    def __init__(self, contents: MilvusContents) -> None:
        self._contents = contents
        self._counts: Lru[dict[str, int]] = Lru(512)

    def search(self, query: str, k: int, among: Filter | None = None) -> list[tuple[int, float]]:
        """Find the `k` best passages that share a word with `query`, as `KeywordIndex.search`.

        Milvus knows the weights that were written, with the average length of that time. So more
        are asked for, until none that wasn't given can be among the best; or all that it gives.
        """
        weights = self.weights(keyword_tokens(query))
        if not weights:
            return []
        vector: dict[int, float] = {}
        for word, weight in weights.items():
            vector[dimension(word)] = vector.get(dimension(word), 0.0) + float(weight)
        limit = _limit(k)
        while True:
            rows = self._contents.search("sparse", vector, limit, among)
            found = best(*self._scored(rows, weights), k)
            if len(rows) < limit or limit == MOST:
                return found
            most = rows[-1]["score"] * self._contents.serving.drift * (1 + _SLACK)
            if len(found) == k and most < found[-1][1]:
                return found
            limit = min(2 * limit, MOST)

    def weights(self, tokens: Collection[str]) -> dict[str, np.float32]:
        """What each word that the corpus has counts, the rarest first."""
        serving = self._contents.serving
        words = sorted(set(tokens))
        held = self._counted([bucket(word, serving.buckets) for word in words])
        known = {w: counts[w] for w, counts in zip(words, held, strict=True) if w in counts}
        rare = rarity(np.array([*known.values()], np.int64), serving.passages)
        return dict(sorted(zip(known, rare, strict=True), key=lambda pair: -pair[1]))

    def _counted(self, buckets: Sequence[int]) -> list[dict[str, int]]:
        return self._counts.of([str(number) for number in buckets], self._read_counts)

    def _read_counts(self, keys: Sequence[str]) -> list[dict[str, int]]:
        engine = self._contents.engine
        where = f"kind == {WORDS} and article in {[int(key) for key in keys]}"
        docs = {str(doc.article): doc for doc in self._contents.docs(engine.meta, where)}
        if len(docs) < len(set(keys)):
            raise self._contents.lost("what counts its words")
        return [json.loads(docs[key].data) for key in keys]

    def _scored(
        self, rows: Sequence[Row], weights: Mapping[str, np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Numbers in rising order, and their scores."""
        rows = sorted(rows, key=number_of)
        lengths = np.array([row["length"] for row in rows], np.int64)
        relative = relative_length(lengths, self._contents.serving.average)
        counts = [json.loads(row["words"]) for row in rows]
        scores = np.zeros(len(rows), np.float32)
        for word, weight in weights.items():
            held = np.array([count.get(word, 0) for count in counts], np.float32)
            scores += np.where(held > 0, weight * share(held, relative), np.float32(0))
        return np.array([number_of(row) for row in rows], np.int64), scores

    def lacks(self, number: int, text: str) -> bool:
        """Tell whether `text` has a word under which passage `number` is not listed."""
        row = self._contents.rows([number])[0]
        tokens = keyword_tokens(text)
        return bool(set(tokens) - json.loads(row["words"]).keys()) or len(tokens) != row["length"]


class MilvusNames:
    """The outlets and days of an index, to be found in a query."""

    def __init__(self, contents: MilvusContents) -> None:
        self._contents = contents
        self._names = OutletNames(contents.articles.outlets)
        self._days = [int(day) for day in contents.stats["days"]]

    def named_in(self, text: str) -> MilvusNamed:
        """Find whose outlet or day `text` names; without a year, of any year."""
        outlets = {key_of(name) for name in self._names.named_in(text)}
        said = [(10**8 if y else 10_000, y * 10_000 + m * 100 + d) for m, d, y in days_in(text)]
        days = {day for day in self._days if any(day % part == named for part, named in said)}
        return MilvusNamed(self._contents, frozenset(outlets), frozenset(days))


@dataclass(frozen=True)
class MilvusNamed(AnyNamed):
    """The outlets, by their keys, and the days that a text names."""

    contents: MilvusContents
    outlets: frozenset[int]
    days: frozenset[int]

    @property
    def any(self) -> bool:
        """Whether the text names one that the corpus has."""
        return bool(self.outlets or self.days)

    def among(self, among: Filter | None) -> Filter:
        """Those of `among`, or of all, that are named."""
        named = [("outlet", self.outlets), ("published", self.days)]
        where = " or ".join(f"{name} in {sorted(found)}" for name, found in named if found)
        both = f"({where})" if among is None else f"({among} and ({where}))"
        return Filter(both, lambda place: False)

    def has_outlet(self, number: int) -> bool:
        """Whether the outlet of a passage is named."""
        return self.contents.rows([number])[0]["outlet"] in self.outlets

    def has_day(self, number: int) -> bool:
        """Whether the day of a passage is named."""
        return self.contents.rows([number])[0]["published"] in self.days


def _limit(k: int) -> int:
    """How many candidates to ask for. Raises SettingError where Milvus gives fewer than `k`."""
    if k > MOST:
        raise SettingError(f"an index in Milvus finds at most {MOST:,} passages for one query")
    return min(k + _SPARE, MOST)
