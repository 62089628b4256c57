"""Another system in a whole run, and a language model that judges and grades it."""

import json
from contextlib import contextmanager

import pytest

from eval.main import main
from tests.eval.test_run import asked
from tests.eval.test_systems import ARTICLES, command
from tests.openai_server import OpenAIServer, says

GOLD = asked("q1", "How many people died?", "Nine.", "nine", "ferry")
THEIRS = """
import json, sys
question = sys.stdin.read()
if "gate" in question:
    sys.exit("broken")
print(json.dumps({"text": "Nine died.", "citations": [
    {"article_id": "ferry", "quote": "Nine people died."}]}))
"""


@pytest.fixture
def news(tmp_path):
    folder = tmp_path / "news"
    folder.mkdir()
    for name, article in ARTICLES.items():
        (folder / f"{name}.txt").write_text(article.text, encoding="utf-8")
    gold = tmp_path / "gold.jsonl"
    other = {**GOLD, "id": "q2", "question": "When did the gate jam?", "nuggets": [["Saturday"]]}
    gold.write_text(f"{json.dumps(GOLD)}\n{json.dumps(other)}\n", encoding="utf-8")
    return ["--articles", str(folder), "--questions", str(gold), "--report", str(tmp_path / "out")]


def test_a_command_is_scored_and_what_breaks_is_a_failed_question(news, tmp_path, capsys):
    assert main([*news, "--system", command(THEIRS)]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    first, second = (row["score"] for row in report["questions"])
    assert (first["outcome"], first["nuggets"]["hits"], first["must_cite"]["hits"]) == (
        "answered",
        1,
        1,
    )
    assert first["verdicts"][0]["finding"] == "supported"
    assert second["outcome"] == "failed" and second["error"].endswith("ended with 1: broken")
    assert report["system"] == command(THEIRS)
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture
def judge(monkeypatch):
    """A language model that says one thing of sentences, and another of answers."""

    @contextmanager
    def serve(verdict, grade):
        def reply(body):
            told = json.loads(body["messages"][1]["content"].splitlines()[0])
            return verdict if "sentence" in told else grade

        monkeypatch.setenv("OPENAI_API_KEY", "k")
        with OpenAIServer(says(reply)) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            yield ["--system", command(THEIRS), "--judge", "llm:openai/x"]

    return serve


def test_a_language_model_judges_and_grades(news, tmp_path, judge, capsys):
    with judge("VERDICT: NOT_SUPPORTED", "GRADE: PARTIAL") as words:
        assert main([*news, *words]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    first, second = (row["score"] for row in report["questions"])
    assert (first["grade"], second["grade"]) == ("PARTIAL", "NOT_ATTEMPTED")
    assert first["verdicts"][0]["finding"] == "unsupported"
    assert report["summary"]["figures"]["graded_partial"]["value"] == 0.5
    assert report["judge"]["agreement"]["value"] == 0.5, "it says no to every pair"
    assert "judged by llm:openai/x, balanced accuracy 0.500" in capsys.readouterr().out


def test_a_grade_that_can_not_be_read_is_unscored(news, tmp_path, judge):
    with judge("VERDICT: SUPPORTED", "Looks fine to me.") as words:
        assert main([*news, *words]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    figure = report["summary"]["figures"]["graded_correct"]
    assert (figure["value"], figure["n"], figure["unscored"]) == (0.0, 1, 1)
