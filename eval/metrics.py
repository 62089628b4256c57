"""What the harness measures: a score for each question, and figures over many.

Nothing here asks a model, and nothing is shared with the checks that an answer passed on its way:
each figure is counted anew from the answer, the gold question and the articles' text. What can't
be computed is None and left out of every mean, never 0.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eval.gold import KINDS, GoldQuestion
from index.records import Article
from rag.schema import Answer, Citation, Claim

RESAMPLES = 5000
SEED = 20251122

#: Typographic quotation marks -> the straight ones.
_STRAIGHT = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    }
)
#: From a double mark to the next one, or to the sentence's end where there is none.
_DOUBLE = re.compile(r'"([^"]*)(?:"|$)')
#: Single marks that stand outside words, so that "the minister's" and "in the '90s" don't count.
_SINGLE = re.compile(r"(?<!\w)'(?!\d\ds\b)(?=\S)(.+?)(?<=\S)'(?!\w)")


@dataclass(frozen=True)
class Found:
    """`hits` of `of`, and the names of those that were not hit; `of` is at least 1."""

    hits: int
    of: int
    missed: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Hits of all, 0..1, higher is better."""
        return self.hits / self.of


@dataclass(frozen=True)
class QuestionScore:
    """What one question got; None wherever there is nothing to measure.

    `nuggets` are those in the answer's text or its valid citations' quotes, `nuggets_in_text` those
    in its text alone; both None where the question isn't answerable. `must_cite` counts groups
    with a cited article; `may_cite` counts the cited articles that may be. `valid_citations` counts
    citations, of claims and of the ledger, that name an article and a span whose words they quote.
    `unverbatim` holds the claims with words in quotation marks that no article they cite has.
    `forbidden` holds the wordings of a wrong answer that it has. `words` are those of the claims.
    `answer_type` is what the system took the question to ask for, None for no typed value;
    `short_answer` says whether the first claim but for a
    difference, if it is a span, holds a nugget. `refused` counts
    drafted sentences that weren't shown, by reason. `memory_mb` is the process's highest resident
    memory so far, in 10^6 bytes.
    """

    id: str
    kind: str
    answerable: bool
    outcome: Literal["answered", "declined", "failed"]
    nuggets: Found | None = None
    nuggets_in_text: Found | None = None
    must_cite: Found | None = None
    may_cite: Found | None = None
    valid_citations: Found | None = None
    unverbatim: tuple[str, ...] | None = None
    forbidden: tuple[str, ...] | None = None
    words: int | None = None
    answer_type: str | None = None
    short_answer: bool | None = None
    refused: Mapping[str, int] | None = None
    seconds: float | None = None
    memory_mb: float | None = None
    error: str | None = None

    @property
    def right_outcome(self) -> bool:
        """Answered where the question is answerable, declined where it isn't."""
        return self.outcome == ("answered" if self.answerable else "declined")


def score(
    gold: GoldQuestion,
    answer: Answer,
    articles: Mapping[str, Article],
    *,
    seconds: float | None = None,
    memory_mb: float | None = None,
) -> QuestionScore:
    """Score `answer` against `gold`; `articles` is what the citations are held against.

    Declining an answerable question finds 0 of its nuggets and groups, and leaves the share of
    right citations unknown.
    """
    answered = answer.outcome == "answered"
    claims = answer.claims if answered else ()
    texts = [claim.text for claim in claims]
    shown = [*texts, *_valid_quotes(claims, articles)]
    cited = dict.fromkeys(c.article_id for claim in claims for c in claim.citations)
    return QuestionScore(
        id=gold.id,
        kind=gold.kind,
        answerable=gold.answerable,
        outcome=answer.outcome,
        nuggets=_nuggets(gold, shown),
        nuggets_in_text=_nuggets(gold, texts),
        must_cite=_must_cite(gold, cited),
        may_cite=_found({name: name in gold.may_cite for name in cited}.items()),
        valid_citations=_validity(answer, articles),
        unverbatim=_unverbatim(claims, articles) if answered else None,
        forbidden=_forbidden(gold, shown) if answered else None,
        words=sum(len(text.split()) for text in texts) if answered else None,
        answer_type=answer.trace.get("answer_type"),
        short_answer=_short_answer(gold, claims),
        refused=dict(Counter(r.reason for r in answer.rejected)),
        seconds=seconds,
        memory_mb=memory_mb,
    )


