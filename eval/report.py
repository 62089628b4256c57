"""What a run leaves behind: the tables for the terminal, report.json and report.html."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.answers import CELLS, RiskCoverage
from eval.figures import Figure, Measure, Table
from eval.metrics import BY_NAME, MEASURES, Summary
from eval.report_page import page_parts
from eval.retrieval import CUTS
from eval.scores import QuestionScore, faults
from index.atomic_write import replace_file
from index.errors import SettingError

WIDTH = 100
FILE_NAME = "report.json"
PAGE_NAME = "report.html"
REPORT_FORMAT = 2

#: Columns of the table by kind: heading, and the measure below it.
_KIND_COLUMNS = {
    "found@10": "article_recall@10",
    "cit. recall": "citation_recall",
    "cited right": "may_cite",
    "nuggets": "nuggets",
    "complete": "complete",
    "right": "right_outcome",
    "declined": "declined",
    "words": "words",
}
#: Rows of the retrieval table, each with a figure for every cut.
_RETRIEVAL_ROWS = {
    "article_recall": "articles recall",
    "article_ndcg": "articles nDCG",
    "article_all": "articles, all",
    "span_found": "nuggets found",
    "span_all": "nuggets, all",
    "span_recall": "passages recall",
    "span_ndcg": "passages nDCG",
}
_COVERAGES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class JudgeNote:
    """Who judged, and its balanced accuracy on labelled pairs where that was measured."""

    name: str
    agreement: Figure | None

    def __str__(self) -> str:
        """One line, to stand beside every figure that the judge gave."""
        if self.agreement is None or self.agreement.value is None:
            return f"judged by {self.name}, whose agreement with people was not measured"
        found = self.agreement
        between = "" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]"
        return (
            f"judged by {self.name}, balanced accuracy {found.value:.3f}{between} "
            f"on {found.n} labelled pairs"
        )


def table(summary: Summary, scores: Sequence[QuestionScore], judge: JudgeNote) -> str:
    """The whole report as plain text, at most `WIDTH` columns wide."""
    parts = [
        _retrieval(summary),
        _figures("grounding", f"GROUNDING, {judge}", summary),
        _figures("answers", "ANSWERS", summary),
        _cells(summary),
        _kinds(summary),
        _figures("run", "THE RUN", summary),
        _refused(summary),
        _intervals(summary),
        _wrong(scores),
    ]
    return "\n\n".join(part for part in parts if part)


def write_reports(
    directory: str | Path,
    head: Mapping[str, Any],
    records: Callable[[], Iterable[Mapping[str, Any]]],
) -> list[Path]:
    """Write report.json and report.html into `directory`, each whole or not at all.

    The folder is made if need be. `head` is all but the questions, whose records `records` gives,
    one at a time: a run of any length needs no more memory for it. The paths are returned. Raises
    SettingError when one can't be written; what was there before then still is.
    """
    folder = Path(directory)
    written = []
    for name, parts in ((FILE_NAME, _json_parts), (PAGE_NAME, page_parts)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / name, map(_encoded, parts(head, records())))
        except OSError as error:
            raise _unwritable(directory, error) from error
        written.append(folder / name)
    return written


def read_report(path: str | Path) -> dict[str, Any]:
    """What `write_reports` wrote, by the file's path or its folder's.

    Raises SettingError, one line, for what is no report or one of another version.
    """
    file = Path(path) / FILE_NAME if Path(path).is_dir() else Path(path)
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        is_report = {"summary", "questions", "settings"} <= set(report)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingError(
            f"can't read the report {file}: {reason}; name a report.json or its folder"
        ) from error
    except (ValueError, TypeError, RecursionError):
        is_report = False
    if not is_report:
        raise SettingError(f"{file} is no report; name one that `wirecheck eval --report` wrote")
    if report.get("format") != REPORT_FORMAT:
        raise SettingError(
            f"{file} is a report of format {report.get('format')}, this version reads "
            f"{REPORT_FORMAT}; run the evaluation again"
        )
    return dict(report)


def check_writable(directory: str | Path) -> None:
    """Make `directory` if need be and raise SettingError where no report can be written to it.

    To be called before a long run, whose result would else be lost.
    """
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise _unwritable(directory, error) from error


def _json_parts(head: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    whole = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False)
    yield whole.removesuffix("\n}") + ',\n "questions": ['
    for number, record in enumerate(records):
        text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False)
        yield ("," if number else "") + "\n" + text
    yield "\n ]\n}\n"


def _encoded(text: str) -> bytes:
    # An answer holds no half of a surrogate pair (see `run`), but an error may.
    return text.encode("utf-8", "replace")


def _unwritable(directory: str | Path, error: OSError) -> SettingError:
    reason = error.strerror or type(error).__name__
    return SettingError(
        f"can't write a report to {directory}: {reason}; give --report a folder to write in"
    )


def _retrieval(summary: Summary) -> str:
    """Articles and spans, a row each, the first k in the columns."""
    heading = ("RETRIEVAL", *(f"@{k} [95 %]" for k in CUTS), "n", "unscored")
    rows = [
        _retrieval_row(title, [summary.figures[f"{stem}@{k}"] for k in CUTS])
        for stem, title in _RETRIEVAL_ROWS.items()
    ]
    for stem, title in (("article", "articles MRR"), ("span", "passages MRR")):
        found = summary.figures[f"{stem}_mrr@10"]
        rows.append((title, "", "", "", *_retrieval_row("", [found])[1:]))
    return _aligned([heading, *rows], left=1)


def _retrieval_row(title: str, found: Sequence[Figure]) -> tuple[str, ...]:
    cells = ["-" if f.value is None else f"{f.value:.3f}{_between(f)}" for f in found]
    return (title, *cells, str(found[-1].n), str(found[-1].unscored))


def _between(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f" [{_narrow(figure.low)} {_narrow(figure.high)}]"


def _narrow(share: float) -> str:
    """A share in as few characters as two decimals take: ".43", "0", "1"."""
    return f"{share:.2f}".removeprefix("0").removesuffix(".00") or "0"


def _figures(name: Table, heading: str, summary: Summary) -> str:
    rows = [
        (m.name, m.title, _shown(m, f.value), _interval(m, f), str(f.n), str(f.unscored))
        for m in MEASURES
        if m.table == name and (f := summary.figures[m.name])
    ]
    columns = ("figure", "", "value", "95 % interval", "n", "unscored")
    return f"{_cut(heading)}\n{_aligned([columns, *rows], left=2)}"


def _cells(summary: Summary) -> str:
    columns = ("answered", "declined", "failed")
    rows = [
        (words, *(str(summary.cells[name][column]) for column in columns))
        for name, words in CELLS.items()
    ]
    return f"{_aligned([('questions', *columns), *rows], left=1)}\n{_risk(summary.risk_coverage)}"


def _risk(curve: RiskCoverage) -> str:
    area = curve.area
    if area.value is None:
        return f"risk and coverage: not measured, no confidence given ({area.unscored} unscored)"
    said = [
        f"{share:.0%}: {risk:.2f}"
        for share in _COVERAGES
        if (risk := risk_at(curve, share)) is not None
    ]
    last = curve.points[-1]
    ends = f"all answers, {last[0]:.0%}: {last[1]:.2f}"
    between = "" if area.low is None else f" [{area.low:.3f}, {area.high:.3f}]"
    return (
        f"wrong of the surest answers, by coverage: {', '.join([*said, ends])}\n"
        f"area under risk and coverage: {area.value:.3f}{between}, n={area.n}, "
        f"{area.unscored} unscored"
    )


def risk_at(curve: RiskCoverage, coverage: float) -> float | None:
    """The risk where at most this share of the questions is answered; None beyond the curve."""
    if not curve.points or curve.points[-1][0] < coverage:
        return None
    return next((risk for share, risk in reversed(curve.points) if share <= coverage + 1e-9), None)


def _kinds(summary: Summary) -> str:
    heading = ("kind", "n", *_KIND_COLUMNS)
    rows = [(kind, str(part.n), *_kind_values(part)) for kind, part in summary.kinds.items()]
    return _aligned([heading, *rows], left=1) if rows else ""


def _kind_values(summary: Summary) -> Iterable[str]:
    for name in _KIND_COLUMNS.values():
        yield _shown(BY_NAME[name], summary.figures[name].value)


def _refused(summary: Summary) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in summary.refused.items())
    return _cut(f"refused: {reasons}") if reasons else ""


def _intervals(summary: Summary) -> str:
    if not summary.n:
        return ""
    return _cut(
        f"intervals: 95 %, bootstrap over {_counted(summary.stories, 'story', 'stories')} "
        f"of {_questions(summary.n)}"
    )


def _wrong(scores: Sequence[QuestionScore]) -> str:
    wrong = [(row, found) for row in scores if (found := faults(row))]
    if not wrong:
        return f"nothing wrong in {_questions(len(scores))}"
    id_width = min(24, max(len(row.id) for row, _ in wrong))
    kind_width = max(len(row.kind) for row, _ in wrong)
    lines = [
        _cut(f"{row.id:{id_width}}  {row.kind:{kind_width}}  {'; '.join(found)}")
        for row, found in wrong
    ]
    heading = f"something wrong in {len(wrong)} of {_questions(len(scores))}"
    return "\n".join([heading, *lines])


def _questions(count: int) -> str:
    return _counted(count, "question", "questions")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _shown(measure: Measure, value: float | None) -> str:
    if value is None:
        return "-"
    decimals = {"share": 3, "seconds": 2, "ratio": 2}.get(measure.unit, 0)
    if measure.combine == "mean" and measure.unit == "count":
        decimals = 1
    return f"{value:.{decimals}f}"


def _interval(measure: Measure, figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return "-"
    return f"{_shown(measure, figure.low)} to {_shown(measure, figure.high)}"


def _aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """`rows` in columns: the first `left` of them flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if position < left else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cut(line: str) -> str:
    """`line` on one line of at most `WIDTH` characters that can be printed."""
    flat = "".join(c if c.isprintable() else " " for c in line)
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 3] + "..."
