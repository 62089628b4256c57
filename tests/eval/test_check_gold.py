"""Gold as a table, drafts, and the validator that names every line."""

import csv
import json
from pathlib import Path

import pytest

from eval import check_gold
from eval.gold import GoldQuestion, gold_lines, read_gold
from eval.run import SAMPLE_ARTICLES
from index.errors import SettingError
from tests.eval.test_run import asked

COLUMNS = "id,kind,question,answerable,reference,nuggets,must_cite,may_cite,forbid,note".split(",")
CELLS = {
    "id": "q1",
    "kind": "single",
    "question": "How long, and why?",
    "answerable": "yes",
    "reference": "Forty days.",
    "nuggets": "40 days | forty days ; the ice",
    "must_cite": "a1 | a2 ; a3",
    "may_cite": "a1 | a2 | a3",
    "forbid": "40 weeks",
    "note": "",
}
AS_READ = GoldQuestion(
    "q1",
    "single",
    "How long, and why?",
    True,
    "Forty days.",
    (("40 days", "forty days"), ("the ice",)),
    (("a1", "a2"), ("a3",)),
    ("a1", "a2", "a3"),
    ("40 weeks",),
)


def table(path: Path, *rows: dict[str, str], columns=COLUMNS, delimiter=",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=delimiter, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def refusals(path: Path) -> list[str]:
    told = [str(item) for item in gold_lines(path) if isinstance(item, SettingError)]
    assert not any("\n" in line for line in told)
    return [line.removeprefix(str(path)) for line in told]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_as_its_columns_say(tmp_path, delimiter):
    """Columns come in any order, and a cell may be JSON."""
    row = {**CELLS, "forbid": '["40 weeks"]'}
    columns = [*reversed(COLUMNS), "by whom"]
    path = table(tmp_path / "gold.CSV", row, columns=columns, delimiter=delimiter)
    assert read_gold(path) == [AS_READ]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"answerable": "perhaps"}, "field 'answerable': Input should be a valid boolean"),
        ({"nuggets": ""}, "field 'nuggets': empty, but the question is answerable"),
        ({"nuggets": "[["}, "field 'nuggets': Input should be a valid tuple"),
        ({"nuggets": "a | "}, "field 'nuggets': holds an empty string"),
        ({"may_cite": "a1"}, "field 'must_cite': 'a2' is not in 'may_cite'"),
        ({"draft": "true"}, "field 'draft': nobody has gone through this draft"),
    ],
)
def test_what_a_cell_can_not_be_is_told(tmp_path, cells, told):
    path = table(tmp_path / "g.csv", CELLS | {"id": "q0"}, CELLS | cells, columns=[*COLUMNS, "draft"])  # fmt: skip
    [line] = refusals(path)
    assert line.startswith(f", line 3, {told}")


def test_a_row_over_several_lines_is_named_by_its_first(tmp_path):
    rows = [{**CELLS, "reference": "two\nlines"}, {**CELLS, "id": "q2", "kind": "easy"}]
    [line] = refusals(table(tmp_path / "g.csv", *rows))
    assert line.startswith(", line 4, field 'kind'")


def test_a_missing_column_and_too_many_cells(tmp_path):
    path = table(tmp_path / "g.csv", CELLS, columns=[*COLUMNS[:-3], "note"])
    [line] = refusals(path)
    assert line == ", line 2, field 'may_cite': Field required"
    path.write_text("id,kind\na,b,c\n", encoding="utf-8")
    with pytest.raises(SettingError, match="line 2: 3 cells for 2 columns"):
        read_gold(path)


def as_json(**changes) -> str:
    return json.dumps({**asked("q1", "How long?", "Nine.", "nine people", "w012_0844"), **changes})


def test_every_line_is_told_not_the_first_alone(tmp_path, capsys):
    path = tmp_path / "gold.jsonl"
    lines = [as_json(kind="easy"), as_json(), "{", as_json(), as_json(id="q2", forbid=3)]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert check_gold.main([str(path)]) == 2
    told = capsys.readouterr().out.splitlines()
    assert [line.removeprefix(str(path)).split(":")[0] for line in told] == [
        ", line 1, field 'kind'",
        ", line 3",
        ", line 4, field 'id'",
        ", line 5, field 'forbid'",
        "",
    ]
    assert told[-1].endswith("1 questions (single 1); 4 wrong")


def test_articles_are_looked_up_and_unheld_nuggets_noted(tmp_path, capsys):
    path = tmp_path / "gold.jsonl"
    lines = [as_json(may_cite=["w012_0844", "w999_none"]), as_json(id="q2", nuggets=[["ten men"]])]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert check_gold.main([str(path), "--articles", str(SAMPLE_ARTICLES)]) == 2
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("note: question 'q2', field 'nuggets': 'ten men' stands in no")
    assert told[1] == "question 'q1': no article w999_none; mend the ID"
    path.write_text(as_json(), encoding="utf-8")
    assert check_gold.main([str(path), "--articles", str(SAMPLE_ARTICLES)]) == 0
