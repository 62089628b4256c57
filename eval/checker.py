"""How good the checker is, on public sets, in one table.

    wirecheck eval --checker --data BENCH_FOLDER [--set NAME ...] [--json FILE]
    python -m eval.checker   --data BENCH_FOLDER [--set NAME ...] [--json FILE]

Every set is judged at the checker's one threshold; nothing is tuned to a set. For claims with one
thing exchanged, what the product refuses is counted too: by a hard check or for its support.
WIRECHECK_CHECKER names another checker to measure.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.bootstrap import auroc, balanced_accuracy, balanced_draws
from eval.checker_sets import SEED, SETS, Case, load_sets
from eval.figures import interval
from eval.files import write_json
from index.errors import WirecheckError
from rag.checkers import load_checker, name_of
from rag.checks import hard_checks
from rag.verify import Checker

#: Pairs that a checker is given at once.
CHUNK = 256
SWAP, SUMMEDITS = "swap ", "summedits "
#: (checker, size, sets, balanced accuracy in percent) as others have published them.
PUBLISHED = (
    ("Bespoke-MiniCheck", "7B", "LLM-AggreFact, 11 sets", 77.4),
    ("Bespoke-MiniCheck", "7B", "WiCE in LLM-AggreFact", 83.0),
    ("Claude 3.5 Sonnet", "-", "LLM-AggreFact, 11 sets", 77.2),
    ("Claude 3.5 Sonnet", "-", "WiCE in LLM-AggreFact", 77.7),
    ("GPT-4", "-", "LLM-AggreFact, 10 sets", 75.3),
    ("MiniCheck-FT5", "770M", "LLM-AggreFact, 10 sets", 74.7),
    ("MiniCheck-RBTA", "355M", "LLM-AggreFact, 10 sets", 72.7),
    ("AlignScore", "355M", "LLM-AggreFact, 10 sets", 70.4),
    ("SummaC-ZS", "-", "LLM-AggreFact, 10 sets", 67.9),
)
_HEAD = ("set", "true", "false", "bal.acc. [95 %]", "AUROC", "true ref.", "false ref.", "or checks")


@dataclass(frozen=True)
class Row:
    """Figures of one set: counts of true and false claims, and shares 0..1.

    `low` and `high` bound the balanced accuracy (95 %, drawn by document). `true_refused` and
    `false_refused` are for support under the threshold; the `product_` ones for that or a failed
    hard check, None where no hard check was made. A figure that a set can't give is nan.
    """

    name: str
    true: int
    false: int
    balanced: float
    low: float
    high: float
    auroc: float
    true_refused: float
    false_refused: float
    product_true_refused: float | None = None
    product_false_refused: float | None = None


@dataclass(frozen=True)
class Report:
    """The table's rows, which checker they are of, and how fast it was."""

    checker: str
    threshold: float
    rows: tuple[Row, ...]
    pairs: int
    pairs_a_second: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: what is no number is null."""
        rows = [{k: _known(v) for k, v in asdict(row).items()} for row in self.rows]
        published = [
            dict(zip(("checker", "size", "sets", "balanced_percent"), row, strict=True))
            for row in PUBLISHED
        ]
        return {
            "checker": self.checker,
            "threshold": self.threshold,
            "pairs": self.pairs,
            "pairs_a_second": _known(self.pairs_a_second),
            "rows": rows,
            "published_by_others": published,
        }


class Judge:
    """A checker that remembers: a pair in several sets is judged once. Its time is kept."""

    def __init__(self, checker: Checker) -> None:
        self.checker = checker
        self.seconds = 0.0
        self._known: dict[tuple[str, str], float] = {}
        self._failed: dict[tuple[str, str], bool] = {}

    @property
    def pairs(self) -> int:
        """Different pairs judged so far."""
        return len(self._known)

    def supports(self, cases: Sequence[Case]) -> np.ndarray:
        """Support of each case, `(n,)`, 0..1."""
        fresh = [(c.evidence, c.claim) for c in cases]
        fresh = [p for p in dict.fromkeys(fresh) if p not in self._known]
        began = time.perf_counter()
        for start in range(0, len(fresh), CHUNK):
            chunk = fresh[start : start + CHUNK]
            self._known.update(zip(chunk, self.checker.support(chunk), strict=True))
        self.seconds += time.perf_counter() - began
        return np.array([self._known[c.evidence, c.claim] for c in cases], dtype=float)

    def fails_a_check(self, cases: Sequence[Case]) -> np.ndarray:
        """Whether a hard check of the product fails, `(n,)`."""
        for case in cases:
            pair = (case.evidence, case.claim)
            if pair not in self._failed:
                checks = hard_checks(case.claim, case.evidence)
                self._failed[pair] = any(not c.passed for c in checks)
        return np.array([self._failed[c.evidence, c.claim] for c in cases], dtype=bool)


def measure(name: str, cases: Sequence[Case], judge: Judge) -> tuple[Row, np.ndarray]:
    """One set's figures, and the draws of its balanced accuracy."""
    labels = np.array([c.label for c in cases])
    supports = judge.supports(cases)
    shown = (supports >= judge.checker.threshold).astype(int)
    draws = balanced_draws(labels, shown, np.array([c.group for c in cases]), SEED)
    true, false = labels == 1, labels == 0
    product: tuple[float | None, float | None] = (None, None)
    if name.startswith(SWAP):
        kept = (shown == 1) & ~judge.fails_a_check(cases)
        product = (_share(~kept[true]), _share(~kept[false]))
    row = Row(
        name,
        int(true.sum()),
        int(false.sum()),
        balanced_accuracy(labels, shown),
        *interval(draws),
        auroc(labels, supports),
        _share(shown[true] == 0),
        _share(shown[false] == 0),
        *product,
    )
    return row, draws


