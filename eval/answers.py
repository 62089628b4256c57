"""How right the answers are: what they hold, what they get wrong, and when they decline.

A question about a conflict, a speaker or an event is right as a whole or not at all. A failure
counts as wrong everywhere that declining an answerable question does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np

from eval.figures import (
    UNSCORED,
    Counts,
    Figure,
    Measure,
    Numbers,
    Stories,
    Value,
    draws_of,
    if_,
    interval,
    places_of,
    share_of,
)
from eval.judging import Grade
from eval.scores import Found, QuestionScore
from rag.schema import Answer

#: Kinds of questions on which the articles don't differ.
AGREED = ("single", "multi")
#: Draws of the risk-coverage curve's area: each is a sum of its own, so fewer than of a mean.
_CURVE_DRAWS = 1000


def confidence_of(answer: Answer) -> float | None:
    """How sure the system was that the question is answered, higher is surer.

    The trace's `confidence`; Wirecheck's own says `addressed`, 0..1: of an answer in parts the
    least sure of those that were answered counts. nan where an answer came without it, None where
    none came.
    """
    if answer.outcome != "answered":
        return None
    parts = [t for t in answer.trace.get("answers", ()) if t.get("outcome") == "answered"]
    found = [_number(t.get("confidence", t.get("addressed"))) for t in parts or [answer.trace]]
    return float(np.min(found))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else UNSCORED


def says_difference(answer: Answer) -> bool | None:
    """Whether the answer says that reports differ; None where none came."""
    if answer.outcome != "answered":
        return None
    said = any(claim.kind == "difference" for claim in answer.claims)
    return said or any(row.stance == "differs" for row in answer.ledger)


@dataclass(frozen=True)
class RiskCoverage:
    """What goes wrong if only the surest answers are shown (Geifman and El-Yaniv 2017).

    `points` are (coverage, risk), surest answers first: of all questions the share that is
    answered, and of these the share that is wrong: unanswerable, without a nugget, or with a
    wording of a wrong answer. `area` is the mean risk over the answers, 0..1, lower is better.
    """

    points: tuple[tuple[float, float], ...]
    area: Figure


def risk_coverage(rows: Sequence[QuestionScore]) -> RiskCoverage:
    """The curve over answered questions that have a confidence; equal ones come in no order."""
    answered = [row for row in rows if row.outcome == "answered" and row.confidence is not None]
    known = [row for row in answered if row.confidence == row.confidence]
    unscored = len(answered) - len(known)
    if not known:
        return RiskCoverage((), Figure(None, None, None, 0, unscored))
    known = sorted(known, key=lambda row: -(row.confidence or 0))
    wrong = np.array([not row.complete for row in known], dtype=np.float64)
    surely = np.array([row.confidence for row in known], dtype=np.float64)
    # 0 for the surest answer and all that are as sure, 1 for the next, ...
    group = np.cumsum(np.diff(surely, prepend=surely[0]) != 0)
    risks = _risks(wrong, group, np.ones(len(known), dtype=np.int64))
    points = tuple((n / len(rows), float(risk)) for n, risk in enumerate(risks, start=1))
    low, high = _area_interval([row.story for row in known], wrong, group)
    return RiskCoverage(points, Figure(float(risks.mean()), low, high, len(known), unscored))


def _area_interval(
    stories: Stories, wrong: Numbers, group: Counts
) -> tuple[float | None, float | None]:
    if not places_of(stories).any():
        return None, None
    draws = draws_of(stories)[:_CURVE_DRAWS]
    return interval(np.array([_risks(wrong, group, times).mean() for times in draws]))


def _risks(wrong: Numbers, group: Counts, times: Counts) -> Numbers:
    """Of each number of surest answers the share that is wrong; ties count as their mean.

    All `(n,)`, surest first; each answer is there as often as `times` says.
    """
    sizes = np.bincount(group, weights=times)
    wrongs = np.bincount(group, weights=times * wrong)
    expected = (wrongs / np.maximum(sizes, 1))[group].repeat(times)
    risks: Numbers = np.cumsum(expected) / np.arange(1, len(expected) + 1)
    return risks


def cells_of(rows: Sequence[QuestionScore]) -> dict[str, dict[str, int]]:
    """Questions by what they are, answerable or not, and by what came."""
    cells = {
        name: dict.fromkeys(("answered", "declined", "failed"), 0)
        for name in ("answerable", "unanswerable")
    }
    for row in rows:
        cells["answerable" if row.answerable else "unanswerable"][row.outcome] += 1
    return cells


def _is_whole(found: Found | None) -> bool:
    return found is None or found.hits == found.of


def _of_kind(kind: str, right: Callable[[QuestionScore], bool]) -> Value:
    return lambda row: if_(row.kind == kind and row.answerable, right(row))


def _says_all_and_cites(row: QuestionScore) -> bool:
    """Every nugget, and an article of each group that must be cited."""
    return row.outcome == "answered" and _is_whole(row.nuggets) and _is_whole(row.must_cite)


def _falsely_differs(row: QuestionScore) -> bool | None:
    return row.differs if row.kind in AGREED else None


def _forbidden(row: QuestionScore) -> bool | None:
    return None if row.forbidden is None else bool(row.forbidden)


def _typed(row: QuestionScore) -> float | None:
    return if_(row.answerable and bool(row.answer_type), row.short_answer is True)


def _graded(grade: Grade) -> Value:
    def is_graded(row: QuestionScore) -> float | None:
        return UNSCORED if row.grade == "UNREADABLE" else if_(bool(row.grade), row.grade == grade)

    return is_graded


def _declined_right(row: QuestionScore) -> float | None:
    return if_(not row.answerable, row.outcome == "declined")


def _declined_wrong(row: QuestionScore) -> float | None:
    # A failure counts: else a system that breaks would seem to decline less than one that declines.
    return if_(row.answerable, row.outcome != "answered")


_whole_of = partial(_of_kind, right=_says_all_and_cites)
_measure = partial(Measure, table="answers")
MEASURES = (
    _measure("nuggets", "nuggets found, in the text or its quotes", share_of("nuggets")),
    _measure("nuggets_in_text", "nuggets found in the text alone", share_of("nuggets_in_text")),
    _measure("complete", "every nugget and nothing wrong", lambda r: if_(r.answerable, r.complete)),
    _measure("short_answer", "short answer right, of typed questions", _typed),
    _measure(
        "short_answer_given", "short answer right, of those given", attrgetter("short_answer")
    ),
    _measure("forbidden", "answers that hold a wrong wording", _forbidden, "lower"),
    _measure("conflict_recall", "conflicts with every value and its file", _whole_of("conflict")),
    _measure("false_difference", "said to differ where reports agree", _falsely_differs, "lower"),
    _measure("right_speaker", "who said it, with the file", _whole_of("attribution")),
    _measure(
        "right_event",
        "the right event, with nothing of another",
        _of_kind("temporal", attrgetter("complete")),
    ),
    _measure("graded_correct", "graded as saying what the reference says", _graded("CORRECT")),
    _measure("graded_partial", "graded as saying a part of it", _graded("PARTIAL"), None),
    _measure("graded_incorrect", "graded as saying something else", _graded("INCORRECT"), "lower"),
    _measure("graded_silent", "graded as not replying", _graded("NOT_ATTEMPTED"), "lower"),
    _measure("right_outcome", "answered or declined as it should be", attrgetter("right_outcome")),
    _measure("declined_right", "unanswerable questions declined", _declined_right),
    _measure("declined_wrong", "answerable questions left unanswered", _declined_wrong, "lower"),
    _measure("declined", "questions declined", lambda r: r.outcome == "declined", None),
)
#: What a report says of the four cells, in the order in which it is shown.
CELLS: Mapping[str, str] = {
    "answerable": "the reports say",
    "unanswerable": "the reports don't say",
}
