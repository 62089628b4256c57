"""From a question to the sentences that answer it, and how surely anything does.

Passages come from the index. Their sentences are scored for the question by signals that need no
language model; the best become evidence. The same signals say whether the articles address the
question at all.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import resources
from typing import Any

from index import Article, Encoder, Hit, Index, Passage
from index.language import sentence_spans
from index.records import CUT
from index.words import stems, words
from rag.dates import find_dates, same_date
from rag.question import Question
from rag.reader import Reader, Reading
from rag.schema import Evidence
from rag.timing import asked_times, fits_time
from rag.values import find_quantities

#: Passages that are read for a question; of one article at most so many, so that each report gets
#: its say. The first articles' opening passages are read too: news puts the main facts there.
PASSAGES, PER_ARTICLE, LEADS = 10, 3, 5
#: Near-identical copies count as one article, but for what only one of them says. A sentence is
#: cited from at most so many of them.
COPIES = 20
#: Sentences that are compared by the encoder, and that are handed on as evidence.
COMPARED, SENTENCES = 28, 8
#: Sentences that share one quotation are kept together up to this many words.
UNIT_WORDS = 60
#: Added to a margin before it becomes a signal: the reader errs on the side of "no answer".
MARGIN_SHIFT = 2.0
#: What a sentence on another time than the one asked about keeps of its score, and loses of its
#: margin (logits); set by hand.
OTHER_TIME, OTHER_TIME_MARGIN = 0.3, 4.0
#: Fewer letters than this of a name must agree for "Turkish" to stand for "Turkey".
_STEM_LETTERS = 4
#: A capital letter that does not begin a sentence.
_CAPITALISED = re.compile(r"(?<![.!?“\"] )(?<!^)\b[A-Z][\w’'-]+")
_STRAIGHT = str.maketrans("“”„‘’", '"""\'\'')

SIGNALS = ("reader", "passage_answers", "cosine", "coverage", "context_coverage", "typed", "first")
#: What says whether the question is answered at all, each 0..1 but the margin: logits / 10.
#: Of the best sentence: the reader's word for its passage and for it alone, its cosine, how far
#: it and its neighbours cover the question, and whether it holds a value of the type asked for.
#: Of any: the reader's word for one of the `REREAD` best with its neighbours, the cosine, the
#: margin. And the share of the question's names, numbers and dates that no article found holds.
ADDRESS_SIGNALS = (
    "passage_answers",
    "alone_answers",
    "context_answers",
    "cosine",
    "best_cosine",
    "context_coverage",
    "typed",
    "best_margin",
    "missing_share",
)
#: Best sentences that are read once more, by themselves and with their neighbours.
REREAD = 4


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
        return _labelled([s.passage for s in kept], kept)


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
    hits = _spread(index.search(question.text, 4 * k, **filters), k, per_article, index.cluster_of)
    sentences = in_time(question, score_sentences(question, hits, index.encoder, reader))
    missing = missing_terms(question, [h.passage.article for h in hits])
    surely = addressed(question, sentences, missing, reader)
    copies = partial(index.copies_of, **filters)
    return Found(with_copies(sentences, copies, index.articles), tuple(hits), surely, missing)


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
    said = {_folded(s.text) for s in _sentences_of(copies)}
    return all(_folded(s.text) in said for s in _sentences_of([hit]))


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
            twin = _same_sentence(passage, articles[other])
            if twin is not None and twin not in done:
                done.add(twin)
                away = twin.start - passage.start
                span = (sentence.span[0] + away, sentence.span[1] + away)
                result.append(replace(sentence, passage=twin, span=span, is_copy=True))
    return tuple(result)


def _same_sentence(sentence: Passage, article: Article) -> Passage | None:
    """The sentence of another article that is the same but for white space and quotation marks."""
    wanted = _folded(sentence.text)
    for start, end in _spans(article):
        if end - start == len(wanted) and _folded(article.text[start:end]) == wanted:
            return Passage(article, start, end)
    return None


def _folded(text: str) -> str:
    """`text` with straight quotation marks and plain spaces, as long as it was."""
    return re.sub(r"\s", " ", text.translate(_STRAIGHT))


def score_sentences(
    question: Question, hits: Sequence[Hit], encoder: Encoder, reader: Reader
) -> list[Scored]:
    """Every sentence of the hits' passages, once, best first."""
    readings = reader.read(question.text, [h.passage.text for h in hits])
    places = _sentences_of(hits)
    weights = _term_weights(question, places)
    drafts = [_without_cosine(question, p, hits, readings, weights) for p in places]
    drafts.sort(key=lambda s: -s.score)
    near = _cosines(question, [s.passage for s in drafts[:COMPARED]], encoder)
    compared = [_with_cosine(s, c) for s, c in zip(drafts, near, strict=False)]
    return sorted([*compared, *drafts[COMPARED:]], key=lambda s: -s.score)


