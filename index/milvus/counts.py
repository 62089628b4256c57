"""The counts of an index in Milvus: passages, their words, and in how many each word is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ..encoder import Encoder
from ..keywords import keyword_tokens
from ..passages import keyword_text, split_passages
from ..records import Article, day_of
from .engine import Engine
from .rows import DOC, STATS, WORDS, Doc, Row, Serving, bucket, docs_in

# The average length of passages is estimated on as many articles, evenly drawn.
_MEASURED = 256
# Weights are made anew when the average length is off by this factor: searches would ask for more.
_DRIFT = 1.05
_BUCKET_WORDS = 2_000


class Counts:
    """Counts of the generation that is being written.

    `passages` and `length`, the words of all of them, are kept by `tally`; `mean` is the average
    length that weights are made with; `buckets` how many documents hold the words.
    """

    def __init__(self, engine: Engine, before: Serving | None, takes: bool) -> None:
        """`takes` tells whether what serves, `before`, is gone on with."""
        self._engine, self._before = engine, before
        self._goes_on = before if takes else None
        self.passages = self.length = 0
        self.mean, self.buckets = 1.0, 1
        self._words: Counter[str] = Counter()

    @property
    def drifts(self) -> bool:
        """Whether the average length has moved away from that of the weights."""
        return self._goes_on is not None and self._goes_on.drift > _DRIFT

    def begin(self, articles: Sequence[Article], encoder: Encoder) -> None:
        """Begin with the counts that serve, or with none and an estimate of the average."""
        if self._goes_on:
            self.passages, self.length = self._goes_on.passages, self._goes_on.length
            for doc in served_docs(self._engine, self._goes_on, WORDS):
                self._words.update(json.loads(doc.data))
            if not self.drifts:
                self.mean = self._goes_on.mean
                return
        some = articles[:: max(1, len(articles) // _MEASURED)]
        lengths = [
            len(keyword_tokens(keyword_text(passage)))
            for article in some
            for passage in split_passages(article, encoder)
        ]
        self.mean = float(np.mean(lengths or [1])) or 1.0

    def tally(self, rows: Sequence[Row], sign: int) -> None:
        """Count passages, their lengths and their words in, or out with a `sign` of -1."""
        self.passages += sign * len(rows)
        self.length += sign * sum(row["length"] for row in rows)
        for row in rows:
            for word in json.loads(row["words"]):
                self._words[word] += sign

    def docs(self, articles: Sequence[Article], born: int) -> tuple[list[Row], list[Row]]:
        """Rows of documents that go, and of those that come.

        They hold in how many passages each word is, and how many articles outlets and days have.
        """
        words = +self._words
        self.buckets = 1 << (len(words) // _BUCKET_WORDS).bit_length()
        spread: list[dict[str, int]] = [{} for _ in range(self.buckets)]
        for word in sorted(words):
            spread[bucket(word, self.buckets)][word] = words[word]
        outlets = Counter(article.outlet for article in articles if article.outlet)
        days = Counter(str(day_of(a.published)) for a in articles if a.published)
        told = {(WORDS, number): json.dumps(part) for number, part in enumerate(spread)}
        told[STATS, 0] = json.dumps({"outlets": outlets, "days": days})
        gone: list[Row] = []
        for kind in (WORDS, STATS) if self._before else ():
            for doc in served_docs(self._engine, self._before, kind):
                if told.get((kind, doc.article)) == doc.data:
                    del told[kind, doc.article]
                else:
                    gone += doc.rows()
        fresh = [Doc(kind, number, born, data).rows() for (kind, number), data in told.items()]
        return gone, [row for rows in fresh for row in rows]


def served_docs(engine: Engine, serving: Serving | None, kind: int) -> Iterator[Doc]:
    """All documents of a kind that serve, at STRONG; none if nothing serves."""
    if serving is None:
        return
    name = engine.meta if kind in (STATS, WORDS) else engine.articles
    last = serving.buckets if kind == WORDS else serving.last
    where = f"({serving.visible}) and kind == {kind}"
    for rows in engine.scan(name, where, DOC, last):
        yield from docs_in(rows)
