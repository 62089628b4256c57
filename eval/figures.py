"""A figure over many questions, with its bootstrap interval drawn by story.

Questions on the same articles stand or fall together, so whole stories are drawn and not
questions (Field and Welsh 2007, the cluster bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.bootstrap import interval
from eval.scores import Found, QuestionScore

RESAMPLES = 5000
SEED = 20251122
#: The value of a question that a figure is about, but for which it couldn't be computed.
UNSCORED = math.nan

Combine = Literal["mean", "median", "sum", "max"]
Table = Literal["retrieval", "grounding", "answers", "run"]
Unit = Literal["share", "count", "ratio", "words", "seconds", "MB"]
Numbers = NDArray[np.float64]


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
    table: Table
    unit: Unit
    better: Literal["higher", "lower"] | None
    combine: Combine
    value: Callable[[QuestionScore], float | None]


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


def share_of(name: str) -> Callable[[QuestionScore], float | None]:
    """The share of a field that is a `Found`, None where there is none."""

    def value(row: QuestionScore) -> float | None:
        found: Found | None = getattr(row, name)
        return None if found is None else found.share

    return value


def if_(condition: bool, value: float | None) -> float | None:
    """`value` where the figure is about the question, else None."""
    return value if condition else None


def draws_of(stories: Sequence[str | None]) -> NDArray[np.int64]:
    """How often each question is in each of `RESAMPLES` draws of whole stories: `(RESAMPLES, n)`.

    Two questions are of one story if their names are equal; None is a story of its own. As many
    stories as there are are drawn each time, with replacement. Seeded: the same stories give the
    same draws.
    """
    names = [f"{n}" if story is None else (story,) for n, story in enumerate(stories)]
    numbers = {name: n for n, name in enumerate(dict.fromkeys(names))}
    count = len(numbers)
    if not count:
        return np.zeros((RESAMPLES, 0), dtype=np.int64)
    rng = np.random.default_rng(SEED)
    times = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    drawn: NDArray[np.int64] = times[:, [numbers[name] for name in names]]
    return drawn


def figure(
    combine: Combine,
    values: Iterable[float | None],
    stories: Sequence[str | None] | None = None,
    draws: NDArray[np.int64] | None = None,
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
    names: Sequence[str | None] = stories if stories is not None else [None] * len(given)
    if combine in ("sum", "max") or _count(names, has) < 2:
        return Figure(value, None, None, known.size, unscored)
    times = (draws_of(names) if draws is None else draws)[:, has]
    low, high = interval(_DRAWN[combine](known, times[times.sum(axis=1) > 0]))
    return Figure(value, low, high, known.size, unscored)


def _count(stories: Sequence[str | None], has: NDArray[np.bool_]) -> int:
    named = [story for story, kept in zip(stories, has, strict=True) if kept]
    return named.count(None) + len(set(named) - {None})


def _means(known: Numbers, times: NDArray[np.int64]) -> Numbers:
    means: Numbers = (times @ known) / times.sum(axis=1)
    return means


def _medians(known: Numbers, times: NDArray[np.int64]) -> Numbers:
    """Of each draw the median of its values, each as often as it was drawn."""
    order = np.argsort(known)
    upto = np.cumsum(times[:, order], axis=1)
    total = upto[:, -1:]
    # Places counted from 1: the middle one, or the two around the middle.
    below = np.argmax(upto >= (total + 1) // 2, axis=1)
    above = np.argmax(upto >= total // 2 + 1, axis=1)
    medians: Numbers = (known[order[below]] + known[order[above]]) / 2
    return medians


_COMBINE: dict[str, Callable[..., float]] = {
    "mean": np.mean,
    "median": np.median,
    "sum": np.sum,
    "max": np.max,
}
_DRAWN: dict[str, Callable[[Numbers, NDArray[np.int64]], Numbers]] = {
    "mean": _means,
    "median": _medians,
}
