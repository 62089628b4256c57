"""How good the checker is, on public sets, in one table: `wirecheck eval --checker --data BENCH`.

Every set is judged at the checker's one threshold; nothing is tuned to a set. For claims with one
thing exchanged, what the product refuses is counted too: by a hard check or for its support.
WIRECHECK_CHECKER names another checker to measure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.bootstrap import auroc, balanced_accuracy, balanced_draws
from eval.checker_sets import SEED, SETS, load_sets
from eval.figures import UNSCORED, interval
from eval.files import write_json
from eval.judging import Pair, Remembering
from eval.swaps import Case
from rag.checkers import load_checker, name_of
from rag.checks import hard_checks
from rag.verify import Checker

Support = Callable[[Sequence[Pair]], Sequence[float]]
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
    pairs: int
    pairs_a_second: float
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: what is no number is null."""
        names = ("checker", "size", "sets", "balanced_percent")
        return {
            **{name: _known(value) for name, value in vars(self).items()},
            "rows": [{k: _known(v) for k, v in asdict(row).items()} for row in self.rows],
            "published_by_others": [dict(zip(names, row, strict=True)) for row in PUBLISHED],
        }


def measure(
    name: str, cases: Sequence[Case], support: Support, threshold: float
) -> tuple[Row, np.ndarray]:
    """One set's figures, and the draws of its balanced accuracy."""
    labels = np.array([c.label for c in cases])
    supports = np.array(support([(c.evidence, c.claim) for c in cases]), dtype=float)
    shown = (supports >= threshold).astype(int)
    draws = balanced_draws(labels, shown, np.array([c.group for c in cases]), SEED)
    true, false = labels == 1, labels == 0
    row = Row(
        name,
        int(true.sum()),
        int(false.sum()),
        balanced_accuracy(labels, shown),
        *interval(draws),
        auroc(labels, supports),
        _share(shown[true] == 0),
        _share(shown[false] == 0),
    )
    if name.startswith(SWAP):
        passed = [all(check.passed for check in hard_checks(c.claim, c.evidence)) for c in cases]
        refused = (shown == 0) | ~np.array(passed)
        true_share, false_share = _share(refused[true]), _share(refused[false])
        row = replace(row, product_true_refused=true_share, product_false_refused=false_share)
    return row, draws


def measure_all(data: Path, names: Sequence[str], checker: Checker) -> Report:
    """Every named set, or all; the domains of SummEdits also as their mean."""
    support = Remembering(checker.support)
    rows: list[Row] = []
    domains: list[tuple[Row, np.ndarray]] = []
    for name, cases in load_sets(data, names):
        print(f"{name}: {len(cases)} pairs", file=sys.stderr, flush=True)
        row, draws = measure(name, cases, support, checker.threshold)
        rows.append(row)
        if name.startswith(SUMMEDITS):
            domains.append((row, draws))
    if len(domains) > 1:
        rows.insert(rows.index(domains[-1][0]) + 1, mean_row("summedits, mean", domains))
    count = len(support.known)
    speed = count / support.seconds if support.seconds else UNSCORED
    return Report(name_of(checker), checker.threshold, count, speed, tuple(rows))


def mean_row(name: str, parts: Sequence[tuple[Row, np.ndarray]]) -> Row:
    """The mean of several sets' figures, each counting the same."""
    rows = [row for row, _ in parts]
    low, high = interval(np.mean([draws for _, draws in parts], axis=0))
    fields = ("balanced", "auroc", "true_refused", "false_refused")
    means = {f: float(np.mean([getattr(row, f) for row in rows])) for f in fields}
    counts = {f: sum(getattr(row, f) for row in rows) for f in ("true", "false")}
    return Row(name=name, low=low, high=high, **counts, **means)  # type: ignore[arg-type]


def table(report: Report) -> str:
    """The figures as plain text, and what others have published beneath."""
    form = "{:<22} {:>5} {:>6} {:>21} {:>6} {:>9} {:>10} {:>12}"
    head = ("set", "true", "false", "bal.acc. [95 %]", "AUROC", "true ref.", "false ref.")
    rows = [(*head, "or checks"), *map(_cells, report.rows)]
    lines = [form.format(*cells).rstrip() for cells in rows]
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


def _cells(row: Row) -> tuple[object, ...]:
    product = (row.product_true_refused, row.product_false_refused)
    return (
        row.name,
        row.true,
        row.false,
        f"{row.balanced:.3f} [{row.low:.3f}, {row.high:.3f}]",
        f"{row.auroc:.3f}",
        f"{row.true_refused:.2f}",
        f"{row.false_refused:.2f}",
        " / ".join(f"{share:.2f}" for share in product if share is not None),
    )


def _share(chosen: np.ndarray) -> float:
    return float(chosen.mean()) if len(chosen) else UNSCORED


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def main(words: Sequence[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="wirecheck eval --checker", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the public sets")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME", choices=list(SETS)
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    report = measure_all(options.data, options.set, load_checker())
    print(table(report))
    if options.json:
        write_json(options.json, report.to_dict())
    return 0