def score_failure(
    gold: GoldQuestion,
    error: str,
    *,
    seconds: float | None = None,
    memory_mb: float | None = None,
) -> QuestionScore:
    """The score where no answer came: wrong, with 0 of the nuggets and groups."""
    return QuestionScore(
        id=gold.id,
        kind=gold.kind,
        answerable=gold.answerable,
        outcome="failed",
        nuggets=_nuggets(gold, ()),
        nuggets_in_text=_nuggets(gold, ()),
        must_cite=_must_cite(gold, ()),
        seconds=seconds,
        memory_mb=memory_mb,
        error=error,
    )


def fold(text: str) -> str:
    """`text` with runs of white space as one space and typographic quotation marks as straight."""
    return " ".join(text.translate(_STRAIGHT).split())


def holds(text: str, wording: str) -> bool:
    """Whether `wording` occurs in `text`, regardless of case, white space and kind of marks.

    It must begin where a word begins, but may end within one ("crete" is in "Crete's", not in
    "concrete"), and a number must be the whole number: "5 hours" is not in "2.5 hours", nor
    "10" in "10,022".
    """
    words = fold(wording).casefold()
    pattern = re.escape(words)
    if words[:1].isalnum():
        pattern = r"(?<!\w)" + pattern
    if words[:1].isdigit():
        pattern = r"(?<!\d[.,])" + pattern
    if words[-1:].isdigit():
        pattern += r"(?!\d|[.,]\d)"
    return re.search(pattern, fold(text).casefold()) is not None


def quoted_words(text: str) -> list[str]:
    """The words within quotation marks, folded; an unclosed double mark runs to the end."""
    straight = fold(text)
    found = [match[1].strip() for match in _DOUBLE.finditer(straight)]
    found += [match[1] for match in _SINGLE.finditer(_DOUBLE.sub(" ", straight))]
    return [words for words in found if any(c.isalnum() for c in words)]


def citation_fault(citation: Citation, articles: Mapping[str, Article]) -> str | None:
    """Why a citation isn't valid, in a few words; None if it is."""
    start, end = citation.start, citation.end
    article = articles.get(citation.article_id)
    if article is None:
        return f"{citation.article_id}: no such article"
    # A negative start would count from the end of the text and quote something.
    if not 0 <= start < end <= len(article.text):
        return f"{citation.article_id}: no span {start}-{end}"
    if not citation.quote.strip():
        return f"{citation.article_id}: no words at {start}-{end}"
    if citation.quote != article.text[start:end]:
        return f"{citation.article_id}: other words at {start}-{end}"
    return None


def _valid_quotes(claims: Iterable[Claim], articles: Mapping[str, Article]) -> list[str]:
    citations = [c for claim in claims for c in claim.citations]
    return [c.quote for c in citations if citation_fault(c, articles) is None]


def _found(hits: Iterable[tuple[str, bool]]) -> Found | None:
    """Of (name, hit) pairs; None of none."""
    pairs = list(hits)
    missed = tuple(name for name, hit in pairs if not hit)
    return Found(len(pairs) - len(missed), len(pairs), missed) if pairs else None


def _nuggets(gold: GoldQuestion, texts: Sequence[str]) -> Found | None:
    if not gold.answerable:
        return None
    return _found((wordings[0], _any_holds(texts, wordings)) for wordings in gold.nuggets)


def _any_holds(texts: Iterable[str], wordings: Sequence[str]) -> bool:
    # Text by text: a wording must not be put together from the end of one and the start of another.
    return any(holds(text, wording) for text in texts for wording in wordings)


def _must_cite(gold: GoldQuestion, cited: Iterable[str]) -> Found | None:
    if not gold.answerable:
        return None
    ids = set(cited)
    return _found(("|".join(group), not ids.isdisjoint(group)) for group in gold.must_cite)


def _validity(answer: Answer, articles: Mapping[str, Article]) -> Found | None:
    citations = [c for claim in answer.claims for c in claim.citations]
    citations += [c for row in answer.ledger for c in row.citations]
    faults = [citation_fault(c, articles) for c in citations]
    return _found((fault or "", fault is None) for fault in faults)