def in_time(question: Question, sentences: Sequence[Scored]) -> list[Scored]:
    """The sentences with less of a score where they speak of another time than the question."""
    times = asked_times(question)
    timed = [
        s
        if fits_time(times, s.passage.text, s.passage.article)
        else replace(s, score=s.score * OTHER_TIME, margin=s.margin - OTHER_TIME_MARGIN)
        for s in sentences
    ]
    return sorted(timed, key=lambda s: -s.score)


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
    signals = (
        _squash((margin + MARGIN_SHIFT) / 4),
        reading.answers,
        0.0,
        _coverage(weights, stems(sentence.text)),
        _coverage(weights, stems(_context(sentence))),
        float(may_hold(question.asks, sentence.text)),
        1.0 / (1 + rank),
    )
    score = logistic(model_weights()["sentence"], SIGNALS, signals)
    return Scored(sentence, signals, score, (start, end), margin)


def _with_cosine(sentence: Scored, cosine: float) -> Scored:
    place = SIGNALS.index("cosine")
    signals = (*sentence.signals[:place], cosine, *sentence.signals[place + 1 :])
    return replace(
        sentence, signals=signals, score=logistic(model_weights()["sentence"], SIGNALS, signals)
    )


def _cosines(question: Question, sentences: Sequence[Passage], encoder: Encoder) -> list[float]:
    if not sentences:
        return []
    vectors = encoder.encode([s.text for s in sentences])
    return [max(0.0, float(v)) for v in vectors @ encoder.encode_query(question.text)]


def addressed(
    question: Question, sentences: Sequence[Scored], missing: Sequence[str], reader: Reader
) -> float:
    """0..1: how surely the best sentence found answers the question; 0 where none was found."""
    if not sentences:
        return 0.0
    signals = address_signals(question, sentences, missing, reader)
    return logistic(address_weights(question), ADDRESS_SIGNALS, signals)


def is_addressed(question: Question, found: Found) -> bool:
    """Whether what was found answers surely enough to be shown.

    A question that asks for a value has weights and a threshold of its own: a wrong value misleads
    more than a sentence that is quoted whole.
    """
    return found.addressed >= address_weights(question)["threshold"]


def address_weights(question: Question) -> dict[str, float]:
    """The weights of "addressed" for questions of this kind."""
    typed = question.asks in {"amount", "time", "name"}
    return model_weights()["addressed_typed" if typed else "addressed_open"]


def may_hold(asks: str, text: str) -> bool:
    """Whether a text has anything of the kind asked for: a number, a day, a name; else False."""
    if asks == "amount":
        return bool(find_quantities(text))
    if asks == "time":
        return bool(find_dates(text))
    return asks == "name" and _CAPITALISED.search(text) is not None


def address_signals(
    question: Question, sentences: Sequence[Scored], missing: Sequence[str], reader: Reader
) -> tuple[float, ...]:
    """`ADDRESS_SIGNALS`; the reader looks once more at the best sentences."""
    best, top = sentences[0], [s.passage for s in sentences[:REREAD]]
    alone, *wide = reader.read(
        question.text, [top[0].text, *(with_neighbours(p).text for p in top)]
    )
    named = len(question.names) + len(question.numbers) + len(question.dates)
    return (
        best.signal("passage_answers"),
        alone.answers,
        max(reading.answers for reading in wide),
        best.signal("cosine"),
        max(s.signal("cosine") for s in sentences),
        best.signal("context_coverage"),
        best.signal("typed"),
        max(s.margin for s in sentences) / 10,
        len(missing) / named if named else 0.0,
    )


def missing_terms(question: Question, articles: Iterable[Article]) -> tuple[str, ...]:
    """Names, numbers, dates and quoted words of the question that none of the articles holds."""
    texts = list({a.id: f"{a.title}\n{a.text}" for a in articles}.values())
    published = [a.published for a in articles if a.published]
    present = {w for text in texts for w in words(text)}
    heads = {w[:_STEM_LETTERS] for w in present}
    lost = [
        name
        for name in question.names
        if not any(
            w in present or (len(w) > _STEM_LETTERS and w[:_STEM_LETTERS] in heads)
            for w in words(name)
            if not w.isdigit()
        )
    ]
    dates = [d for text in texts for d in find_dates(text)]
    dates += [d for day in published for d in find_dates(day)]
    lost += [
        question.text[d.start : d.end]
        for d in question.dates
        if not any(same_date(d, other) for other in dates)
    ]
    lost += [n for n in question.numbers if not all(w in present for w in words(n))]
    folded = " ".join(" ".join(texts).lower().split())
    lost += [q for q in question.quoted if q.lower() not in folded]
    return tuple(dict.fromkeys(lost))


