"""From a question to the sentences that answer it, and how surely anything does.

Passages come from the index. Their sentences are scored for the question by signals that need no
language model; the best become evidence. The same signals say whether the articles address the
question at all.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from index import Article, Encoder, Hit, Index, Passage
from index.words import stems
from rag.addressed import addressed, may_hold, missing_terms
from rag.namesakes import is_of_namesake
from rag.of_time import narrowed_to, search_periods, time_weights
from rag.question import Question
from rag.reader import Reader, Reading
from rag.schema import Evidence, labelled
from rag.sentences import (
    asked_cell,
    folded,
    is_row,
    same_sentence,
    sentences_of,
    told,
    with_neighbours,
)
from rag.weighing import weighed
from rag.weights import logistic, model_weights, squash

#: Passages that are read for a question; of one article at most so many, so that each report gets
#: its say. The first articles' opening passages are read too: news puts the main facts there.
PASSAGES, PER_ARTICLE, LEADS = 10, 3, 5
#: Near-identical copies count as one article, but for what only one of them says. A sentence is
#: cited from at most so many of them.
COPIES = 20
#: Sentences that are compared by the encoder, and that are handed on as evidence.
COMPARED, SENTENCES = 28, 8
#: Added to a margin before it becomes a signal: the reader errs on the side of "no answer".
MARGIN_SHIFT = 2.0
#: The margin of a sentence in which the reader sees no word.
NO_MARGIN = -20.0
#: Rows of tables that are read by themselves.
ROWS = 6
#: What the reader's word counts for a row, and its margin, where the question names the row and
#: the column; set by hand.
LOOKED_UP, LOOKED_UP_MARGIN = 0.95, 6.0

SIGNALS = ("reader", "passage_answers", "cosine", "coverage", "context_coverage", "typed", "first")


@dataclass(frozen=True)
class Scored:
    """A sentence with its signals (see `SIGNALS`, each 0..1) and its score, 0..1, for the question.

    `span` is the reader's likeliest answer within it, as `[start, end)` of the article, and
    `margin` how far that is likelier than no answer at all (logits). `is_copy` if it is the
    sentence before it once more, from a copy of that article.
    """

    passage: Passage
    signals: tuple[float, ...]
    score: float
    span: tuple[int, int]
    margin: float
    is_copy: bool = False

    def signal(self, name: str) -> float:
        """One signal by its name."""
        return self.signals[SIGNALS.index(name)]


@dataclass(frozen=True)
class Found:
    """What was found for a question: sentences best first, and how surely they address it.

    A sentence is followed by the same one from near-identical copies, which takes no place of its
    own.

    `addressed` is 0..1; `missing` are names, numbers and quoted words of the question that no
    article found holds.
    """

    sentences: tuple[Scored, ...]
    nearest: tuple[Hit, ...]
    addressed: float
    missing: tuple[str, ...]

    def evidence(self, count: int = SENTENCES) -> tuple[Evidence, ...]:
        """The best sentences, labelled E1, E2, ..., each with its copies: as in `sentences`."""
        last = [n for n, s in enumerate(self.sentences) if not s.is_copy][count : count + 1]
        kept = self.sentences[: last[0]] if last else self.sentences
        return labelled(Hit(s.passage, s.score, n) for n, s in enumerate(kept, 1))


def find_evidence(
    question: Question,
    index: Index,
    reader: Reader,
    *,
    k: int = PASSAGES,
    per_article: int = PER_ARTICLE,
    **filters: Any,
) -> Found:
    """Search, score the sentences of the passages found, and weigh whether they answer."""
    hits = _hits(question, index, k, per_article, filters)
    scored = score_sentences(question, hits, index.encoder, reader)
    sentences = weighed(question, scored)
    articles = {h.passage.article.id: h.passage.article for h in hits}.values()
    missing = missing_terms(
        question, [a for a in articles if not is_of_namesake(question.names, a)]
    )
    surely = addressed(question, sentences, missing, reader)
    copies = partial(index.copies_of, **filters)
    return Found(with_copies(sentences, copies, index.articles), tuple(hits), surely, missing)


def _hits(
    question: Question, index: Index, k: int, per_article: int, filters: dict[str, Any]
) -> list[Hit]:
    """What is searched for a question; where it means a time, that time's reports first.

    They are searched by themselves, too, for they may be few among many.
    """
    found = index.search(question.text, 4 * k, **filters)
    periods = search_periods(question)
    if periods:
        within = [w for p in periods if (w := narrowed_to(p, filters))]
        weights = time_weights(question, [h.passage for h in found], [1 / h.rank for h in found])
        # A report without a day is judged by its sentences alone.
        dated = [h.passage.article.published is not None for h in found]
        weights = [w if known else 1.0 for w, known in zip(weights, dated, strict=True)]
        ranked = sorted(zip(found, weights, strict=True), key=lambda pair: pair[0].rank / pair[1])
        found = [hit for hit, _ in ranked]
        known = {h.passage for h in found}
        more = [h for w in within for h in index.search(question.text, k // 2, **w)]
        more = [h for h in more if h.passage not in known]
        found, k = [*found[:k], *more, *found[k:]], k + len(more)
    return _spread(found, k, per_article, index.cluster_of)


def _spread(
    hits: Sequence[Hit], k: int, per_article: int, cluster_of: Callable[[str], int]
) -> list[Hit]:
    """The best `k` hits, at most `per_article` of a report, and the first reports' openings.

    The best hit of each of the first reports is among them, however far behind the others.

    Near-identical copies are one report; of a passage that several have, the best hit is kept, and
    `with_copies` finds the others' sentences.
    """
    seen: Counter[int] = Counter()
    said: defaultdict[int, list[Hit]] = defaultdict(list)
    kept: list[Hit] = []
    openings: list[Hit] = []
    for hit in hits:
        report = cluster_of(hit.passage.article.id)
        if _is_repeated(hit, said[report]):
            continue
        seen[report] += 1
        is_new = seen[report] == 1 and len(seen) <= LEADS
        if is_new or (seen[report] <= per_article and len(kept) < k):
            kept.append(hit)
        elif hit.passage.start == 0:
            openings.append(hit)
        else:
            continue
        said[report].append(hit)
    first = list(dict.fromkeys(h.passage.article.id for h in kept))[:LEADS]
    return kept + [h for h in openings if h.passage.article.id in first]


def _is_repeated(hit: Hit, others: Sequence[Hit]) -> bool:
    """Whether copies of a hit's article have said all of its sentences."""
    copies = [other for other in others if other.passage.article != hit.passage.article]
    if not copies:
        return False
    said = {folded(s.text) for s in sentences_of(copies)}
    return all(folded(s.text) in said for s in sentences_of([hit]))