def _unverbatim(claims: Iterable[Claim], articles: Mapping[str, Article]) -> tuple[str, ...]:
    return tuple(claim.text for claim in claims if not _is_verbatim(claim, articles))


def _is_verbatim(claim: Claim, articles: Mapping[str, Article]) -> bool:
    quotes = quoted_words(claim.text)
    if not quotes:
        return True
    cited = {c.article_id for c in claim.citations}
    texts = [fold(articles[name].text) for name in cited if name in articles]
    return all(any(quote in text for text in texts) for quote in quotes)


def _forbidden(gold: GoldQuestion, texts: Sequence[str]) -> tuple[str, ...] | None:
    if not gold.forbid:
        return None
    return tuple(wording for wording in gold.forbid if _any_holds(texts, [wording]))


def _short_answer(gold: GoldQuestion, claims: Sequence[Claim]) -> bool | None:
    # What reports differ in is said before the values; the first of these is the short answer.
    first = next((claim for claim in claims if claim.kind != "difference"), None)
    if not gold.answerable or first is None or first.kind != "span":
        return None
    return any(_any_holds([first.text], wordings) for wordings in gold.nuggets)


@dataclass(frozen=True)
class Measure:
    """A figure over many questions: what of each question counts, and how it is put together.

    `better` is the direction: a bar on a "higher" figure is a lower bound, one on a "lower" figure
    an upper bound; None is for figures that only describe. A share is 0..1.
    """

    name: str
    title: str
    unit: Literal["share", "count", "words", "seconds", "MB"]
    better: Literal["higher", "lower"] | None
    combine: Literal["mean", "median", "sum", "max"]
    value: Callable[[QuestionScore], float | None]


def _share(name: str) -> Callable[[QuestionScore], float | None]:
    def value(row: QuestionScore) -> float | None:
        found: Found | None = getattr(row, name)
        return None if found is None else found.share

    return value


def _if(condition: bool, value: float | None) -> float | None:
    return value if condition else None


MEASURES = (
    Measure(
        "right_outcome",
        "answered or declined as it should be",
        "share",
        "higher",
        "mean",
        lambda row: float(row.right_outcome),
    ),
    Measure(
        "declined_right",
        "unanswerable questions declined",
        "share",
        "higher",
        "mean",
        lambda row: _if(not row.answerable, float(row.outcome == "declined")),
    ),
    # A failure counts: else a system that breaks would seem to decline less than one that declines.
    Measure(
        "declined_wrong",
        "answerable questions left unanswered",
        "share",
        "lower",
        "mean",
        lambda row: _if(row.answerable, float(row.outcome != "answered")),
    ),
    Measure(
        "declined",
        "questions declined",
        "share",
        None,
        "mean",
        lambda row: float(row.outcome == "declined"),
    ),
    Measure(
        "nuggets",
        "nuggets found, in the text or its quotes",
        "share",
        "higher",
        "mean",
        _share("nuggets"),
    ),
    Measure(
        "nuggets_in_text",
        "nuggets found in the text alone",
        "share",
        "higher",
        "mean",
        _share("nuggets_in_text"),
    ),
    Measure(
        "short_answer",
        "short answer right, of typed questions",
        "share",
        "higher",
        "mean",
        lambda row: _if(row.answerable and bool(row.answer_type), float(row.short_answer is True)),
    ),
    Measure(
        "short_answer_given",
        "short answer right, of those given",
        "share",
        "higher",
        "mean",
        lambda row: None if row.short_answer is None else float(row.short_answer),
    ),
    Measure(
        "forbidden",
        "answers that hold a wrong wording",
        "share",
        "lower",
        "mean",
        lambda row: None if row.forbidden is None else float(bool(row.forbidden)),
    ),
    Measure(
        "must_cite",
        "groups of articles cited that must be",
        "share",
        "higher",
        "mean",
        _share("must_cite"),
    ),
    Measure(
        "may_cite",
        "cited articles that support the answer",
        "share",
        "higher",
        "mean",
        _share("may_cite"),
    ),
    Measure(
        "valid_citations",
        "citations with a real article and span",
        "share",
        "higher",
        "mean",
        _share("valid_citations"),
    ),
    Measure(
        "unverbatim",
        "sentences whose quoted words aren't there",
        "count",
        "lower",
        "sum",
        lambda row: None if row.unverbatim is None else len(row.unverbatim),
    ),
    Measure(
        "refused",
        "drafted sentences refused, per question",
        "count",
        None,
        "mean",
        lambda row: None if row.refused is None else sum(row.refused.values()),
    ),
    Measure(
        "words",
        "words in an answer's text, median",
        "words",
        "lower",
        "median",
        lambda row: row.words,
    ),
    Measure(
        "seconds",
        "seconds per question, median",
        "seconds",
        "lower",
        "median",
        lambda row: row.seconds,
    ),
    Measure(
        "memory_mb", "highest resident memory, MB", "MB", "lower", "max", lambda row: row.memory_mb
    ),
    Measure(
        "failed",
        "questions that failed with an error",
        "count",
        "lower",
        "sum",
        lambda row: float(row.outcome == "failed"),
    ),
)
#: The figures that a bar can be set on, by name.
BARS = {measure.name: measure for measure in MEASURES if measure.better}


