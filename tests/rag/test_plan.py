import json

import pytest

from index.errors import ModelReplyError, ModelUnreachable, QuestionError, SettingError
from index.records import Article, Passage
from rag.plan import MAX_PARTS, REMEMBERED, Turn, foreign, plan, read_history, turns_of
from rag.schema import Answer, Citation, Claim
from tests.replay import ReplayModel

OUTLETS = ("The Larkmoor Gazette", "Coastline Radio News", "Harbour Wire")


def turn(question: str, quote: str, value: str = "") -> Turn:
    passage = Passage(Article("a1", "", quote, "Lune Post"), 0, len(quote))
    claim = Claim(value or quote, (Citation(passage, 0.9),), 0.9, kind="span" if value else "quote")
    return Turn(question, Answer(question, "answered", (claim,)))


SHUT = turn(
    "How long was the harbour of Lune Mills shut?",
    "The harbour of Lune Mills was shut for four days, Ms Holm said; in May it was nine weeks.",
    "four days",
)


def texts(planned) -> list[str]:
    return [p.text for p in planned.parts]


@pytest.mark.parametrize(
    "question",
    [
        "Why did Holm and Doorn meet?",
        "What did the ministers of trade and transport sign?",
        "What did Holm say about the bridge?",
        "Did the harbour open?",
    ],
)
def test_one_question_without_a_conversation_is_asked_as_it_is(question):
    model = ReplayModel(planned="Never?")
    planned = plan(question, (), model, OUTLETS)
    assert texts(planned) == [question] and not model.asked
    assert planned.trace(question) == {"parts": [{"text": question, "kind": "ask", "outlets": []}]}


@pytest.mark.parametrize("typed", ["", "   ", "?", "x" * 9000])
def test_what_is_no_question_is_refused(typed):
    with pytest.raises(QuestionError):
        plan(typed, [SHUT], None)


@pytest.mark.parametrize(
    ("question", "asked", "outlet"),
    [
        ("According to the Larkmoor Gazette, how many died?", "How many died?", OUTLETS[0]),
        ("How many died according to COASTLINE radio news?", "How many died?", OUTLETS[1]),
        ("How many died, as reported by Harbour Wire?", "How many died?", OUTLETS[2]),
    ],
)
def test_an_outlet_that_is_named_is_asked_within_its_own_reports(question, asked, outlet):
    (part,) = plan(question, (), None, OUTLETS).parts
    assert (part.text, part.outlets, part.kind) == (asked, (outlet,), "ask")


@pytest.mark.parametrize(
    "question",
    ["According to Ada Holm, how many died?", "According to the Gazette, how many died?"],
)
def test_a_speaker_or_a_part_of_a_name_is_no_outlet(question):
    (part,) = plan(question, (), None, OUTLETS).parts
    assert (part.text, part.outlets) == (question, ())


@pytest.mark.parametrize(
    ("question", "what"),
    [
        ("Which outlets mention the siren in Upper Tarn?", "the siren in Upper Tarn"),
        ("What papers reported on the vigil?", "the vigil"),
        ("Which of the reports cover the strike?", "the strike"),
        ("Who else reports that the alarm was off?", "the alarm was off"),
    ],
)
def test_who_mentions_something_is_a_list_of_reports(question, what):
    (part,) = plan(question, (), None, OUTLETS).parts
    assert (part.kind, part.text) == ("mentions", what)


def test_a_follow_up_is_asked_as_the_model_writes_it():
    model = ReplayModel(planned="Why was the harbour of Lune Mills shut?")
    planned = plan("And why?", [SHUT], model, OUTLETS)
    assert texts(planned) == ["Why was the harbour of Lune Mills shut?"]
    assert planned.trace("And why?")["rewritten"] == {
        "from": "And why?",
        "to": "Why was the harbour of Lune Mills shut?",
        "by": "model",
    }
    assert set(planned.trace("And why?")["prompts"]) == {"plan"}


def test_the_model_sees_the_conversation_and_no_file_id():
    model = ReplayModel(planned="Why was it shut?")
    declined = Turn("Who paid?", Answer("Who paid?", "declined"))
    plan("And why?", [SHUT, declined], model)
    (sent,) = model.asked
    last = sent[-1]["content"]
    assert SHUT.question in last and "four days" in last and "Ms Holm" in last
    assert "Answer: not known" in last and last.endswith("Last question: And why?")
    assert "a1" not in last


def test_several_questions_are_asked_one_by_one():
    model = ReplayModel(planned="- Who won the race?\n2\n\n- Who lost the race?\n")
    question = "Who won the race, and who lost it?"
    assert texts(plan(question, (), model)) == [question]  # "2" is no question
    model = ReplayModel(planned="- Who won the race?\n\n“Who lost the race?”\n- Who won the race?")
    planned = plan(question, (), model)
    assert texts(planned) == ["Who won the race?", "Who lost the race?"]
    assert planned.trace(question)["rewritten"]["to"] == "Who won the race? Who lost the race?"


@pytest.mark.parametrize(
    "question",
    [
        "When did the ferry sink? Did it burn?",
        "Who won the race and how long did it take?",
        "Compare what Holm and Doorn said.",
        "How do Holm and Doorn differ on the race?",
    ],
)
def test_a_model_is_asked_whether_a_question_holds_several(question):
    model = ReplayModel(planned=question)
    plan(question, (), model)
    assert len(model.asked) == 1


