"""Drafts of gold questions, by rule and by model, and that nobody mistakes them for gold."""

import json
from collections import Counter

import pytest

from eval.check_gold import unheld_nuggets, unknown_articles
from eval.gold import read_gold
from eval.make_gold import by_model, by_rule, main
from eval.run import SAMPLE_ARTICLES
from index import build_index, open_index
from index.errors import SettingError
from tests.openai_server import says

REPORTS = {
    "a1": "Crane falls\n\nTwelve dockers were hurt in Ostmere when a crane fell. “We had cleared the cabin,” Ines Tallow said on Tuesday.",
    "a2": "Harbour crane down\n\nNine dockers were hurt in Ostmere, the police said. The harbour of Ostmere stays closed.",
    "b1": "Museum reopens\n\nThe museum opened its doors again. It had been shut for two years.",
}  # fmt: skip


@pytest.fixture(scope="module")
def articles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gold")
    for name, text in REPORTS.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def index(articles, tmp_path_factory):
    made = tmp_path_factory.mktemp("made") / "index"
    build_index([articles], made)
    return open_index(made)


def test_rules_draft_a_conflict_with_each_side_and_its_report(index):
    draft = next(d for d in by_rule(index) if d.kind == "conflict")
    assert draft.question == "How many dockers were hurt?"
    assert sorted(draft.nuggets) == [("nine",), ("twelve",)]
    assert sorted(draft.must_cite) == [("a1",), ("a2",)] and set(draft.may_cite) == {"a1", "a2"}


def line(question, answer="Twelve dockers", quote="Twelve dockers were hurt in Ostmere when a crane fell.", answerable=True):  # fmt: skip
    return json.dumps({"question": question, "answerable": answerable, "answer": answer, "quote": quote})  # fmt: skip


def by_report(replies):
    def reply(body):
        told = json.loads(body["messages"][1]["content"].splitlines()[0])
        return replies.get(told["title"], "Nothing.")

    return says(reply)


def test_a_model_s_drafts_are_kept_if_their_quote_stands_and_holds_the_answer(index, openai):
    lines = [
        line("How many were hurt at Ostmere?"),
        line("How many died?", quote="Twelve dockers died."),
        line("Who was hurt?", answer="Ten dockers"),
        line("When does it open again?", "", "", answerable=False),
        "Sure, here is one more:",
        '{"question": 3}',
    ]
    server = openai(by_report({"Crane falls": "\n".join(lines)}))
    skipped = Counter()
    kept = [d.question for d in by_model(index, "openai/x", skipped)]
    assert kept == ["How many were hurt at Ostmere?", "When does it open again?"]
    assert skipped == {
        "questions whose quote stands in no report": 1,
        "questions whose answer is not in their quote": 1,
        "lines that are no question": 4,
    }
    assert len(server.requests) == 3


@pytest.mark.parametrize("setting", ["none", "openai/x"])
def test_the_file_is_refused_as_gold_until_each_mark_is_gone(articles, tmp_path, openai, capsys, setting):  # fmt: skip
    openai(by_report({"Crane falls": line("How many were hurt?")}))
    out = tmp_path / "drafts.jsonl"
    assert main([str(articles), "--out", str(out), "--model", setting]) == 0
    assert "take its 'draft' out" in capsys.readouterr().out
    with pytest.raises(SettingError, match=r"line 1, field 'draft': nobody has gone through"):
        read_gold(out)
    rows = [json.loads(row) for row in out.read_text("utf-8").splitlines()]
    assert rows and all(row.pop("draft") is True and row["note"].startswith("draft") for row in rows)  # fmt: skip
    out.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert len(read_gold(out)) == len(rows)


def test_a_file_that_is_there_is_never_overwritten(articles, tmp_path):
    out = tmp_path / "mine.jsonl"
    out.write_text("hours of work", encoding="utf-8")
    with pytest.raises(SettingError, match="is there already"):
        main([str(articles), "--out", str(out), "--model", "none"])
    assert out.read_text(encoding="utf-8") == "hours of work"


def test_drafts_of_the_sample_name_articles_and_words_that_are_there(tmp_path):
    out = tmp_path / "out.jsonl"
    assert main([str(SAMPLE_ARTICLES), "--out", str(out), "--model", "none", "--count", "20"]) == 0
    rows = [{**json.loads(row), "draft": False} for row in out.read_text("utf-8").splitlines()]
    assert len(rows) == 20
    out.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    from index.articles import read_articles

    questions = read_gold(out)
    known = {a.id: a for a in read_articles([SAMPLE_ARTICLES]).articles}
    assert list(unknown_articles(questions, known)) == []
    spoken = [q for q in questions if not q.question.startswith("Which outlets")]
    assert list(unheld_nuggets(spoken, known)) == []
