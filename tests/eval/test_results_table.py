"""The table of results, from reports."""

from pathlib import Path
from typing import Any

import pytest

from eval.report import write_reports
from eval.results_table import ROWS, main, markdown
from eval.scores import Found
from index.commandline import ended
from tests.eval.test_report import head, row

ROWS_OF = [
    row("q1", nuggets=Found(1, 1), seconds=1.0, memory_mb=1180.4, story="a"),
    row("q2", nuggets=Found(0, 1, ("x",)), seconds=3.0, memory_mb=900.0, story="b"),
    row(
        "q3", "unanswerable", answerable=False, outcome="declined", copies=float("nan"), seconds=2.0
    ),
]
VERSIONS = {"python": "3.11.7", "wirecheck": "0.1.0", "torch": "2.15.0", "cores": 2, "machine": "x"}


def report(**fields: Any) -> dict[str, Any]:
    return head(ROWS_OF, **{"versions": VERSIONS, "questions": [], **fields})


def test_a_table_with_what_it_was_measured_with_and_what_it_leaves_open() -> None:
    lines = markdown({"sample": report()}).splitlines()
    assert lines[0] == (
        "Measured 2026-03-04, model none, wirecheck 0.1.0, torch 2.15.0, Python 3.11.7, on 2 cores "
        "of x; judged by letters, whose agreement with people was not measured. Means over "
        "questions (words and seconds: medians) with 95 % bootstrap intervals, drawn by story."
    )
    assert lines[2:5] == [
        "| figure | sample |",
        "|---|---|",
        "| questions, of stories | 3 (2 answerable), 3 |",
    ]
    cells = {line.split("`")[1]: line.split("|")[2].strip() for line in lines if "`" in line}
    assert list(cells) == [name for names in ROWS.values() for name in names]
    assert cells["nuggets"] == "0.50 [0.00, 1.00], n=2"
    assert cells["seconds"] == "2.00 [1.00, 3.00], n=3"
    assert cells["memory_mb"] == "1,180, n=2"
    assert cells["copies"] == "not measured, 1 unscored"
    assert cells["forbidden"] == "not measured"
    assert lines[-1].startswith("**What it doesn't show.** ")
    assert "few stories (sample)" in lines[-1]
    assert "judge is right was not measured (sample)" in lines[-1]


def test_reports_side_by_side_say_where_they_differ() -> None:
    agreement = {"value": 0.712, "low": 0.64, "high": 0.78, "n": 168, "unscored": 0}
    other = report(
        model="m|x", made="2026-03-09T00:00:00", judge={"name": "other", "agreement": agreement}
    )
    text = markdown({"sample": report(), "held out": other})
    assert "Measured 2026-03-04 to 2026-03-09, *sample*: model none" in text
    assert "; *held out*: model m\\|x" in text
    assert (
        "judged by other, balanced accuracy 0.712 \\[0.640, 0.780\\] on 168 labelled pairs" in text
    )
    assert "| figure | sample | held out |" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {4}


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_reports(tmp_path, report(), list)
    assert main([f"sample={tmp_path}", f"again={tmp_path / 'report.json'}"]) == 0
    assert "| figure | sample | again |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["sample"], "'sample' names no report of its own; write NAME=REPORT"),
        (["=x"], "'=x' names no report"),
        (["a=absent"], "can't read the report absent"),
    ],
)
def test_what_is_wrong_is_one_line_and_2(
    given: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(lambda: main(given)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"wirecheck: {told}") and printed.err.count("\n") == 1
