"""Two reports side by side: what the second gained on the first, question by question.

Only questions that both asked, with the same gold, are compared, and for each figure only those
that have a value in both. The test is a paired permutation test: if neither system were better,
the sign of a story's difference would be a coin's (Fisher 1935; whole stories are flipped, since
their questions stand or fall together). The interval of the difference is a bootstrap one over
stories. p is of each figure alone: among many figures, some are small by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from eval.figures import SEED, Measure, Numbers, draws_of, interval
from eval.metrics import MEASURES
from index.errors import SettingError

#: Up to this many stories that differ, all flips are tried; above, so many drawn ones.
_EXACT, _FLIPS = 12, 10_000
#: Figures that depend on who judged.
JUDGED = (
    "citation_recall",
    "citation_precision",
    "unsupported",
    "misattributed",
    "fabricated",
    "graded_correct",
    "graded_incorrect",
    "graded_silent",
)


@dataclass(frozen=True)
class Pairing:
    """Questions of both reports, with their story and the values in the first and the second."""

    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    stories: tuple[str | None, ...]
    values: tuple[tuple[Mapping[str, float | None], Mapping[str, float | None]], ...]


@dataclass(frozen=True)
class Difference:
    """A figure's means over the `n` questions that have it in both, and what B gained on A.

    `gain` is B - A in the figure's unit, `low` and `high` its 95 % interval, None of fewer than
    two stories. `p` is two-sided, 0..1. A question is won where B is better.
    """

    measure: Measure
    n: int
    a: float
    b: float
    gain: float
    low: float | None
    high: float | None
    p: float
    won: int
    lost: int


def comparison(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """The comparison of two reports as text for a terminal.

    Raises SettingError when they have no question in common.
    """
    pairing = pair(a, b)
    skipped = JUDGED if a["judge"]["name"] != b["judge"]["name"] else ()
    found = [difference(m, pairing) for m in MEASURES if m.name not in skipped]
    shown = [d for d in found if d is not None]
    parts = (_heading(a, b, pairing, skipped), _table(shown), _changes(pairing))
    return "\n\n".join("\n".join(part) for part in parts)


def pair(a: Mapping[str, Any], b: Mapping[str, Any]) -> Pairing:
    """The questions that both reports asked with the same gold, in the first's order."""
    others = {row["gold"]["id"]: row for row in b["questions"]}
    rows = [
        (row, others[row["gold"]["id"]])
        for row in a["questions"]
        if row["gold"] == others.get(row["gold"]["id"], {}).get("gold")
    ]
    if not rows:
        raise SettingError(
            "the reports have no question in common, with the same gold; compare reports of the "
            "same question file"
        )
    return Pairing(
        tuple(first["gold"]["id"] for first, _ in rows),
        tuple(first["gold"]["kind"] for first, _ in rows),
        tuple(first["score"]["story"] for first, _ in rows),
        tuple((first["values"], second["values"]) for first, second in rows),
    )


def difference(measure: Measure, pairing: Pairing) -> Difference | None:
    """What B gained in one figure; None where no question has it in both, or it only describes."""
    both = [
        (story, x, y)
        for story, (first, second) in zip(pairing.stories, pairing.values, strict=True)
        if (x := first.get(measure.name)) is not None
        and (y := second.get(measure.name)) is not None
    ]
    if not both or measure.better is None:
        return None
    stories = [story for story, _, _ in both]
    a, b = (np.array([row[n] for row in both], dtype=np.float64) for n in (1, 2))
    gains = b - a
    better = gains if measure.better == "higher" else -gains
    low, high = _gain_interval(gains, stories)
    return Difference(
        measure,
        len(both),
        float(a.mean()),
        float(b.mean()),
        float(gains.mean()),
        low,
        high,
        permutation_p(gains, stories),
        int((better > 0).sum()),
        int((better < 0).sum()),
    )


