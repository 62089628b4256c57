"""Gold files: what is read, and what is refused and how."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.gold import GoldQuestion, read_gold
from index.errors import SettingError

ROW: dict[str, Any] = {
    "id": "q1",
    "kind": "single",
    "question": "How long will the Lorn bridge stay shut?",
    "answerable": True,
    "reference": "Forty days.",
    "nuggets": [["40 days", "forty days"]],
    "must_cite": [["a1", "a2"]],
    "may_cite": ["a1", "a2", "a3"],
    "forbid": ["40 weeks"],
}
DECLINE = {**ROW, "kind": "unanswerable", "answerable": False, "nuggets": [], "must_cite": []}


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SettingError) as caught:
        read_gold(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith((str(path), "can't read the gold questions"))
    return message.removeprefix(str(path))


def test_every_field_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "gold.jsonl", ROW, {**DECLINE, "id": "q2", "note": "odd", "by": "us"})
    first, second = read_gold(path)
    assert first == GoldQuestion(
        id="q1",
        kind="single",
        question="How long will the Lorn bridge stay shut?",
        answerable=True,
        reference="Forty days.",
        nuggets=(("40 days", "forty days"),),
        must_cite=(("a1", "a2"),),
        may_cite=("a1", "a2", "a3"),
        forbid=("40 weeks",),
    )
    assert first.article_ids == {"a1", "a2", "a3"}
    assert (second.id, second.answerable, second.note) == ("q2", False, "odd")


def test_blank_lines_a_mark_and_crlf_and_line_separators_within_strings(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    row = json.dumps({**ROW, "question": "Two\u2028lines?"}, ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf\r\n" + row.encode() + b"\r\n\r\n")
    assert [question.question for question in read_gold(path)] == ["Two\u2028lines?"]


@pytest.mark.parametrize("field", sorted(ROW))
def test_a_missing_field_is_named(field: str, tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if key != field}
    path = write(tmp_path / "gold.jsonl", ROW, row)
    assert refusal(path).startswith(f", line 2, field {field!r}: ")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("id", 7, "valid string"),
        ("id", " ", "holds an empty string; write some words"),
        ("kind", "easy", "'single', 'multi'"),
        ("question", "half \ud800", "surrogates not allowed"),
        ("answerable", "yes", "valid boolean"),
        ("nuggets", ["40 days"], "valid tuple"),
        ("nuggets", [["40 days"], []], "at least 1"),
        ("nuggets", [["40 days", ""]], "holds an empty string; write some words"),
        ("nuggets", [], "empty, but the question is answerable; "),
        ("must_cite", [["a1", "a9"]], "'a9' is not in 'may_cite'; add it there"),
        ("may_cite", "a1", "valid tuple"),
        ("note", 3, "valid string"),
    ],
)
def test_what_cannot_be_used_is_told(field: str, value: object, said: str, tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "gold.jsonl", {**ROW, field: value}))
    assert message.startswith(f", line 1, field {field!r}: ") and said in message


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**DECLINE, "answerable": True, "nuggets": [["x"]]}, "field 'answerable': true, but the"),
        ({**DECLINE, "nuggets": [["x"]]}, "field 'nuggets': must be [] where"),
        ({**DECLINE, "must_cite": [["a1"]]}, "field 'must_cite': must be [] where"),
    ],
)
def test_fields_that_contradict_each_other(row: object, said: str, tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "gold.jsonl", row)).startswith(f", line 1, {said}")


def test_a_duplicate_id_names_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "gold.jsonl", ROW, {**ROW, "id": "q2"}, ROW)
    assert refusal(path) == (
        ", line 3, field 'id': 'q1' is the ID of line 1 too; give each question its own"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "q1",}', ", line 2: not JSON ("),
        ('["q1"]', ", line 2: is no object; write one JSON object a line"),
        ("[" * 100_000, ", line 2: not JSON ("),
    ],
)
def test_a_bad_line_is_named(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(f"{json.dumps(ROW)}\n{line}\n", encoding="utf-8")
    assert refusal(path).startswith(said)


def test_no_questions_no_file_no_text(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n \n", encoding="utf-8")
    assert refusal(empty) == " holds no questions; write one JSON object a line"
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"id": "caf\xe9"}')
    assert refusal(latin) == " is not UTF-8 (byte 11); save it as UTF-8"
    assert "No such file" in refusal(tmp_path / "absent.jsonl")
    assert "Is a directory" in refusal(tmp_path)