def with_copies(
    sentences: Sequence[Scored],
    copies_of: Callable[[str], Sequence[str]],
    articles: Mapping[str, Article],
) -> tuple[Scored, ...]:
    """Each sentence once, followed by the same one of at most `COPIES` near-identical copies.

    `copies_of` gives the IDs of an article's copies, itself perhaps among them.
    """
    known: dict[str, Sequence[str]] = {}
    done: set[Passage] = set()
    result: list[Scored] = []
    for sentence in sentences:
        passage = sentence.passage
        if passage in done:
            continue
        name = passage.article.id
        if name not in known:
            known[name] = [other for other in copies_of(name) if other != name][:COPIES]
        result.append(sentence)
        for other in known[name]:
            twin = same_sentence(passage, articles[other])
            if twin is not None and twin not in done:
                done.add(twin)
                away = twin.start - passage.start
                span = (sentence.span[0] + away, sentence.span[1] + away)
                result.append(replace(sentence, passage=twin, span=span, is_copy=True))
    return tuple(result)


def score_sentences(
    question: Question, hits: Sequence[Hit], encoder: Encoder, reader: Reader
) -> list[Scored]:
    """Every sentence of the hits' passages, once, best first."""
    readings = reader.read(question.text, [h.passage.text for h in hits])
    places = sentences_of(hits)
    weights = _term_weights(question, places)
    rows = _read_rows(question, places, weights, reader)
    drafts = [rows.get(p) or _without_cosine(question, p, hits, readings, weights) for p in places]
    drafts.sort(key=lambda s: -s.score)
    near = _cosines(question, [s.passage for s in drafts[:COMPARED]], encoder)
    compared = [_with_cosine(s, c) for s, c in zip(drafts, near, strict=False)]
    return sorted([*compared, *drafts[COMPARED:]], key=lambda s: -s.score)


