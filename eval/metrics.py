"""What the harness measures: a score for each question, and figures over many, in three tables.

Nothing here asks a model but the judge that is passed in, and nothing is shared with the checks
that an answer passed on its way: each figure is counted anew from the answer, the gold question and
the articles' text. What can't be computed is left out of every mean and counted, never 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from typing import Any, Literal

from eval import answers, grounding, retrieval
from eval.answers import RiskCoverage, cells_of, confidence_of, risk_coverage, says_difference
from eval.figures import Figure, Measure, draws_of, figure, places_of
from eval.gold import KINDS, GoldQuestion
from eval.grounding import CopiesOf, copies_per_report, verdicts_of
from eval.judging import Case, DeterministicJudge, Grade, Judge
from eval.retrieval import PassagesOf, retrieval_scores
from eval.scores import Found, QuestionScore
from eval.wording import any_holds, citation_fault, is_verbatim, valid_quotes
from index.records import Article, Passage
from rag.schema import Answer, Claim


@dataclass(frozen=True)
class Material:
    """What answers are held against: the articles, a judge, and what the index knows of them.

    Without `copies_of` or `passages_of`, what needs them is unscored. `grade` compares answers with
    their references, where the judge can.
    """

    articles: Mapping[str, Article]
    judge: Judge = field(default_factory=DeterministicJudge)
    copies_of: CopiesOf | None = None
    passages_of: PassagesOf | None = None
    grade: Callable[[Sequence[Case]], Sequence[Grade | None]] | None = None


def score(
    gold: GoldQuestion,
    answer: Answer,
    material: Material,
    ranking: Sequence[Passage] | None = None,
) -> QuestionScore:
    """Score `answer` against `gold`, with what it cites held against `material`.

    `ranking` are the passages that the system found for the question, best first; None of a system
    that doesn't tell. Declining an answerable question finds 0 of its nuggets and groups, and
    leaves the share of right citations unknown.
    """
    articles = material.articles
    answered = answer.outcome == "answered"
    claims = answer.claims if answered else ()
    texts = [claim.text for claim in claims]
    shown = [*texts, *valid_quotes(claims, articles)]
    cited = dict.fromkeys(c.article_id for claim in claims for c in claim.citations)
    real = [name for name in cited if name in articles]
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
        unverbatim=tuple(c.text for c in claims if not is_verbatim(c, articles))
        if answered
        else None,
        forbidden=tuple(w for w in gold.forbid if any_holds(shown, [w]))
        if answered and gold.forbid
        else None,
        words=sum(len(text.split()) for text in texts) if answered else None,
        answer_type=answer.trace.get("answer_type"),
        short_answer=_short_answer(gold, claims),
        differs=says_difference(answer),
        refused=dict(Counter(r.reason for r in answer.rejected)),
        retrieval=retrieval_scores(gold, ranking, articles, material.passages_of),
        verdicts=verdicts_of(answer, articles, material.judge) if claims else None,
        copies=copies_per_report(real, material.copies_of),
        confidence=confidence_of(answer),
        grade=_grade(gold, texts, material),
    )


def _has_reference(gold: GoldQuestion) -> bool:
    return gold.answerable and bool(gold.reference.strip())


def _grade(
    gold: GoldQuestion, texts: Sequence[str], material: Material
) -> Grade | Literal["UNREADABLE"] | None:
    """The grade of an answer whose question has one, by a judge that grades."""
    if material.grade is None or not _has_reference(gold):
        return None
    graded = material.grade([Case(gold.question, gold.reference, " ".join(texts))])
    return graded[0] or "UNREADABLE"


def score_failure(gold: GoldQuestion, error: str, *, graded: bool = False) -> QuestionScore:
    """The score where no answer came: wrong, with 0 of the nuggets and groups.

    Where answers are `graded`, it counts as not attempted.
    """
    return QuestionScore(
        id=gold.id,
        kind=gold.kind,
        answerable=gold.answerable,
        outcome="failed",
        nuggets=_nuggets(gold, ()),
        nuggets_in_text=_nuggets(gold, ()),
        must_cite=_must_cite(gold, ()),
        retrieval=retrieval_scores(gold, None, {}),
        grade="NOT_ATTEMPTED" if graded and _has_reference(gold) else None,
        error=error,
    )


def _found(hits: Iterable[tuple[str, bool]]) -> Found | None:
    """Of (name, hit) pairs; None of none."""
    pairs = list(hits)
    missed = tuple(name for name, hit in pairs if not hit)
    return Found(len(pairs) - len(missed), len(pairs), missed) if pairs else None


def _nuggets(gold: GoldQuestion, texts: Sequence[str]) -> Found | None:
    if not gold.answerable:
        return None
    return _found((wordings[0], any_holds(texts, wordings)) for wordings in gold.nuggets)


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


def _short_answer(gold: GoldQuestion, claims: Sequence[Claim]) -> bool | None:
    # What reports differ in is said before the values; the first of these is the short answer.
    first = next((claim for claim in claims if claim.kind != "difference"), None)
    if not gold.answerable or first is None or first.kind != "span":
        return None
    return any(any_holds([first.text], wordings) for wordings in gold.nuggets)


def _refused(row: QuestionScore) -> int | None:
    return None if row.refused is None else sum(row.refused.values())


#: What the run took and what it was like: no quality, so in none of the three tables.
_RUN = (
    Measure("refused", "drafted sentences refused, per question", _refused, None, "count"),
    Measure(
        "words",
        "words in an answer's text, median",
        attrgetter("words"),
        "lower",
        "words",
        "median",
    ),
    Measure(
        "seconds",
        "seconds per question, median",
        attrgetter("seconds"),
        "lower",
        "seconds",
        "median",
    ),
    Measure(
        "memory_mb", "highest resident memory, MB", attrgetter("memory_mb"), "lower", "MB", "max"
    ),
    Measure(
        "failed",
        "questions that failed with an error",
        lambda r: r.outcome == "failed",
        "lower",
        "count",
        "sum",
    ),
)
MEASURES = (*retrieval.MEASURES, *grounding.MEASURES, *answers.MEASURES, *_RUN)
BY_NAME = {measure.name: measure for measure in MEASURES}
#: The figures that a bar can be set on, by name.
BARS = {measure.name: measure for measure in MEASURES if measure.better}


def values_of(row: QuestionScore) -> dict[str, float | None]:
    """The value of each figure that is about this question; None where it couldn't be computed."""
    values = ((measure.name, measure.value(row)) for measure in MEASURES)
    return {n: None if math.isnan(v) else float(v) for n, v in values if v is not None}


