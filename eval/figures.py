"""A figure over many questions, with its bootstrap interval drawn by story.

Questions on the same articles stand or fall together, so whole stories are drawn and not
questions (Field and Welsh 2007, the cluster bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eval.scores import QuestionScore

RESAMPLES = 5000
SEED = 20251122
#: The value of a question that a figure is about, but for which it couldn't be computed.
UNSCORED = math.nan

Combine = Literal["mean", "median", "sum", "max"]
Table = Literal["retrieval", "grounding", "answers", "run"]
Unit = Literal["share", "count", "ratio", "words", "seconds", "MB"]
Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Stories = Sequence[str | None]
Value = Callable[[QuestionScore], float | None]


@dataclass(frozen=True)
class Measure:
    """A figure over many questions: what of each question counts, and how it is put together.

    `value` is None for a question that the figure is not about, `UNSCORED` where it is but can't
    be computed; neither is part of the figure, and the latter are counted. `better` is the
    direction: a bar on a "higher" figure is a lower bound, one on a "lower" figure an upper bound;
    None is for figures that only describe. A share is 0..1.
    """

    name: str
    title: str
    value: Value
    better: Literal["higher", "lower"] | None = "higher"
    unit: Unit = "share"
    combine: Combine = "mean"
    table: Table = "run"


@dataclass(frozen=True)
class Figure:
    """A value over `n` questions and its 95 % interval, in its measure's unit.

    `value` is None where `n` is 0; `low` and `high` are None where no interval can be had: of
    fewer than two stories, of sums and of maxima. `unscored` counts the questions that the figure
    is about and that it leaves out, since it couldn't be computed for them.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int = 0

    def __format__(self, form: str) -> str:
        """The value, and its interval if there is one, each in the form of a number."""
        if self.value is None:
            return "not measured"
        return f"{self.value:{form}}{self.between(form)}"

    def between(self, form: str) -> str:
        """The interval in brackets, after a space; "" where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f" [{self.low:{form}}, {self.high:{form}}]"


def share_of(name: str) -> Value:
    """The share of a field that is a `Found`, None where there is none."""

    def value(row: QuestionScore) -> float | None:
        found = getattr(row, name)
        return None if found is None else float(found.share)

    return value


def if_(condition: bool, value: float | None) -> float | None:
    """`value` where the figure is about the question, else None."""
    return value if condition else None


def places_of(stories: Stories) -> Counts:
    """The number of each question's story, from 0, by first appearance; None is one of its own."""
    numbers: dict[object, int] = {}
    named = ((n,) if story is None else story for n, story in enumerate(stories))
    return np.array([numbers.setdefault(name, len(numbers)) for name in named], dtype=np.int64)


def draws_of(stories: Stories) -> Counts:
    """How often each question is in each of `RESAMPLES` draws of whole stories: `(RESAMPLES, n)`.

    As many stories as there are are drawn each time, with replacement. Seeded: the same stories
    give the same draws.
    """
    places = places_of(stories)
    count = len(set(places.tolist()))
    if not count:
        return np.zeros((RESAMPLES, 0), dtype=np.int64)
    rng = np.random.default_rng(SEED)
    times: Counts = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return times[:, places]


def figure(
    combine: Combine,
    values: Iterable[float | None],
    stories: Stories | None = None,
    draws: Counts | None = None,
) -> Figure:
    """The mean, median, sum or highest of `values`; None and nan are left out.

    `stories` are those of the questions, in their order; not given, each is a story of its own.
    `draws` are what `draws_of` makes of them, where that is known already. A draw in which no
    question has a value is left out of the interval.
    """
    given = np.array([math.inf if v is None else v for v in values], dtype=np.float64)
    unscored = int(np.isnan(given).sum())
    has = np.isfinite(given)
    known = given[has]
    if not known.size:
        return Figure(None, None, None, 0, unscored)
    value = float(_COMBINE[combine](known))
    names: Stories = [None] * len(given) if stories is None else stories
    if combine not in _DRAWN or len(set(places_of(names)[has].tolist())) < 2:
        return Figure(value, None, None, known.size, unscored)
    times = (draws_of(names) if draws is None else draws)[:, has]
    low, high = interval(_DRAWN[combine](known, times[times.sum(axis=1) > 0]))
    return Figure(value, low, high, known.size, unscored)


def _means(known: Numbers, times: Counts) -> Numbers:
    means: Numbers = (times @ known) / times.sum(axis=1)
    return means


def _medians(known: Numbers, times: Counts) -> Numbers:
    """Of each draw the median of its values, each of which is there as often as it was drawn."""
    every = np.broadcast_to(known, times.shape)
    found: Numbers = np.quantile(every, 0.5, axis=1, weights=times, method="inverted_cdf")
    return found


_COMBINE: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "median": np.median,
    "sum": np.sum,
    "max": np.max,
}
_DRAWN: dict[str, Callable[[Numbers, Counts], Numbers]] = {"mean": _means, "median": _medians}


def interval(draws: Numbers) -> tuple[float, float]:
    """The middle 95 % of the draws that are numbers; nan where there are none."""
    kept = draws[np.isfinite(draws)]
    if not len(kept):
        return UNSCORED, UNSCORED
    low, high = np.percentile(kept, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True)
class JudgeNote:
    """Who judged, and its balanced accuracy on labelled pairs where that was measured."""

    name: str
    agreement: Figure | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> JudgeNote:
        """The note that stands in a report."""
        found = row["agreement"]
        return cls(row["name"], Figure(**found) if found else None)

    def __str__(self) -> str:
        """One line, to stand beside every figure that the judge gave."""
        found = self.agreement
        if found is None or found.value is None:
            return f"judged by {self.name}, whose agreement with people was not measured"
        accuracy = f"balanced accuracy {found:.3f} on {found.n} labelled pairs"
        return f"judged by {self.name}, {accuracy}"
