"""The terminal table and report.json."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from eval.figures import JudgeNote
from eval.metrics import MEASURES, summarise
from eval.report import REPORT_FORMAT, read_report, write_reports
from eval.report_text import WIDTH
from eval.report_text import table as tables
from eval.scores import Found, QuestionScore, faults
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


JUDGE = JudgeNote("letters", None)


def table(rows: list[QuestionScore], judge: JudgeNote = JUDGE) -> str:
    return tables(summarise(rows), rows, judge)


def test_three_tables_and_the_run_are_never_mixed() -> None:
    """Nuggets: 1, 1/2, 0. Words: 7, 12, 20. Seconds: 0.5, 1.25, 2. Refused: 3 and 1."""
    text = table(ROWS)
    blocks = {block.split()[0].rstrip(","): block.splitlines() for block in text.split("\n\n")}
    for name in ("grounding", "answers"):
        lines = blocks[name.upper()]
        assert lines[1].split() == ["figure", "value", "95", "%", "interval", "n", "unscored"]
        assert [line.split()[0] for line in lines[2:]] == [
            m.name for m in MEASURES if m.table == name
        ]
        assert len({len(line) for line in lines[1:]}) == 1, "the last column is not aligned"
    assert [line.split()[0] for line in blocks["THE"][2:]] == [
        m.name for m in MEASURES if m.table == "run"
    ]
    by_name = {line.split()[0]: line.split() for block in blocks.values() for line in block}
    assert by_name["nuggets"][-6:] == ["0.500", "0.000", "to", "1.000", "3", "0"]
    assert by_name["words"][-6:] == ["12", "7", "to", "20", "3", "0"]
    assert by_name["seconds"][-6:] == ["1.25", "0.50", "to", "2.00", "3", "0"]
    assert by_name["refused"][-6:] == ["2.0", "1.0", "to", "3.0", "2", "0"]
    assert by_name["failed"][-4:] == ["0", "-", "5", "0"]
    assert by_name["memory_mb"][-4:] == ["-", "-", "0", "0"]
    assert text.splitlines()[-4:] == [
        "something wrong in 3 of 5 questions",
        "q2  conflict      lacks six weeks (1/2); doesn't cite a|b (0/1); wrongly cites c (1/2)",
        "q3  single        declined",
        "q4  unanswerable  answered, should have declined; wrongly cites c (0/1)",
    ]
    assert "refused: support 3, number 1" in text
    assert "intervals: 95 %, bootstrap over 5 stories of 5 questions" in text


def test_the_cells_and_the_kinds() -> None:
    lines = table(ROWS).splitlines()
    at = lines.index("questions              answered  declined  failed")
    assert [line.split()[-3:] for line in lines[at + 1 : at + 3]] == [
        ["2", "1", "0"],
        ["1", "1", "0"],
    ]
    at = next(n for n, line in enumerate(lines) if line.startswith("kind "))
    assert lines[at : at + 4] == [
        "kind          n  found@10  cit. recall  cited right  nuggets  complete  right  declined  words",
        "single        2         -            -            -    0.500     0.500  0.500     0.500     12",
        "conflict      1         -            -        0.500    0.500     0.000  1.000     0.000     20",
        "unanswerable  2         -            -        0.000        -         -  0.500     0.500      7",
    ]


def test_retrieval_by_cut_with_intervals_and_what_is_unscored() -> None:
    rows = [row("q1", retrieval={f"article_recall@{k}": k / 10 for k in (1, 3, 5, 10)})]
    rows += [row("q2", retrieval={f"article_recall@{k}": 0.0 for k in (1, 3, 5, 10)})]
    rows += [row("q3", retrieval={})]
    lines = table(rows).splitlines()
    assert lines[0].split() == ["RETRIEVAL"] + [
        w for k in (1, 3, 5, 10) for w in (f"@{k}", "[95", "%]")
    ] + ["n", "unscored"]
    assert (
        lines[1].split()
        == ("articles recall 0.050 [0 .10] 0.150 [0 .30] 0.250 [0 .50] 0.500 [0 1] 2 1").split()
    )
    assert lines[2].split() == ["articles", "nDCG", "-", "-", "-", "-", "0", "3"]


def test_risk_by_coverage_is_told_or_said_to_be_missing() -> None:
    rows = [row(f"q{n}", confidence=n / 10, nuggets=Found(n % 2, 1)) for n in range(10)]
    assert "by coverage: 20%: 0.50, 40%: 0.50, 60%: 0.50, 80%: 0.50, all answers, 100%: 0.50\n" in (
        table(rows)
    )
    rights = [row("q1", confidence=0.5, nuggets=Found(1, 1)), row("q2", outcome="declined")]
    assert "by coverage: 20%: 0.00" not in table(rights), "there is no answer so sure"
    rights += [row("q3", confidence=0.9, nuggets=Found(1, 1))] * 8
    assert "by coverage: 20%: 0.00, 40%: 0.00" in table(rights), "no risk is not an unknown one"
    missing = [row("q1", confidence=float("nan"))]
    assert "risk and coverage: not measured, no confidence given (1 unscored)" in table(missing)


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
        *(row(f"r{n}", retrieval={m.name: n / 9 for m in MEASURES}) for n in range(9)),
    ]
    text = table(rows)
    assert max(map(len, text.splitlines())) == WIDTH
    assert "\x1b" not in text
    assert text.count("...") >= 3


@pytest.mark.parametrize(
    ("scored", "expected"),
    [
        (row(outcome="failed", error="no reply", nuggets=Found(0, 1)), ["failed: no reply"]),
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
    ],
)
def test_what_is_wrong_with_an_answer(scored: QuestionScore, expected: list[str]) -> None:
    assert faults(scored) == expected


def head(rows: list[QuestionScore], **fields: Any) -> dict[str, Any]:
    return {
        "format": REPORT_FORMAT,
        "made": "2026-03-04T05:06:07+00:00",
        "model": "none",
        "judge": {"name": "letters", "agreement": None},
        "settings": {"index": None},
        "versions": {"python": "3"},
        "summary": summarise(rows).to_dict(),
        **fields,
    }


def record(scored: QuestionScore, **gold: Any) -> dict[str, Any]:
    asked = {"id": scored.id, "kind": scored.kind, "question": "?", "reference": "“déjà”", **gold}
    return {"gold": asked, "answer": None, "score": scored.to_dict(), "values": {}}


def test_the_reports_are_written_whole_into_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    records = [record(scored) for scored in ROWS]
    paths = write_reports(folder, head(ROWS), lambda: iter(records))
    assert paths == [folder / "report.json", folder / "report.html"]
    text = paths[0].read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps({**head(ROWS), "questions": records}))
    assert "“déjà”" in text, "a person reads it too"
    assert sorted(os.listdir(folder)) == ["report.html", "report.json"]
    assert read_report(folder) == read_report(paths[0]) == json.loads(text)


@pytest.mark.parametrize("content", ["{", "3", '{"format": 1, "summary": {}, "questions": []}'])
def test_what_is_no_report_is_told_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(SettingError, match="is no report that this version's"):
        read_report(tmp_path)
    with pytest.raises(SettingError, match=r"can't read the report .*absent"):
        read_report(tmp_path / "absent")
