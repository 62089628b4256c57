"""Verify an index in Milvus: all that the generation that serves holds, against itself.

It reads every article and every passage once, and has all articles in memory for the copies.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ..check import EMBEDDED_SAMPLE, LEAST_COSINE, SAMPLE, Checked
from ..chosen import agree
from ..copies import clusters_of
from ..encoder import Encoder
from ..engines import Address
from ..errors import IndexCorrupt
from ..passages import embedded_text, keyword_text
from ..records import Article
from .contents import MilvusContents, read
from .counts import served_docs
from .lease import is_being_written
from .rows import HEAD, WORDS, Row, hashes_of, number_of

_SLACK = 1e-3
_LEFT = "rows are left over by a build that was stopped; the next one removes them"


def check(address: Address, encoder: Encoder) -> Checked:
    """Check the generation that serves; changes nothing, and a writer may be at work.

    Raises what `contents.read` does.
    """
    generation = read(address, patient=True)
    contents = generation.contents
    same = agree(encoder.fingerprint, contents.fingerprint)
    try:
        problems = [*_left_over(contents), *_wrong(contents, encoder if same else None)]
    except IndexCorrupt as error:
        return Checked((str(error),), "no more than this")
    told = (
        f"generation {generation.number}: {len(contents.articles)} articles, "
        f"{len(contents.passages)} passages"
    )
    if not same:
        told += f"; nothing embedded anew, since {contents.fingerprint} made it"
    return Checked(tuple(problems), told)


def _left_over(contents: MilvusContents) -> Iterator[str]:
    engine, serving = contents.engine, contents.serving
    if is_being_written(engine):
        return
    names = [engine.passages(serving.dim), engine.articles, engine.meta]
    unseen = f"born > {serving.generation}"
    if serving.never:
        unseen += f" or born in {list(serving.never)}"
    if left := sum(engine.count(name, unseen) for name in names):
        yield f"{engine.address}: {left} {_LEFT}"


def _wrong(contents: MilvusContents, encoder: Encoder | None) -> Iterator[str]:
    articles: dict[int, Article] = {}
    broken = False
    for place, article in _articles(contents):
        articles[place] = article
        head = contents.articles.head(place)[2]
        if (head.id, head.whole) != (article.id, hashes_of(article)[0]):
            broken = True
            yield f"article {article.id} is not what was written"
    if len(articles) != len(contents.articles):
        yield f"{len(articles)} articles are there, not {len(contents.articles)}"
    rows = [row for some in contents.passages.scan() for row in some]
    if len(rows) != len(contents.passages):
        yield f"{len(rows)} passages are there, not {len(contents.passages)}"
    held = {row["article"] for row in rows}
    for place in articles.keys() ^ held:
        yield f"article at {place}: is without passages, or its passages without it"
    for row in rows:
        its = articles.get(row["article"])
        if its and not 0 <= row["start"] < row["end"] <= len(its.text):
            broken = True
            yield f"passage {row['pk']}: lies outside its article"
    if broken or len(articles) != len(contents.articles) or articles.keys() != held:
        return
    yield from _wrong_counts(contents, rows)
    yield from _wrong_copies(contents, articles)
    yield from _not_found(contents, rows, encoder)


def _articles(contents: MilvusContents) -> Iterator[tuple[int, Article]]:
    for doc in served_docs(contents.engine, contents.serving, HEAD):
        yield doc.article, contents.articles[doc.article]


def _wrong_counts(contents: MilvusContents, rows: Sequence[Row]) -> Iterator[str]:
    words = Counter(word for row in rows for word in json.loads(row["words"]))
    told: Counter[str] = Counter()
    for doc in served_docs(contents.engine, contents.serving, WORDS):
        told.update(json.loads(doc.data))
    if words != told:
        differ = sum(words[w] != told[w] for w in words.keys() | told.keys())
        yield f"the counts of {differ} words are not those of the passages"
    if sum(row["length"] for row in rows) != contents.serving.length:
        yield "the length of all passages is not what was written"


def _wrong_copies(contents: MilvusContents, articles: dict[int, Article]) -> Iterator[str]:
    places = sorted(articles)
    originals = clusters_of([articles[place] for place in places])
    for place, original in zip(places, originals, strict=True):
        if contents.copies.original_of(place) != places[original]:
            yield f"article {articles[place].id} is put with other copies than its own"


def _not_found(
    contents: MilvusContents, rows: Sequence[Row], encoder: Encoder | None
) -> Iterator[str]:
    """Search for some passages by their own vectors and words, and embed a few anew."""
    numbers = sorted(map(number_of, rows))
    some = [numbers[n] for n in _spread(len(numbers), SAMPLE)]
    vectors = contents.vectors.of(some)
    for number, vector in zip(some, vectors, strict=True):
        nearest = contents.vectors.search(vector, 1)
        # Another passage may say the same: something as near as itself must be found.
        if not nearest or nearest[0][1] < float(vector @ vector) - _SLACK:
            yield f"passage {number} is not found by its own vector"
        if contents.keywords.lacks(number, keyword_text(contents.passages[number])):
            yield f"passage {number} is not listed under all of its words"
    if encoder is None or not some:
        return
    few = _spread(len(some), EMBEDDED_SAMPLE)
    texts = [embedded_text(contents.passages[some[n]], encoder) for n in few]
    cosines = (encoder.encode(texts) * vectors[few]).sum(axis=1)
    for n, cosine in zip(few, cosines.tolist(), strict=True):
        # Written so that NaN fails it, too.
        if not cosine >= LEAST_COSINE:
            yield f"vector {some[n]} is not that of its passage (cosine {cosine:.3f})"


def _spread(count: int, wanted: int) -> list[int]:
    """Some of `count` numbers, evenly over all, the first and the last among them."""
    return sorted({int(n) for n in np.linspace(0, count - 1, min(count, wanted))})