@dataclass(frozen=True)
class Figure:
    """A value over `n` questions and its 95 % interval, in its measure's unit.

    `value` is None where `n` is 0; `low` and `high` are None where no interval can be had: of
    fewer than two questions, of sums and of maxima.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Summary:
    """The figures over `n` questions by measure, and the same for each kind among them.

    `refused` counts the drafted sentences that weren't shown, by reason, the most frequent first.
    """

    n: int
    figures: Mapping[str, Figure]
    refused: Mapping[str, int]
    kinds: Mapping[str, Summary] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def summarise(scores: Sequence[QuestionScore]) -> Summary:
    """The figures over all questions and over each kind.

    Shares are means over questions, so that a question with many nuggets weighs as much as one
    with a single one. Intervals are percentile bootstrap ones over questions (Efron and Tibshirani
    1993, chapter 13), seeded: the same scores give the same intervals. They say nothing about
    other articles, and are too narrow where all questions agree.
    """
    rows = {kind: [row for row in scores if row.kind == kind] for kind in KINDS}
    kinds = {kind: _summary(found) for kind, found in rows.items() if found}
    return _summary(scores, kinds)


def _summary(
    scores: Sequence[QuestionScore], kinds: Mapping[str, Summary] | None = None
) -> Summary:
    refused: Counter[str] = Counter()
    for row in scores:
        refused.update(row.refused or {})
    figures = {m.name: figure(m.combine, map(m.value, scores)) for m in MEASURES}
    return Summary(len(scores), figures, dict(refused.most_common()), kinds or {})


def figure(
    combine: Literal["mean", "median", "sum", "max"], values: Iterable[float | None]
) -> Figure:
    """The mean, median, sum or highest of `values`, those that are None left out."""
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if not known.size:
        return Figure(None, None, None, 0)
    value = float(_COMBINE[combine](known))
    if known.size < 2 or combine in ("sum", "max"):
        return Figure(value, None, None, known.size)
    drawn = np.random.default_rng(SEED).integers(0, known.size, (RESAMPLES, known.size))
    low, high = np.percentile(_COMBINE[combine](known[drawn], axis=1), (2.5, 97.5))
    return Figure(value, float(low), float(high), known.size)


_COMBINE: dict[str, Callable[..., NDArray[np.float64]]] = {
    "mean": np.mean,
    "median": np.median,
    "sum": np.sum,
    "max": np.max,
}


def misses(summary: Summary, bars: Mapping[str, float]) -> Iterator[str]:
    """One line for each bar that isn't met; a figure that couldn't be measured meets none.

    `bars` is by name, one of `BARS`, in the measure's unit.
    """
    for name, bar in bars.items():
        value = summary.figures[name].value
        upper = BARS[name].better == "lower"
        if value is None or math.isnan(value):
            yield f"{name} was not measured: no question has it (bar {bar:g})"
        # The last bit of a mean (0.7999999999999999 of 0.8) must not fail a bar.
        elif value > bar + 1e-9 if upper else value < bar - 1e-9:
            yield f"{name} is {value:.4g}, {'over' if upper else 'under'} the bar of {bar:g}"
