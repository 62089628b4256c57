"""The answers' own figures by hand: conflicts, speakers, events, risk by coverage."""

import math
from typing import Any

import pytest

from eval.answers import confidence_of, risk_coverage, says_difference
from eval.metrics import summarise
from eval.report_text import risk_at
from eval.scores import Found, QuestionScore
from rag.schema import Answer, Claim, Position

WHOLE, HALF = Found(2, 2), Found(1, 2, ("x",))


def row(kind: str = "single", **fields: Any) -> QuestionScore:
    base: dict[str, Any] = {"answerable": True, "outcome": "answered", "nuggets": WHOLE}
    return QuestionScore(id="q", kind=kind, **{**base, **fields})


def value(name: str, *rows: QuestionScore) -> float | None:
    return summarise(rows).figures[name].value


DECLINED = {"outcome": "declined", "nuggets": Found(0, 2, ("x", "y"))}


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        # Every value, and a file of each group.
        ("conflict_recall", [row("conflict", must_cite=WHOLE)], 1),
        ("conflict_recall", [row("conflict", must_cite=HALF)], 0),
        ("conflict_recall", [row("conflict", nuggets=HALF, must_cite=WHOLE)], 0),
        ("conflict_recall", [row("conflict", must_cite=None), row("conflict", **DECLINED)], 1 / 2),
        ("conflict_recall", [row("single", must_cite=WHOLE)], None),
        ("right_speaker", [row("attribution", must_cite=WHOLE)], 1),
        ("right_speaker", [row("attribution", must_cite=HALF)], 0),
        ("right_speaker", [row("quote", must_cite=WHOLE)], None),
        ("right_event", [row("temporal", must_cite=HALF, forbidden=())], 1),
        ("right_event", [row("temporal", forbidden=("last year",))], 0),
        ("right_event", [row("temporal", nuggets=HALF)], 0),
        ("complete", [row(), row(nuggets=HALF), row(forbidden=("z",)), row(**DECLINED)], 1 / 4),
        ("false_difference", [row("single", differs=True), row("multi", differs=False)], 1 / 2),
        ("false_difference", [row("conflict", differs=True)], None),
    ],
)
def test_figures_of_a_kind_by_hand(
    name: str, rows: list[QuestionScore], expected: float | None
) -> None:
    assert value(name, *rows) == expected


def test_what_says_that_reports_differ() -> None:
    said = Answer("?", "answered", (Claim("They differ.", (), 1.0, kind="difference"),))
    shown = Answer("?", "answered", (), ledger=(Position(("a",), "differs", "4"),))
    agreed = Answer("?", "answered", (), ledger=(Position(("a",), "agrees", "4"),))
    found = [says_difference(a) for a in (said, shown, agreed, Answer("?", "declined"))]
    assert found == [True, True, False, None]


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ({"addressed": 0.7}, 0.7),
        ({"addressed": 0.7, "confidence": 3}, 3.0),
        (
            {
                "answers": [
                    {"outcome": "answered", "addressed": 0.9},
                    {"outcome": "answered", "addressed": 0.4},
                    {"outcome": "declined", "addressed": 0.1},
                ]
            },
            0.4,
        ),
        ({}, math.nan),
        ({"addressed": "high"}, math.nan),
        (
            {"answers": [{"outcome": "answered", "addressed": 0.9}, {"outcome": "answered"}]},
            math.nan,
        ),
    ],
)
def test_how_sure_an_answer_was(trace: dict[str, Any], expected: float) -> None:
    answer = Answer("?", "answered", trace=trace)
    assert confidence_of(answer) == pytest.approx(expected, nan_ok=True)
    assert confidence_of(Answer("?", "declined", trace=trace)) is None


def sure(confidence: float, right: bool = True, **fields: Any) -> QuestionScore:
    nuggets = WHOLE if right else HALF
    return row(**{"confidence": confidence, "nuggets": nuggets, **fields})


def test_risk_by_coverage_by_hand() -> None:
    """Surest first: right, wrong, right, unanswerable; of six questions two were not answered."""
    rows = [
        sure(0.6),
        sure(0.9),
        sure(0.8, right=False),
        sure(0.3, answerable=False, nuggets=None),
        row(**DECLINED),
        row(answerable=False, outcome="declined"),
    ]
    curve = risk_coverage(rows)
    assert [share for share, _ in curve.points] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6])
    assert [risk for _, risk in curve.points] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert curve.area.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert (curve.area.n, curve.area.unscored) == (4, 0)
    assert risk_at(curve, 0.1) is None
    assert risk_at(curve, 0.2) == pytest.approx(0)
    assert risk_at(curve, 0.4) == pytest.approx(1 / 2)
    assert risk_at(curve, 0.9) is None


def test_equally_sure_answers_count_as_their_mean() -> None:
    """Two of four are wrong and all are as sure: at every coverage half are wrong."""
    for order in ([1, 1, 0, 0], [0, 0, 1, 1]):
        curve = risk_coverage([sure(0.5, right=bool(right)) for right in order])
        assert [risk for _, risk in curve.points] == pytest.approx([1 / 2] * 4)
    mixed = risk_coverage([sure(0.9), sure(0.5), sure(0.5, right=False)])
    assert [risk for _, risk in mixed.points] == pytest.approx([0, 1 / 4, 1 / 3])


def test_answers_without_a_confidence_are_counted_as_unscored() -> None:
    curve = risk_coverage([sure(math.nan), row(), sure(0.5)])
    assert (curve.area.n, curve.area.unscored) == (1, 1)
    assert curve.area.low is None, "one story has no interval"
    none = risk_coverage([sure(math.nan)])
    assert (none.points, none.area.value, none.area.unscored) == ((), None, 1)
    assert risk_coverage([]).area.value is None
