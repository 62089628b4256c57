"""The terminal table and report.json."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from eval.metrics import MEASURES, Found, QuestionScore, summarise
from eval.report import WIDTH, check_writable, faults, table, write_report
from index.errors import SettingError


def row(name: str = "q1", kind: str = "single", **fields: Any) -> QuestionScore:
    base: dict[str, Any] = {"answerable": True, "outcome": "answered"}
    return QuestionScore(id=name, kind=kind, **{**base, **fields})


ROWS = [
    row("q1", nuggets=Found(1, 1), words=12, seconds=1.25, refused={"support": 3}),
    row(
        "q2",
        "conflict",
        nuggets=Found(1, 2, ("six weeks",)),
        must_cite=Found(0, 1, ("a|b",)),
        may_cite=Found(1, 2, ("c",)),
        words=20,
        seconds=2.0,
        refused={"number": 1},
    ),
    row("q3", outcome="declined", nuggets=Found(0, 1, ("9 m",)), seconds=0.5),
    row("q4", "unanswerable", answerable=False, may_cite=Found(0, 1, ("c",)), words=7),
    row("q5", "unanswerable", answerable=False, outcome="declined"),
]


def test_the_whole_table() -> None:
    """Nuggets: 1, 1/2, 0. Words: 7, 12, 20. Seconds: 0.5, 1.25, 2. Refused: 3 and 1."""
    lines = table(summarise(ROWS), ROWS).splitlines()
    assert lines[0].split() == ["figure", "value", "95", "%", "interval", "n"]
    by_name = {line.split()[0]: line for line in lines[1 : len(MEASURES) + 1]}
    assert list(by_name) == [measure.name for measure in MEASURES]
    assert by_name["nuggets"].split()[-5:] == ["0.500", "0.000", "to", "1.000", "3"]
    assert by_name["words"].split()[-5:] == ["12", "7", "to", "20", "3"]
    assert by_name["seconds"].split()[-5:] == ["1.25", "0.50", "to", "2.00", "3"]
    assert by_name["refused"].split()[-5:] == ["2.0", "1.0", "to", "3.0", "2"]
    assert by_name["failed"].split()[-3:] == ["0", "-", "5"]
    assert by_name["memory_mb"].split()[-3:] == ["-", "-", "0"]
    assert by_name["words"] == (
        "words               words in an answer's text, median             12         7 to 20  3"
    )
    ends = {len(line) for line in lines[: len(MEASURES) + 1]}
    assert len(ends) == 1, "the last column is not aligned"
    assert lines[len(MEASURES) + 2 :] == [
        "kind          n  right  declined  nuggets  must_cite  cited right  short answer  words",
        "single        2  0.500     0.500    0.500          -            -             -     12",
        "conflict      1  1.000     0.000    0.500      0.000        0.500             -     20",
        "unanswerable  2  0.500     0.500        -          -        0.000             -      7",
        "",
        "refused: support 3, number 1",
        "",
        "something wrong in 3 of 5 questions",
        "q2  conflict      lacks six weeks (1/2); doesn't cite a|b (0/1); wrongly cites c (1/2)",
        "q3  single        declined",
        "q4  unanswerable  answered, should have declined; wrongly cites c (0/1)",
    ]


def test_nothing_wrong_and_nothing_at_all() -> None:
    assert table(summarise(ROWS[:1]), ROWS[:1]).endswith("\nnothing wrong in 1 question")
    empty = table(summarise([]), [])
    assert empty.endswith("\nnothing wrong in 0 questions")
    assert "kind" not in empty
    assert "refused:" not in empty


def test_the_table_fits_its_width_whatever_it_holds() -> None:
    long = "x" * 300
    rows = [
        row(long, "false_premise", error=f"{long}\nand\x1b[2J more", outcome="failed"),
        row(
            "q2",
            unverbatim=("a\nb\t" + long,),
            forbidden=(long,),
            words=10**7,
            seconds=123456.789,
            memory_mb=1e6,
            refused={long: 10**6},
        ),
        row("q3", words=1, seconds=99999.0, refused={"a": 10**6}),
    ]
    text = table(summarise(rows), rows)
    assert max(map(len, text.splitlines())) == WIDTH
    assert "\x1b" not in text
    assert text.count("...") >= 3


@pytest.mark.parametrize(
    ("scored", "expected"),
    [
        (
            row(outcome="failed", error="no reply", nuggets=Found(0, 1, ("x",))),
            ["failed: no reply"],
        ),
        (row(outcome="declined", nuggets=Found(0, 1, ("x",))), ["declined"]),
        (row(answerable=False, outcome="declined"), []),
        (row(answerable=False), ["answered, should have declined"]),
        (
            row(
                valid_citations=Found(1, 2, ("a: no such article",)),
                unverbatim=("It is.",),
                forbidden=("y",),
                nuggets=Found(1, 3, ("x", "z")),
            ),
            [
                "invalid citation a: no such article (1/2)",
                "not verbatim: It is.",
                "says what is wrong: y",
                "lacks x, z (1/3)",
            ],
        ),
        (row(nuggets=Found(2, 2), may_cite=Found(1, 1), unverbatim=(), forbidden=()), []),
    ],
)
def test_what_is_wrong_with_an_answer(scored: QuestionScore, expected: list[str]) -> None:
    assert faults(scored) == expected


def test_the_report_is_written_whole_into_a_new_folder(tmp_path: Path) -> None:
    path = write_report(tmp_path / "new" / "folder", {"words": "“déjà”", "n": None})
    assert path == tmp_path / "new" / "folder" / "report.json"
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == {"words": "“déjà”", "n": None}
    assert "“déjà”" in text, "a person reads it too"
    assert os.listdir(path.parent) == ["report.json"]


def test_a_write_that_fails_leaves_the_report_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(tmp_path, {"n": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingError, match="No space left on device; give --report a folder"):
        write_report(tmp_path, {"n": 2})
    assert os.listdir(tmp_path) == ["report.json"]
    assert json.loads((tmp_path / "report.json").read_text()) == {"n": 1}


def test_a_folder_that_cannot_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    check_writable(tmp_path / "new")
    assert os.listdir(tmp_path / "new") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match=r"can't write a report to .*file: "):
        check_writable(tmp_path / "file")
    with pytest.raises(SettingError, match=r"can't write a report to .*below: "):
        check_writable(tmp_path / "file" / "below")