@dataclass(frozen=True)
class Summary:
    """The figures over `n` questions of `stories` stories by measure, and those of each kind.

    `refused` counts the drafted sentences that weren't shown, by reason, the most frequent first.
    `cells` are those of `eval.answers.cells_of`.
    """

    n: int
    stories: int
    figures: Mapping[str, Figure]
    refused: Mapping[str, int]
    cells: Mapping[str, Mapping[str, int]]
    risk_coverage: RiskCoverage
    kinds: Mapping[str, Summary] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def summarise(scores: Sequence[QuestionScore]) -> Summary:
    """The figures over all questions and over each kind.

    Shares are means over questions, so that a question with many nuggets weighs as much as one
    with a single one. Intervals are percentile bootstrap ones over stories (Efron and Tibshirani
    1993, chapter 13), seeded: the same scores give the same intervals. They say nothing about
    other articles, and are too narrow where all questions agree or stories are few.
    """
    rows = {kind: [row for row in scores if row.kind == kind] for kind in KINDS}
    kinds = {kind: _summary(found) for kind, found in rows.items() if found}
    return _summary(scores, kinds)


def _summary(
    scores: Sequence[QuestionScore], kinds: Mapping[str, Summary] | None = None
) -> Summary:
    refused = sum((Counter(row.refused) for row in scores), Counter[str]())
    stories = [row.story for row in scores]
    draws = draws_of(stories)
    return Summary(
        len(scores),
        len(set(places_of(stories).tolist())),
        {m.name: figure(m.combine, map(m.value, scores), stories, draws) for m in MEASURES},
        dict(refused.most_common()),
        cells_of(scores),
        risk_coverage(scores),
        kinds or {},
    )


def misses(summary: Summary, bars: Mapping[str, float]) -> Iterator[str]:
    """One line for each bar that isn't met; a figure that couldn't be measured meets none.

    `bars` is by name, one of `BARS`, in the measure's unit.
    """
    for name, bar in bars.items():
        value, unscored = summary.figures[name].value, summary.figures[name].unscored
        upper = BARS[name].better == "lower"
        if value is None or math.isnan(value):
            why = f"unscored in {unscored} of its questions" if unscored else "no question has it"
            yield f"{name} was not measured: {why} (bar {bar:g})"
        # The last bit of a mean (0.7999999999999999 of 0.8) must not fail a bar.
        elif value > bar + 1e-9 if upper else value < bar - 1e-9:
            yield f"{name} is {value:.4g}, {'over' if upper else 'under'} the bar of {bar:g}"
