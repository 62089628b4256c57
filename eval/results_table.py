"""The table of results, made from reports: `python -m eval.results_table NAME=REPORT ...`.

Each report, a report.json or its folder, is a column under its name. What the table was measured
with stands above it, and what it doesn't show below.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.metrics import BY_NAME
from eval.report import read_report
from index.errors import SettingError, WirecheckError

#: The figures of the table, in its order, under the heading that they stand below.
ROWS: Mapping[str, Sequence[str]] = {
    "Retrieval": (
        "article_recall@1",
        "article_recall@10",
        "article_all@10",
        "article_ndcg@10",
        "article_mrr@10",
        "span_found@5",
        "span_found@10",
    ),
    "Grounding": (
        "citation_recall",
        "citation_precision",
        "unsupported",
        "misattributed",
        "fabricated",
        "valid_citations",
        "unverbatim",
        "must_cite",
        "may_cite",
        "copies",
    ),
    "Answers": (
        "nuggets",
        "complete",
        "short_answer",
        "forbidden",
        "conflict_recall",
        "false_difference",
        "right_speaker",
        "right_event",
        "declined_right",
        "declined_wrong",
    ),
    "The run": ("words", "seconds", "memory_mb", "failed"),
}
#: Packages whose versions are named.
_NAMED = ("wirecheck", "torch", "transformers", "sentence-transformers", "faiss-cpu", "spacy")
_FEW_STORIES = 30


def markdown(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of reports by name, with what stands above and below it."""
    parts = [_made(reports), "", *_table(reports), "", _not_shown(reports)]
    return "\n".join(parts) + "\n"


def _made(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """When, with what and on what, once where all reports agree and else for each."""
    said = {name: _made_of(report) for name, report in reports.items()}
    days = sorted({report["made"][:10] for report in reports.values()})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    how = next(iter(said.values()))
    if len(set(said.values())) > 1:
        how = "; ".join(f"*{_cell(name)}*: {words}" for name, words in said.items())
    return (
        f"Measured {when}, {how}. Means over questions (words and seconds: medians) with 95 % "
        "bootstrap intervals, drawn by story."
    )


def _made_of(report: Mapping[str, Any]) -> str:
    versions = report["versions"]
    named = ", ".join(f"{n} {versions[n]}" for n in _NAMED if versions.get(n))
    machine = f"{versions['cores']} cores of {versions.get('processor') or versions['machine']}"
    return _cell(
        f"model {report['model'] or 'as configured'}, {named}, Python {versions['python']}, on "
        f"{machine}; {_judge(report)}"
    )


def _judge(report: Mapping[str, Any]) -> str:
    judge, found = report["judge"], report["judge"]["agreement"]
    if found is None or found["value"] is None:
        return f"judged by {judge['name']}, whose agreement with people was not measured"
    return (
        f"judged by {judge['name']}, balanced accuracy {found['value']:.2f}{_between(found)} on "
        f"{found['n']} labelled pairs"
    )


def _table(reports: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "| figure | " + " | ".join(_cell(name) for name in reports) + " |"
    yield "|---" * (len(reports) + 1) + "|"
    yield "| questions, of stories | " + " | ".join(map(_size, reports.values())) + " |"
    for heading, names in ROWS.items():
        yield f"| **{heading}** |" + " |" * len(reports)
        for name in names:
            found = [report["summary"]["figures"][name] for report in reports.values()]
            cells = " | ".join(_figure(name, figure) for figure in found)
            yield f"| {BY_NAME[name].title} (`{name}`) | {cells} |"


def _size(report: Mapping[str, Any]) -> str:
    cells = report["summary"]["cells"]
    answerable = sum(cells["answerable"].values())
    return f"{report['summary']['n']} ({answerable} answerable), {report['summary']['stories']}"


def _figure(name: str, figure: Mapping[str, Any]) -> str:
    unscored = f", {figure['unscored']} unscored" if figure["unscored"] else ""
    if figure["value"] is None:
        return f"not measured{unscored}"
    measure = BY_NAME[name]
    decimals = 2 if measure.unit in ("share", "ratio", "seconds") else 0
    value = f"{figure['value']:,.{decimals}f}"
    return f"{value}{_between(figure, decimals)}, n={figure['n']}{unscored}"


def _between(figure: Mapping[str, Any], decimals: int = 2) -> str:
    if figure["low"] is None:
        return ""
    return f" [{figure['low']:,.{decimals}f}, {figure['high']:,.{decimals}f}]"


def _not_shown(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """What the figures leave open, from the reports themselves."""
    few = [n for n, r in reports.items() if r["summary"]["stories"] < _FEW_STORIES]
    unjudged = [n for n, r in reports.items() if r["judge"]["agreement"] is None]
    parts = [
        "The intervals say nothing about other articles, or about questions of other people.",
        "Nuggets are strings: a right answer in other words counts as a miss, and a wrong one that "
        "holds them as a hit.",
        "Citation recall and precision are high for any system that quotes; whether the quotation "
        "answers is in the third part.",
    ]
    if few:
        parts.append(f"Of few stories ({_names(few)}) an interval is too narrow.")
    if unjudged:
        parts.append(f"How often the judge is right was not measured ({_names(unjudged)}).")
    return "**What it doesn't show.** " + " ".join(parts)


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(_cell, names))


def _cell(text: object) -> str:
    """Text that neither ends a cell nor begins markup."""
    flat = " ".join(str(text).split())
    return "".join("\\" + c if c in "\\|`*<>[]" else c for c in flat)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 for what the caller must mend, told in one line."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.results_table", description="The table of results, from reports."
    )
    parser.add_argument("reports", nargs="+", metavar="NAME=REPORT")
    options = parser.parse_args(argv)
    try:
        print(markdown(_named(options.reports)), end="")
    except WirecheckError as error:
        print(f"results_table: {error}", file=sys.stderr)
        return 2
    return 0


def _named(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    reports: dict[str, dict[str, Any]] = {}
    for text in given:
        name, _, path = text.partition("=")
        if not path or not name:
            raise SettingError(f"{text!r} names no report; write NAME=REPORT, as sample=out/sample")
        if name in reports:
            raise SettingError(f"{name!r} is given twice; give each report its own name")
        reports[name] = read_report(path)
    return reports


if __name__ == "__main__":
    sys.exit(main())
