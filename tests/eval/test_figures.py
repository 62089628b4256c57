"""Figures over many questions by hand, their intervals, and bars that are set on them."""

from typing import Any, Literal

import pytest

from eval.figures import Figure, figure
from eval.metrics import Summary, misses, summarise
from eval.scores import Found, QuestionScore


def row(kind: str = "single", **fields: Any) -> QuestionScore:
    base: dict[str, Any] = {"answerable": True, "outcome": "answered"}
    return QuestionScore(id="q", kind=kind, **{**base, **fields})


def values(summary: Summary) -> dict[str, float | None]:
    return {name: figure.value for name, figure in summary.figures.items()}


def found(hits: int, of: int, *names: str) -> dict[str, Found]:
    return dict.fromkeys(names, Found(hits, of))


TEXT = ("nuggets", "nuggets_in_text")
SEVEN = [
    row(
        **found(1, 3, "nuggets"),
        **found(0, 3, "nuggets_in_text"),
        **found(1, 1, "must_cite"),
        **found(1, 4, "may_cite"),
        **found(4, 5, "valid_citations"),
        **{"unverbatim": ("a", "b"), "forbidden": ("x",), "words": 10, "refused": {"support": 2}},
        **{"answer_type": "who", "short_answer": True, "seconds": 1.0, "memory_mb": 200.0},
    ),
    row(
        **found(1, 1, *TEXT),
        **found(0, 2, "must_cite"),
        **{"unverbatim": ("c",), "forbidden": (), "words": 90, "answer_type": "who"},
        **{"refused": {"number": 1, "support": 1}, "seconds": 3.0, "memory_mb": 300.0},
    ),
    row(
        **found(0, 2, *TEXT),
        **found(0, 1, "must_cite"),
        **{"outcome": "declined", "refused": {}, "seconds": 2.0, "memory_mb": 250.0},
    ),
    row("unanswerable", answerable=False, outcome="declined", refused={}, seconds=9.0),
    row(
        "unanswerable",
        **found(0, 1, "may_cite"),
        **found(1, 1, "valid_citations"),
        **{"answerable": False, "unverbatim": (), "words": 30, "refused": {}, "seconds": 7.0},
    ),
    row("quote", **found(0, 1, *TEXT, "must_cite"), outcome="failed", error="no reply"),
    row(
        "quote",
        **found(1, 1, *TEXT, "must_cite", "may_cite", "valid_citations"),
        **{"unverbatim": (), "words": 20, "short_answer": False, "refused": {}, "seconds": 4.0},
    ),
]
#: Figures of these seven, and over how many of them.
BY_HAND = {
    "right_outcome": (4 / 7, 7),
    "complete": (2 / 5, 5),
    "declined_right": (1 / 2, 2),
    "declined_wrong": (2 / 5, 5),
    "declined": (2 / 7, 7),
    "nuggets": ((1 / 3 + 1 + 0 + 0 + 1) / 5, 5),
    "nuggets_in_text": ((0 + 1 + 0 + 0 + 1) / 5, 5),
    "short_answer": (1 / 2, 2),
    "short_answer_given": (1 / 2, 2),
    "forbidden": (1 / 2, 2),
    "must_cite": ((1 + 0 + 0 + 0 + 1) / 5, 5),
    "may_cite": ((1 / 4 + 0 + 1) / 3, 3),
    "valid_citations": ((4 / 5 + 1 + 1) / 3, 3),
    "unverbatim": (3, 4),
    "refused": (4 / 6, 6),
    "words": ((20 + 30) / 2, 4),
    "seconds": ((3 + 4) / 2, 6),
    "memory_mb": (300, 3),
    "failed": (1, 7),
}


def test_figures_by_hand() -> None:
    summary = summarise(SEVEN)
    known = {n: (f.value, f.n) for n, f in summary.figures.items() if f.value is not None}
    assert known.keys() == BY_HAND.keys()
    for name, expected in BY_HAND.items():
        assert known[name] == pytest.approx(expected), name
    assert summary.refused == {"support": 3, "number": 1}
    kinds = {kind: part.n for kind, part in summary.kinds.items()}
    assert kinds == {"single": 3, "quote": 2, "unanswerable": 2}
    assert values(summary.kinds["quote"])["nuggets"] == pytest.approx(1 / 2)
    assert values(summary.kinds["unanswerable"])["nuggets"] is None


def test_the_interval_of_a_share_is_the_binomial_one() -> None:
    """40 of 100: the mean of a resample is Binomial(100, 0.4)/100, 95 % within 0.31 to 0.50."""
    found = figure("mean", [1.0] * 40 + [0.0] * 60)
    assert found == figure("mean", [1.0] * 40 + [0.0] * 60)
    assert found.value == pytest.approx(0.4)
    assert found.low == pytest.approx(0.305, abs=0.011)
    assert found.high == pytest.approx(0.495, abs=0.011)


@pytest.mark.parametrize(
    ("combine", "given", "expected"),
    [
        ("mean", [], Figure(None, None, None, 0)),
        ("mean", [None, None], Figure(None, None, None, 0)),
        ("max", [None], Figure(None, None, None, 0)),
        ("mean", [0.5, None], Figure(0.5, None, None, 1)),
        ("median", [1.0, 1.0, None], Figure(1.0, 1.0, 1.0, 2)),
        ("sum", [1.0, 2.0], Figure(3.0, None, None, 2)),
        ("max", [1.0, 2.0], Figure(2.0, None, None, 2)),
    ],
)
def test_what_has_no_value_or_no_interval(
    combine: Literal["mean", "median", "sum", "max"], given: list[float | None], expected: Figure
) -> None:
    assert figure(combine, given) == expected


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ({}, []),
        ({"nuggets": 0.8, "words": 70}, []),
        ({"nuggets": 0.8 + 1e-12}, []),
        ({"nuggets": 0.81}, ["nuggets is 0.8, under the bar of 0.81"]),
        ({"words": 69.5}, ["words is 70, over the bar of 69.5"]),
        (
            {"words": 1, "nuggets": 1},
            ["words is 70, over the bar of 1", "nuggets is 0.8, under the bar of 1"],
        ),
        ({"declined_right": 0}, ["declined_right was not measured: no question has it (bar 0)"]),
    ],
)
def test_bars(bars: dict[str, float], expected: list[str]) -> None:
    rows = [row(nuggets=Found(hits, 10), words=70) for hits in (7, 8, 9)]
    assert list(misses(summarise(rows), bars)) == expected


def test_the_interval_of_a_median() -> None:
    """Of 1..101 the 95 % ranks are 51 -+ 1.96 * sqrt(101) / 2, so 41 to 61."""
    found = figure("median", [float(value) for value in range(1, 102)])
    assert (found.value, found.low) == (51, pytest.approx(41, abs=1.5))
    assert found.high == pytest.approx(61, abs=1.5)
