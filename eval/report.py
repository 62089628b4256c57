"""What a run leaves behind: the table for the terminal, and report.json."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.metrics import MEASURES, Figure, Found, Measure, QuestionScore, Summary
from index.errors import SettingError

WIDTH = 100
FILE_NAME = "report.json"

#: Columns of the table by kind: heading, and the measure below it.
_KIND_COLUMNS = {
    "right": "right_outcome",
    "declined": "declined",
    "nuggets": "nuggets",
    "must_cite": "must_cite",
    "cited right": "may_cite",
    "short answer": "short_answer",
    "words": "words",
}
_BY_NAME = {measure.name: measure for measure in MEASURES}


def table(summary: Summary, scores: Sequence[QuestionScore]) -> str:
    """The whole report as plain text, at most `WIDTH` columns wide."""
    parts = [_figures(summary), _kinds(summary), _refused(summary), _wrong(scores)]
    return "\n\n".join(part for part in parts if part)


def faults(row: QuestionScore) -> list[str]:
    """What is wrong with a question's answer, the gravest first, each in a few words."""
    if row.error is not None:
        return [f"failed: {row.error}"]
    if row.answerable and row.outcome == "declined":
        return ["declined"]
    return [
        *([] if row.right_outcome else ["answered, should have declined"]),
        *_lacks("invalid citation", row.valid_citations),
        *(f"not verbatim: {text}" for text in row.unverbatim or ()),
        *(f"says what is wrong: {wording}" for wording in row.forbidden or ()),
        *_lacks("lacks", row.nuggets),
        *_lacks("doesn't cite", row.must_cite),
        *_lacks("wrongly cites", row.may_cite),
    ]


def write_report(directory: str | Path, report: Mapping[str, Any]) -> Path:
    """Write `report` as report.json into `directory`, made if need be, whole or not at all.

    The file's path is returned. Raises SettingError when it can't be written; a report that was
    there before then still is.
    """
    target = Path(directory) / FILE_NAME
    text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, text.encode() + b"\n")
    except OSError as error:
        raise _unwritable(directory, error) from error
    return target


def check_writable(directory: str | Path) -> None:
    """Make `directory` if need be and raise SettingError where no report can be written to it.

    To be called before a long run, whose result would else be lost.
    """
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise _unwritable(directory, error) from error


def _unwritable(directory: str | Path, error: OSError) -> SettingError:
    reason = error.strerror or type(error).__name__
    return SettingError(
        f"can't write a report to {directory}: {reason}; give --report a folder to write in"
    )


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{FILE_NAME}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _figures(summary: Summary) -> str:
    rows = [
        (m.name, m.title, _shown(m, figure.value), _interval(m, figure), str(figure.n))
        for m in MEASURES
        if (figure := summary.figures[m.name])
    ]
    heading = ("figure", "", "value", "95 % interval", "n")
    return _aligned([heading, *rows], left=2)


def _kinds(summary: Summary) -> str:
    heading = ("kind", "n", *_KIND_COLUMNS)
    rows = [(kind, str(part.n), *_kind_values(part)) for kind, part in summary.kinds.items()]
    return _aligned([heading, *rows], left=1) if rows else ""


def _kind_values(summary: Summary) -> Iterable[str]:
    for name in _KIND_COLUMNS.values():
        yield _shown(_BY_NAME[name], summary.figures[name].value)


def _refused(summary: Summary) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in summary.refused.items())
    return _cut(f"refused: {reasons}") if reasons else ""


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
    return "1 question" if count == 1 else f"{count} questions"


def _lacks(what: str, found: Found | None) -> list[str]:
    if found is None or not found.missed:
        return []
    return [f"{what} {', '.join(found.missed)} ({found.hits}/{found.of})"]


def _shown(measure: Measure, value: float | None) -> str:
    if value is None:
        return "-"
    decimals = {"share": 3, "seconds": 2}.get(measure.unit, 0)
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
