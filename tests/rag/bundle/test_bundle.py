import json
from datetime import datetime

import pytest

from index.errors import SettingError
from index.records import Article, Passage
from rag.assemble import APART, DOUBTFUL
from rag.bundle import MAX_BYTES, bundle_of, canonical, markdown_of, seal_of, write_bundle
from rag.schema import Answer, Citation, Claim
from tests import bundles


def test_a_bundle_holds_all_that_is_needed_to_read_it_alone():
    data = bundles.bundle()
    assert data["format"] == "wirecheck-bundle/1" and data["made"] == "2031-04-07T12:30:00Z"
    first = data["sentences"][0]["citations"][0]
    text = data["articles"]["b1"]["text"]
    assert text[first["start"] : first["end"]] == first["quote"] == bundles.CLOSED.text
    assert data["articles"]["b1"]["sha256"] == bundles.ECHO.sha256
    assert data["refused"][0]["reason"] == "date" and data["ledger"][0]["article_ids"]
    assert (data["model"], data["checker"]) == ("openai/scripted", "bundled")
    assert data["prompts"] == {"write.system": "0" * 64} and data["index"] == {"generation": 3}
    assert data["settings"] == {"since": "2031-04-01"} and "python" in data["versions"]


def test_a_question_of_several_parts_names_the_prompts_of_all():
    parts = [{"prompts": {"a": "1"}, "checker": "bundled"}, {"prompts": {"b": "2"}}]
    data = bundles.bundle(trace={"model": "m", "answers": parts})
    assert data["prompts"] == {"a": "1", "b": "2"} and data["checker"] == "bundled"


def test_the_hash_is_that_of_everything_else_in_any_order():
    data = bundles.bundle()
    assert seal_of(data) == data["sha256"]
    assert seal_of(dict(reversed(data.items()))) == data["sha256"]
    assert seal_of({**data, "note": "Compare!"}) != data["sha256"]
    assert canonical({"b": 1, "a": [0.1, "ä"]}) == '{"a":[0.1,"ä"],"b":1}'.encode()


def test_the_hash_survives_keys_and_tuples_that_json_changes():
    data = bundles.bundle(trace={"counts": {2: (1, 2), 10: None}})
    assert seal_of(json.loads(json.dumps(data))) == data["sha256"]


@pytest.mark.parametrize("trace", [{"x": float("nan")}, {"x": object()}, {"x": "\ud800"}])
def test_what_is_no_json_is_refused_in_one_line(trace):
    with pytest.raises(SettingError, match="JSON") as caught:
        bundles.bundle(trace=trace)
    assert len(str(caught.value).splitlines()) == 1


def test_a_time_needs_its_zone():
    with pytest.raises(SettingError, match="zone"):
        bundle_of(bundles.answer(), {}, datetime(2031, 4, 7))


@pytest.mark.parametrize("name", ["answer.json", "answer.html", "answer.HTML"])
def test_it_is_written_whole_and_nothing_else_is_left(tmp_path, name):
    path = tmp_path / name
    path.write_text("old")
    write_bundle(bundles.answer(), path, bundles.MADE)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert bundles.CLOSED.text in path.read_text(encoding="utf-8")


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "answer.json"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bundle(bundles.answer(), path, bundles.MADE)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["answer.json"]


@pytest.mark.parametrize("name", ["answer.txt", "answer", "answer.json.gz"])
def test_another_ending_is_refused(tmp_path, name):
    with pytest.raises(SettingError, match="must end in"):
        write_bundle(bundles.answer(), tmp_path / name, bundles.MADE)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_could_not_be_read_back_is_not_written(tmp_path):
    huge = Article("huge", "", "x" * MAX_BYTES)
    claim = Claim("x", (Citation(Passage(huge, 0, 1), 1.0),), 1.0, kind="quote")
    with pytest.raises(SettingError, match="over 40,000,000"):
        write_bundle(Answer("?", "answered", (claim,)), tmp_path / "a.json", bundles.MADE)


def test_markdown_has_a_footnote_for_each_cited_span():
    lines = markdown_of(bundles.answer()).split("\n\n")
    assert lines[0] == "**When did the Arden bridge close?**"
    assert lines[1] == "Friday [^1] [^2]" and lines[2].endswith(" [^3]")
    place = f"b1, characters {bundles.CLOSED.start}–{bundles.CLOSED.end}"
    assert lines[4] == f"[^1]: “{bundles.CLOSED.text}” (Arden Echo, 2031-04-04; {place})"
    assert "(outlet unknown, date unknown; b2, " in lines[5]


def test_a_span_that_is_cited_twice_is_one_footnote():
    text = markdown_of(bundles.answer(claims=(bundles.SPAN, bundles.SPAN)))
    assert text.count("Friday [^1] [^2]") == 2 and "[^3]" not in text


def test_markdown_says_what_a_follow_up_was_asked_as():
    rewritten = {"from": "When?", "to": "When did the bridge close?"}
    text = markdown_of(bundles.answer(question="When?", trace={"rewritten": rewritten}))
    assert text.startswith("**When?**\n\nAsked as: When did the bridge close?\n\n")


def test_markdown_says_what_must_be_known_before_and_of_a_sentence():
    quoted = Claim("It was cold.", bundles.SPAN.citations[:1], 1.0, kind="quote", remark=APART)
    text = markdown_of(bundles.answer(claims=(quoted,), note=f"{DOUBTFUL}Quoted."))
    assert f"\n\n*{DOUBTFUL.strip()}*\n\nIt was cold. [^1] *({APART})*\n\n*Quoted.*\n\n" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1984. It was cold.", "1984\\. It was cold."),
        ("- no list", "\\- no list"),
        ("*a* [b](c) `d` <e> &lt;", "\\*a\\* \\[b\\](c) \\`d\\` \\<e\\> \\&lt;"),
        ("two\n\nparagraphs", "two paragraphs"),
    ],
)
def test_what_markdown_would_read_as_markup_is_literal(text, shown):
    claim = Claim(text, bundles.SPAN.citations[:1], 1.0, kind="written")
    assert f"\n\n{shown} [^1]\n\n" in markdown_of(bundles.answer(claims=(claim,)))