def test_no_more_parts_than_can_be_answered():
    names = "bread cheese ham pie soup".split()
    question = "Who ate the " + " and who ate the ".join(names) + "?"
    model = ReplayModel(planned="\n".join(f"Who ate the {n}?" for n in names))
    assert len(plan(question, (), model).parts) == MAX_PARTS == 4


def test_what_the_model_leaves_as_it_is_is_no_rewrite():
    planned = plan("Who is Ms Holm?", [SHUT], ReplayModel(planned="Who is Ms Holm?"))
    assert "rewritten" not in planned.trace("Who is Ms Holm?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Why was the harbour of Lune Mills shut for four days?", ""),
        ("Did Holm say why?", ""),
        ("Why was the harbour of Varnholm shut?", "the name “Varnholm”"),
        ("Did Ada Holm say why?", "the name “Ada”"),
        ("Why was the harbour of Lune Mills bombed?", "the word “bombed”"),
        ("Why was the harbour shut for six days?", "the word “six”"),
        # Its words are spoken, but not together.
        ("Why was the harbour shut for four weeks?", "a number"),
        ("The harbour was shut.", "no single question"),
        ("Why? Was it shut?", "no single question"),
        ("Why was it shut " + "four days " * 100 + "?", "no single question"),
    ],
)
def test_a_rewrite_may_use_the_conversation_s_words_alone(text, said):
    refused = foreign(text, "Why that long?", [SHUT])
    assert (refused == "") if not said else said in refused


def test_a_refused_rewrite_leaves_the_question_and_the_trace_says_why():
    model = ReplayModel(planned="Why was it shut?\nWho bombed Varnholm?")
    planned = plan("And why?", [SHUT], model)
    assert texts(planned) == ["And why?"] and not planned.by_model
    assert "bombed" in planned.trace("And why?")["not_rewritten"]
    empty = plan("And why?", [SHUT], ReplayModel(planned=" \n"))
    assert texts(empty) == ["And why?"] and "empty" in empty.because


@pytest.mark.parametrize("fault", [ModelReplyError("nothing came"), ModelUnreachable("no route")])
def test_a_model_that_cannot_be_asked_leaves_the_question(fault):
    planned = plan("And why?", [SHUT], ReplayModel(fault=fault))
    assert texts(planned) == ["And why?"] and planned.because == str(fault)


def test_without_a_model_a_follow_up_is_asked_as_typed_and_the_trace_says_so():
    planned = plan("And why?", [SHUT], None)
    assert texts(planned) == ["And why?"]
    assert "language model" in planned.trace("And why?")["not_rewritten"]
    several = plan("Who won, and who lost?", (), None)
    assert len(several.parts) == 1 and not several.because


def test_turns_come_from_answers_or_their_dicts_and_know_what_was_asked():
    rewritten = {"from": "Why?", "to": "Why was the harbour shut?", "by": "model"}
    answer = Answer("Why?", "declined", trace={"rewritten": rewritten})
    turns = turns_of([SHUT.answer.to_dict(), answer])
    assert [t.question for t in turns] == [SHUT.question, "Why was the harbour shut?"]
    assert turns[0].told.startswith("four days The harbour") and turns[1].told == ""


def test_what_is_told_of_an_answer_is_no_difference():
    (claim,) = SHUT.answer.claims
    differ = Claim("Reports differ.", claim.citations, 0.9, kind="difference")
    told = Turn("Why?", Answer("Why?", "answered", (differ, claim))).told
    assert told == SHUT.told and "differ" not in told
    assert turn("Who won?", "Holm won.").told == "Holm won."


def test_only_the_last_turns_are_remembered():
    turns = turns_of([Answer(f"Why {n}?", "declined") for n in range(REMEMBERED + 2)])
    assert [t.question for t in turns] == [f"Why {n}?" for n in range(2, REMEMBERED + 2)]


def test_a_dict_that_is_no_answer_is_refused():
    with pytest.raises(SettingError, match="not an answer"):
        turns_of([{"question": "Why?"}])


@pytest.mark.parametrize("layout", ["one", "list", "lines", "pretty"])
def test_a_conversation_is_read_from_what_ask_prints(tmp_path, layout):
    rows = [SHUT.answer.to_dict(), turn("Who won?", "Holm won.").answer.to_dict()]
    text = {
        "one": json.dumps(rows[0]),
        "list": json.dumps(rows),
        "lines": "\n".join(map(json.dumps, rows)) + "\n",
        "pretty": "\n".join(json.dumps(r, indent=2) for r in rows),
    }[layout]
    path = tmp_path / "history.json"
    path.write_text(text, encoding="utf-8")
    found = [a.question for a in read_history(path)]
    assert found == [r["question"] for r in (rows[:1] if layout == "one" else rows)]


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "[]", "[1]", "{}", '{"a": 1} x', "null", "[" * 100_000, b"\xff\xfe", '"a"'],
)
def test_a_bad_conversation_is_one_line(tmp_path, text):
    path = tmp_path / "history.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingError) as caught:
        read_history(path)
    assert len(str(caught.value).splitlines()) == 1 and "history.json" in str(caught.value)


def test_a_long_question_is_asked_by_its_part_that_asks():
    told = "We talk each week about the harbours and towns of our coast and who built them. " * 20
    typed = told + "My question is: how long is the pier at Imber?"
    made = plan(typed, (), None)
    assert [p.text for p in made.parts] == ["how long is the pier at Imber?"]
    assert made.trace(typed)["rewritten"]["to"] == "how long is the pier at Imber?"