def permutation_p(gains: Numbers, stories: Sequence[str | None]) -> float:
    """How often flips of whole stories' signs give as large a sum, 0..1; 1 of no difference."""
    names = [f"{n}" if story is None else (story,) for n, story in enumerate(stories)]
    places = {name: n for n, name in enumerate(dict.fromkeys(names))}
    sums = np.bincount([places[name] for name in names], weights=gains)
    sums = sums[np.abs(sums) > 1e-12]
    if not len(sums):
        return 1.0
    if len(sums) <= _EXACT:
        signs = np.array(list(product((1, -1), repeat=len(sums))))
        return float((np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9).mean())
    signs = np.random.default_rng(SEED).choice((1, -1), size=(_FLIPS, len(sums)))
    as_large = int((np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9).sum())
    # The flips that were seen are one of those that could be: p is never 0 (Phipson, Smyth 2010).
    return (as_large + 1) / (_FLIPS + 1)


def _gain_interval(
    gains: Numbers, stories: Sequence[str | None]
) -> tuple[float | None, float | None]:
    if stories.count(None) + len(set(stories) - {None}) < 2:
        return None, None
    draws = draws_of(stories)
    return interval((draws @ gains) / draws.sum(axis=1))


def _heading(
    a: Mapping[str, Any], b: Mapping[str, Any], pairing: Pairing, skipped: Sequence[str]
) -> Iterator[str]:
    for name, report in (("A", a), ("B", b)):
        yield f"{name}: {report['made']}, model {report['model'] or 'as configured'}, judge " + str(
            report["judge"]["name"]
        )
    yield f"{_questions(len(pairing.ids))} in both, with the same gold"
    for name, report in (("A", a), ("B", b)):
        left = len(report["questions"]) - len(pairing.ids)
        if left:
            yield f"left out: {left} of {name}, which the other lacks or has with other gold"
    if skipped:
        yield f"not compared, since the judges differ: {', '.join(skipped)}"


def _table(found: Sequence[Difference]) -> Iterator[str]:
    yield (
        f"{'figure':20} {'n':>4} {'A':>9} {'B':>9} {'gain':>9} {'95 % interval':>20} "
        f"{'p':>6} {'won':>4} {'lost':>4}"
    )
    for d in found:
        between = "-" if d.low is None else f"{d.low:.3f} to {d.high:.3f}"
        yield (
            f"{d.measure.name:20} {d.n:4} {d.a:9.3f} {d.b:9.3f} {d.gain:+9.3f} {between:>20} "
            f"{_probability(d.p):>6} {d.won:4} {d.lost:4}"
        )
    yield "means over questions (also of words and seconds); p of each figure alone, by story"


def _probability(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _changes(pairing: Pairing) -> Iterator[str]:
    """A line for each question that was won or lost somewhere."""
    lines = []
    for name, kind, (a, b) in zip(pairing.ids, pairing.kinds, pairing.values, strict=True):
        won, lost = (list(_moved(a, b, better)) for better in (True, False))
        parts = [f"{what} {', '.join(f)}" for what, f in (("won", won), ("lost", lost)) if f]
        if parts:
            lines.append(f"{name:10} {kind:14} {'; '.join(parts)}")
    yield f"{_questions(len(lines))} changed" if lines else "no question changed"
    yield from lines


def _questions(count: int) -> str:
    return "1 question" if count == 1 else f"{count} questions"


def _moved(
    a: Mapping[str, float | None], b: Mapping[str, float | None], better: bool
) -> Iterator[str]:
    for m in MEASURES:
        first, second = a.get(m.name), b.get(m.name)
        # Seconds and the like always move; of the retrieval figures one cut is enough to see it.
        if m.table == "run" or m.better is None or ("@" in m.name and "@10" not in m.name):
            continue
        if first is not None and second is not None and first != second:
            if ((second > first) == (m.better == "higher")) == better:
                yield f"{m.name} {first:.2f} to {second:.2f}"