def _without_cosine(
    question: Question,
    sentence: Passage,
    hits: Sequence[Hit],
    readings: Sequence[Reading],
    weights: dict[str, float],
) -> Scored:
    """A sentence scored by all signals but the encoder's, which costs the most and counts as 0."""
    rank, reading = _reading_of(sentence, hits, readings)
    margin, start, end = _span_in(reading, hits[rank].passage, sentence)
    return _drafted(question, sentence, (margin, start, end), reading.answers, rank, weights)


def _read_rows(
    question: Question, places: Sequence[Passage], weights: dict[str, float], reader: Reader
) -> dict[Passage, Scored]:
    """Those rows of tables that share most with the question, each read alone with its headers."""
    rows = [p for p in places if is_row(p)]
    rows.sort(key=lambda p: -_coverage(weights, stems(told(p))))
    kept = rows[:ROWS]
    texts = [told(p) for p in kept]
    scored = {}
    for row, text, reading in zip(kept, texts, reader.read(question.text, texts), strict=True):
        margin, start, end = reading.best_span(0, len(text)) or (NO_MARGIN, 0, 0)
        value, answers = text[start:end], reading.answers
        if cell := asked_cell(question.text, row):
            value, answers, margin = cell, LOOKED_UP, LOOKED_UP_MARGIN
        place = row.start + max(0, row.text.rfind(value))
        span = (margin, place, min(row.end, place + len(value)))
        scored[row] = _drafted(question, row, span, answers, 0, weights)
    return scored


def _drafted(
    question: Question,
    sentence: Passage,
    span: tuple[float, int, int],
    answers: float,
    rank: int,
    weights: dict[str, float],
) -> Scored:
    margin, start, end = span
    text = told(sentence)
    context = f"{sentence.article.title}\n{text}\n{with_neighbours(sentence).text}"
    signals = (
        squash((margin + MARGIN_SHIFT) / 4),
        answers,
        0.0,
        _coverage(weights, stems(text)),
        _coverage(weights, stems(context)),
        float(may_hold(question.asks, sentence.text)),
        1.0 / (1 + rank),
    )
    return Scored(sentence, signals, _score(signals), (start, end), margin)


def _with_cosine(sentence: Scored, cosine: float) -> Scored:
    place = SIGNALS.index("cosine")
    signals = (*sentence.signals[:place], cosine, *sentence.signals[place + 1 :])
    return replace(sentence, signals=signals, score=_score(signals))


def _score(signals: Sequence[float]) -> float:
    return logistic(model_weights()["sentence"], SIGNALS, signals)


def _cosines(question: Question, sentences: Sequence[Passage], encoder: Encoder) -> list[float]:
    if not sentences:
        return []
    vectors = encoder.encode([told(s) for s in sentences])
    return [max(0.0, float(v)) for v in vectors @ encoder.encode_query(question.text)]


# --- signals -----------------------------------------------------------------------------------


def _reading_of(
    sentence: Passage, hits: Sequence[Hit], readings: Sequence[Reading]
) -> tuple[int, Reading]:
    """Rank (from 0) and reading of the best hit that holds most of the sentence."""

    def shared(i: int) -> int:
        p = hits[i].passage
        same = p.article.id == sentence.article.id
        return min(p.end, sentence.end) - max(p.start, sentence.start) if same else -1

    place = max(range(len(hits)), key=shared)
    return place, readings[place]


def _span_in(reading: Reading, passage: Passage, sentence: Passage) -> tuple[float, int, int]:
    """The reader's likeliest answer inside the sentence: margin, start, end in the article."""
    at = passage.start
    best = reading.best_span(sentence.start - at, sentence.end - at)
    margin, start, end = best or (NO_MARGIN, sentence.start - at, sentence.end - at)
    return margin, start + at, end + at


def _term_weights(question: Question, sentences: Sequence[Passage]) -> dict[str, float]:
    """Stem -> weight: rare among the sentences found weighs more (inverse document frequency)."""
    seen = Counter(s for p in sentences for s in set(stems(told(p))))
    asked = set(stems(" ".join(question.terms))) or set(stems(question.text))
    return {s: math.log(1 + len(sentences) / (0.5 + seen[s])) for s in asked}


def _coverage(weights: dict[str, float], found: Iterable[str]) -> float:
    present = set(found)
    total = sum(weights.values())
    return sum(w for s, w in weights.items() if s in present) / total if total else 0.0