# --- signals -----------------------------------------------------------------------------------


@lru_cache(maxsize=2048)
def _spans(article: Article) -> tuple[tuple[int, int], ...]:
    """The article's sentences; those that share a quotation are one, up to `UNIT_WORDS`."""
    units: list[tuple[int, int]] = []
    for start, end in sentence_spans(article.text):
        text = article.text
        if units and _continues(
            text[units[-1][0] : units[-1][1]], text[units[-1][1] : start], text[start:end]
        ):
            units[-1] = (units[-1][0], end)
        else:
            units.append((start, end))
    return tuple(units)


def _continues(before: str, gap: str, sentence: str) -> bool:
    """Whether a sentence goes on with, or stands wholly in, the quotation of the unit before it."""
    if "\n" in gap or len(before.split()) + len(sentence.split()) > UNIT_WORDS:
        return False
    if _open_quote(before):
        return True
    wholly_quoted = (
        sentence[0] in '"“'
        and sentence.rstrip()[-1] in '"”'
        and not re.search(r"[,?!][\"”]\s", sentence)
    )
    return wholly_quoted and bool(re.search(r"[\"”]", before))


def _open_quote(text: str) -> bool:
    return text.count("“") > text.count("”") or text.count('"') % 2 == 1


def _is_title(sentence: Passage) -> bool:
    """Whether a sentence is the headline: an opening paragraph that serves as title is none."""
    title = sentence.article.title
    return not title.endswith((CUT, ".")) and sentence.text.strip() in title


def _sentences_of(hits: Sequence[Hit]) -> list[Passage]:
    """The sentences that the hits' passages hold or touch, once each, without headlines."""
    found: dict[tuple[str, int], Passage] = {}
    for p in (hit.passage for hit in hits):
        for start, end in _spans(p.article):
            sentence = Passage(p.article, start, end)
            if start < p.end and end > p.start and any(c.isalnum() for c in sentence.text):
                found.setdefault((p.article.id, start), sentence)
    # A headline is no sentence of the report, unless there is nothing else.
    return [s for s in found.values() if not _is_title(s)] or list(found.values())


def with_neighbours(sentence: Passage) -> Passage:
    """The sentence with the one before it and the one after it."""
    spans = _spans(sentence.article)
    place = next(i for i, (start, _) in enumerate(spans) if start == sentence.start)
    first, last = spans[max(0, place - 1)], spans[min(len(spans) - 1, place + 1)]
    return Passage(sentence.article, first[0], last[1])


def _labelled(passages: Sequence[Passage], scores: Sequence[Scored]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"E{n}", Hit(passage, scored.score, n))
        for n, (passage, scored) in enumerate(zip(passages, scores, strict=False), 1)
    )


def _context(sentence: Passage) -> str:
    return f"{sentence.article.title}\n{with_neighbours(sentence).text}"


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
    best = reading.best_span(sentence.start - passage.start, sentence.end - passage.start)
    if best is None:
        return (-20.0, sentence.start, sentence.end)
    margin, start, end = best
    return margin, start + passage.start, end + passage.start


def _term_weights(question: Question, sentences: Sequence[Passage]) -> dict[str, float]:
    """Stem -> weight: rare among the sentences found weighs more (inverse document frequency)."""
    seen = Counter(s for p in sentences for s in set(stems(p.text)))
    asked = set(stems(" ".join(question.terms))) or set(stems(question.text))
    return {s: math.log(1 + len(sentences) / (0.5 + seen[s])) for s in asked}


def _coverage(weights: dict[str, float], found: Iterable[str]) -> float:
    present = set(found)
    total = sum(weights.values())
    return sum(w for s, w in weights.items() if s in present) / total if total else 0.0


def _squash(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


def logistic(model: dict[str, float], names: Sequence[str], values: Sequence[float]) -> float:
    """0..1 from a logistic model's weights by name, and its "bias"."""
    return _squash(model["bias"] + sum(model[n] * v for n, v in zip(names, values, strict=True)))


@lru_cache(maxsize=1)
def model_weights() -> dict[str, dict[str, float]]:
    """The logistic weights of `rag/evidence.json`, by model name."""
    text = resources.files("rag").joinpath("evidence.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, float]] = json.loads(text)
    return loaded
