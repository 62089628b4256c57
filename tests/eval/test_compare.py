"""Two reports side by side, against differences and permutations counted by hand."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.compare import JUDGED, comparison, difference, pair, permutation_p
from eval.main import main
from eval.metrics import BY_NAME
from index.errors import SettingError
from rag.schema import Answer
from tests.eval.test_main import Fake, gold_file  # noqa: F401
from tests.eval.test_run import right

Values = Mapping[str, float | None]


def report(rows: Mapping[str, Values], judge: str = "letters", **stories: str) -> dict[str, Any]:
    return {
        "made": "2026-03-04",
        "model": None,
        "judge": {"name": judge, "agreement": None},
        "questions": [
            {
                "gold": {"id": name, "kind": "single", "question": name},
                "score": {"story": stories.get(name)},
                "values": values,
            }
            for name, values in rows.items()
        ],
    }


def found(a: list[float | None], b: list[float | None], name: str = "nuggets") -> Any:
    first, second = ({f"q{n}": {name: v} for n, v in enumerate(vs)} for vs in (a, b))
    return difference(BY_NAME[name], pair(report(first), report(second)))


def test_a_difference_by_hand() -> None:
    """Gains 1, 0.5, 0, -0.5 of four stories: mean 0.25; 16 flips, of which 2*(1+...)."""
    d = found([0, 0.5, 1, 1, None, 1], [1, 1, 1, 0.5, 1, None])
    assert found([None], [1]) is None
    assert (d.n, d.a, d.b, d.gain.value) == (4, 2.5 / 4, 3.5 / 4, 0.25)
    assert (d.won, d.lost) == (2, 1)
    flips = [
        abs(sum(s * g for s, g in zip(signs, (1, 0.5, 0.5), strict=True)))
        for signs in product((1, -1), repeat=3)
    ]
    assert d.p == sum(f >= 1.0 - 1e-9 for f in flips) / 8 == 6 / 8
    assert d.gain.low is not None and d.gain.low < 0 < d.gain.high


def test_where_lower_is_better_a_question_is_won_by_less() -> None:
    d = found([1, 0, 0.5], [0, 1, 0.5], "forbidden")
    assert (d.won, d.lost, d.gain.value) == (1, 1, 0)
    d = found([70, 90], [60, 50], "words")
    assert (d.won, d.lost, d.gain.value) == (2, 0, -25)


def test_a_story_is_flipped_as_a_whole() -> None:
    """Eight gains of one story are one coin: p is 1. Of eight stories: 2 of 256 flips."""
    gains = np.ones(8)
    assert permutation_p(gains, ["one"] * 8) == 1
    assert permutation_p(gains, [None] * 8) == 2 / 256
    assert permutation_p(gains, [f"s{n // 2}" for n in range(8)]) == 2 / 16


def test_questions_with_other_gold_are_left_out_and_told() -> None:
    a = report({"q1": {"nuggets": 1}, "q2": {"nuggets": 1}, "q3": {"nuggets": 1}})
    b = report({"q3": {"nuggets": 0}, "q1": {"nuggets": 0}, "q4": {"nuggets": 0}})
    b["questions"][1]["gold"]["question"] = "another"
    assert [row["gold"]["id"] for row, _ in pair(a, b)] == ["q3"]
    text = comparison(a, b)
    assert "1 question in both" in text
    assert "left out: 2 of A" in text and "left out: 2 of B" in text
    with pytest.raises(SettingError, match="no question in common"):
        comparison(a, report({"q9": {}}))


def test_figures_of_different_judges_are_not_compared() -> None:
    values = {name: 1.0 for name in (*JUDGED, "nuggets")}
    text = comparison(report({"q1": values}), report({"q1": values}, judge="other"))
    rows = [line.split()[0] for line in text.split("\n\n")[1].splitlines()]
    assert "nuggets" in rows and not set(rows) & set(JUDGED)
    assert f"not compared, since the judges differ: {', '.join(JUDGED)}" in text
    assert set(JUDGED) <= {
        line.split()[0]
        for line in comparison(report({"q1": values}), report({"q1": values})).splitlines()
        if line
    }


def test_each_question_won_and_lost_is_told() -> None:
    a = report({"q1": {"nuggets": 0.0, "must_cite": 1.0, "seconds": 1.0}, "q2": {"nuggets": 1.0}})
    b = report({"q1": {"nuggets": 1.0, "must_cite": 0.5, "seconds": 9.0}, "q2": {"nuggets": 1.0}})
    lines = comparison(a, b).splitlines()
    assert lines[-2:] == [
        "1 question changed",
        "q1         single         won nuggets 0.00 to 1.00; lost must_cite 1.00 to 0.50",
    ]
    assert comparison(a, a).splitlines()[-1] == "no question changed"


def test_two_runs_are_compared_from_the_command_line(
    gold_file: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def declines(question: str) -> Answer:
        return Answer(question, "declined")

    for name, ask in (("a", declines), ("b", right)):
        folder = str(tmp_path / name)
        arguments = ["--index", "i", "--questions", str(gold_file), "--report", folder]
        assert main(arguments, Fake(ask).parts()) == 0
    capsys.readouterr()
    assert main(["--compare", str(tmp_path / "a"), str(tmp_path / "b" / "report.json")]) == 0
    text = capsys.readouterr().out
    nuggets = next(line for line in text.splitlines() if line.startswith("nuggets "))
    assert nuggets.split()[:5] == ["nuggets", "2", "0.000", "1.000", "+1.000"]
    assert "2 questions changed" in text
    with pytest.raises(SettingError, match="can't read the report"):
        main(["--compare", str(tmp_path / "a"), str(tmp_path / "absent")])
