"""The table of results, made from reports: `python -m eval.results_table NAME=REPORT ...`.

Each report, a report.json or its folder, is a column under its name. What the table was measured
with stands above it, and what it doesn't show below.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from eval.figures import Figure, JudgeNote
from eval.metrics import BY_NAME
from eval.report import read_report
from index.commandline import ended
from index.errors import SettingError
from rag.markup import environment

#: The figures of the table, in its order, under the heading that they stand below.
ROWS: Mapping[str, Sequence[str]] = {
    "Retrieval": (
        "article_recall@1 article_recall@10 article_all@10 article_ndcg@10 article_mrr@10 "
        "span_found@5 span_found@10"
    ).split(),
    "Grounding": (
        "citation_recall citation_precision unsupported misattributed fabricated valid_citations "
        "unverbatim must_cite may_cite copies"
    ).split(),
    "Answers": (
        "nuggets complete short_answer forbidden conflict_recall false_difference right_speaker "
        "right_event declined_right declined_wrong"
    ).split(),
    "The run": "words seconds memory_mb failed".split(),
}
#: Packages whose versions are named.
_NAMED = ("wirecheck", "torch", "transformers", "sentence-transformers", "faiss-cpu", "spacy")
_FEW_STORIES = 30


def markdown(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of reports by name, with what stands above and below it."""
    names = {name: _cell(name) for name in reports}
    said = {name: _made_of(report) for name, report in reports.items()}
    days = sorted({report["made"][:10] for report in reports.values()})
    how = next(iter(said.values()))
    if len(set(said.values())) > 1:
        how = "; ".join(f"*{names[name]}*: {words}" for name, words in said.items())
    tables = {
        heading: [(n, BY_NAME[n].title, [_figure(n, r) for r in reports.values()]) for n in rows]
        for heading, rows in ROWS.items()
    }
    return (
        environment("eval", escape=str)
        .get_template("results_table.md")
        .render(
            when=days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
            how=how,
            names=list(names.values()),
            sizes=list(map(_size, reports.values())),
            tables=tables,
            few=[names[n] for n, r in reports.items() if r["summary"]["stories"] < _FEW_STORIES],
            unjudged=[names[n] for n, r in reports.items() if r["judge"]["agreement"] is None],
        )
    )


def _made_of(report: Mapping[str, Any]) -> str:
    versions = report["versions"]
    named = ", ".join(f"{n} {versions[n]}" for n in _NAMED if versions.get(n))
    machine = f"{versions['cores']} cores of {versions.get('processor') or versions['machine']}"
    return _cell(
        f"model {report['model'] or 'as configured'}, {named}, Python {versions['python']}, on "
        f"{machine}; {JudgeNote.of(report['judge'])}"
    )


def _size(report: Mapping[str, Any]) -> str:
    summary = report["summary"]
    answerable = sum(summary["cells"]["answerable"].values())
    return f"{summary['n']} ({answerable} answerable), {summary['stories']}"


def _figure(name: str, report: Mapping[str, Any]) -> str:
    found = Figure(**report["summary"]["figures"][name])
    decimals = 2 if BY_NAME[name].unit in ("share", "ratio", "seconds") else 0
    count = "" if found.value is None else f", n={found.n}"
    unscored = f", {found.unscored} unscored" if found.unscored else ""
    return f"{found:,.{decimals}f}{count}{unscored}"


def _cell(text: object) -> str:
    """Text that neither ends a cell nor begins markup."""
    flat = " ".join(str(text).split())
    return "".join("\\" + c if c in "\\|`*<>[]" else c for c in flat)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.results_table", description="The table of results, from reports."
    )
    parser.add_argument("reports", nargs="+", metavar="NAME=REPORT")
    reports: dict[str, dict[str, Any]] = {}
    for text in parser.parse_args(argv).reports:
        name, _, path = text.partition("=")
        if not path or not name or name in reports:
            raise SettingError(
                f"{text!r} names no report of its own; write NAME=REPORT, as sample=out/sample"
            )
        reports[name] = read_report(path)
    print(markdown(reports), end="")
    return 0


if __name__ == "__main__":
    sys.exit(ended(main))