def measure_all(data: Path, names: Sequence[str], checker: Checker) -> Report:
    """Every named set, or all; the domains of SummEdits also as their mean."""
    judge = Judge(checker)
    rows: list[Row] = []
    domains: list[tuple[Row, np.ndarray]] = []
    for name, cases in load_sets(data, names):
        print(f"{name}: {len(cases)} pairs", file=sys.stderr, flush=True)
        row, draws = measure(name, cases, judge)
        rows.append(row)
        if name.startswith(SUMMEDITS):
            domains.append((row, draws))
    if len(domains) > 1:
        rows.insert(rows.index(domains[-1][0]) + 1, mean_row("summedits, mean", domains))
    speed = judge.pairs / judge.seconds if judge.seconds else float("inf")
    return Report(name_of(checker), checker.threshold, tuple(rows), judge.pairs, speed)


def mean_row(name: str, parts: Sequence[tuple[Row, np.ndarray]]) -> Row:
    """The mean of several sets' figures, each counting the same."""
    rows = [row for row, _ in parts]
    low, high = interval(np.mean([draws for _, draws in parts], axis=0))

    def mean(field: str) -> float:
        return float(np.mean([getattr(row, field) for row in rows]))

    return Row(
        name,
        sum(row.true for row in rows),
        sum(row.false for row in rows),
        mean("balanced"),
        low,
        high,
        mean("auroc"),
        mean("true_refused"),
        mean("false_refused"),
    )


def table(report: Report) -> str:
    """The figures as plain text, and what others have published beneath."""
    lines = [_line(_HEAD), *(_line(_cells(row)) for row in report.rows)]
    published = [
        f"  {who} ({size}), {sets}: {figure / 100:.3f}" for who, size, sets, figure in PUBLISHED
    ]
    return "\n".join(
        [
            f"checker {report.checker}, threshold {report.threshold:.2f}, "
            f"{report.pairs_a_second:.1f} pairs a second over {report.pairs:,} pairs",
            "",
            *lines,
            "",
            "ref.: refused, for support under the threshold; or checks: share of true / of false",
            "that a hard check or the support refuses, as the product does.",
            "",
            "Published by others, not measured here, on other claims than ours; balanced accuracy:",
            *published,
        ]
    )


def _cells(row: Row) -> tuple[str, ...]:
    product = ""
    if row.product_true_refused is not None and row.product_false_refused is not None:
        product = f"{row.product_true_refused:.2f} / {row.product_false_refused:.2f}"
    return (
        row.name,
        str(row.true),
        str(row.false),
        f"{row.balanced:.3f} [{row.low:.3f}, {row.high:.3f}]",
        f"{row.auroc:.3f}",
        f"{row.true_refused:.2f}",
        f"{row.false_refused:.2f}",
        product,
    )


def _line(cells: Sequence[str]) -> str:
    widths = (22, 5, 6, 21, 6, 9, 10, 12)
    first, *others = zip(cells, widths, strict=True)
    return f"{first[0]:<{first[1]}} " + " ".join(f"{c:>{w}}" for c, w in others).rstrip()


def _share(chosen: np.ndarray) -> float:
    return float(chosen.mean()) if len(chosen) else float("nan")


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def main(words: Sequence[str] | None = None) -> int:
    """Print the table; 0 done, 2 a usage or input error, in one line."""
    parser = argparse.ArgumentParser(
        prog="wirecheck eval --checker", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the public sets")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help=f"only these of {', '.join(SETS)}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    try:
        report = measure_all(options.data, options.set, load_checker())
        print(table(report))
        if options.json:
            write_json(options.json, report.to_dict())
    except WirecheckError as error:
        print(f"wirecheck eval --checker: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
