"""Two reports side by side: what the second gained on the first, question by question.

Only questions that both asked, with the same gold, are compared, and for each figure only those
that have a value in both. The test is a paired permutation test: if neither system were better,
the sign of a story's difference would be a coin's (Fisher 1935; whole stories are flipped, since
their questions stand or fall together). The interval of the difference is a bootstrap one over
stories. p is of each figure alone: among many figures, some are small by chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from eval.figures import SEED, Figure, Measure, Numbers, Stories, figure, places_of
from eval.metrics import MEASURES
from index.errors import SettingError

#: Up to this many stories that differ, all flips are tried; above, so many drawn ones.
_EXACT, _FLIPS = 12, 10_000
#: Figures that depend on who judged.
JUDGED = (
    "citation_recall citation_precision unsupported misattributed fabricated graded_correct "
    "graded_incorrect graded_silent"
).split()
#: What each report says of a question.
Row = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Difference:
    """A figure's means over the `n` questions that have it in both, and what B gained on A.

    `gain` is B - A in the figure's unit, with its 95 % interval. `p` is two-sided, 0..1. A question
    is won where B is better.
    """

    measure: Measure
    n: int
    a: float
    b: float
    gain: Figure
    p: float
    won: int
    lost: int


def comparison(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """The comparison of two reports as text for a terminal.

    Raises SettingError when they have no question in common.
    """
    rows = pair(a, b)
    skipped = JUDGED if a["judge"]["name"] != b["judge"]["name"] else ()
    found = [difference(m, rows) for m in MEASURES if m.name not in skipped]
    parts = (_heading(a, b, len(rows), skipped), _table(filter(None, found)), _changes(rows))
    return "\n\n".join("\n".join(part) for part in parts)


def pair(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Row]:
    """What both say of each question that they asked with the same gold, in the first's order."""
    others = {row["gold"]["id"]: row for row in b["questions"]}
    pairs = ((row, others.get(row["gold"]["id"])) for row in a["questions"])
    rows = [(one, other) for one, other in pairs if other and one["gold"] == other["gold"]]
    if not rows:
        raise SettingError(
            "the reports have no question in common, with the same gold; compare reports of the "
            "same question file"
        )
    return rows


def difference(measure: Measure, rows: Sequence[Row]) -> Difference | None:
    """What B gained in one figure; None where no question has it in both, or it only describes."""
    name = measure.name
    both = [
        (row["score"]["story"], row["values"][name], other["values"][name])
        for row, other in rows
        if row["values"].get(name) is not None and other["values"].get(name) is not None
    ]
    if not both or measure.better is None:
        return None
    stories, *columns = zip(*both, strict=True)
    a, b = (np.array(column, dtype=np.float64) for column in columns)
    gains = b - a
    better = gains if measure.better == "higher" else -gains
    return Difference(
        measure,
        len(both),
        float(a.mean()),
        float(b.mean()),
        figure("mean", gains, stories),
        permutation_p(gains, stories),
        int((better > 0).sum()),
        int((better < 0).sum()),
    )


def permutation_p(gains: Numbers, stories: Stories) -> float:
    """How often flips of whole stories' signs give as large a sum, 0..1; 1 of no difference."""
    sums = np.bincount(places_of(stories), weights=gains)
    sums = sums[np.abs(sums) > 1e-12]
    if not len(sums):
        return 1.0
    exact = len(sums) <= _EXACT
    if exact:
        signs = np.array(list(product((1, -1), repeat=len(sums))))
    else:
        signs = np.random.default_rng(SEED).choice((1, -1), size=(_FLIPS, len(sums)))
    as_large = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9
    # The flips that were seen are one of those that could be: p is never 0 (Phipson, Smyth 2010).
    return float(as_large.mean() if exact else (as_large.sum() + 1) / (_FLIPS + 1))


def _heading(
    a: Mapping[str, Any], b: Mapping[str, Any], shared: int, skipped: Sequence[str]
) -> Iterator[str]:
    reports = (("A", a), ("B", b))
    for name, report in reports:
        model, judge = report["model"] or "as configured", report["judge"]["name"]
        yield f"{name}: {report['made']}, model {model}, judge {judge}"
    yield f"{_questions(shared)} in both, with the same gold"
    for name, report in reports:
        if left := len(report["questions"]) - shared:
            yield f"left out: {left} of {name}, which the other lacks or has with other gold"
    if skipped:
        yield f"not compared, since the judges differ: {', '.join(skipped)}"


def _table(found: Iterable[Difference]) -> Iterator[str]:
    yield (
        f"{'figure':20} {'n':>4} {'A':>9} {'B':>9} {'gain':>9} {'95 % interval':>20} "
        f"{'p':>6} {'won':>4} {'lost':>4}"
    )
    for d in found:
        between = "-" if d.gain.low is None else f"{d.gain.low:.3f} to {d.gain.high:.3f}"
        p = "<0.001" if d.p < 0.001 else f"{d.p:.3f}"
        yield (
            f"{d.measure.name:20} {d.n:4} {d.a:9.3f} {d.b:9.3f} {d.gain.value:+9.3f} "
            f"{between:>20} {p:>6} {d.won:4} {d.lost:4}"
        )
    yield "means over questions (also of words and seconds); p of each figure alone, by story"


def _changes(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each question that was won or lost somewhere."""
    lines = []
    for one, other in rows:
        won, lost = (list(_moved(one["values"], other["values"], way)) for way in (True, False))
        parts = [f"{what} {', '.join(f)}" for what, f in (("won", won), ("lost", lost)) if f]
        if parts:
            lines.append(f"{one['gold']['id']:10} {one['gold']['kind']:14} {'; '.join(parts)}")
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
