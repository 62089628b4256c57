import pytest

from index.errors import QuestionError
from rag.question import MAX_CHARACTERS, analyse, answer_type


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("How long did the strike last?", "duration"),
        ("For how many days was the port shut?", "duration"),
        ("How many people were on board?", "count"),
        ("At the peak of the fire, how many crews were there?", "count"),
        ("What was the latest death toll in the accident?", "count"),
        ("How did the number of dead change over the days?", "count"),
        ("How did the mayor change the figures?", None),
        ("death toll ferry Larkmoor", "count"),
        ("Oda Renn winning time hill race", "duration"),
        ("ferry accident Larkmoor", None),
        ("At what depth does the wreck lie?", "measure"),
        ("How much did the bridge cost?", "money"),
        ("What price is given for the deal?", "money"),
        ("What does the mayor of Corrin earn in a year?", "money"),
        ("Who is Holm's sister?", "person"),
        ("What did the mayor say that they will pay for?", None),
        ("What percentage of voters stayed at home?", "percent"),
        ("When was the dam built?", "time"),
        ("Until when is the ferry out of action?", "time"),
        ("Where was the clock found?", "place"),
        ("In which town did they meet?", "place"),
        ("Who signed the agreement?", "person"),
        ("By whom was it signed?", "person"),
        ("Which company built the bridge?", "name"),
        ("Why did the talks fail?", None),
        ("What did the mayor say when she resigned?", None),
        ("What is the lobby worried about when it comes to trade?", None),
        ("Did the minister meet the union?", None),
        ("Who is Ansel Brock?", None),
        ("Who is Marrenia's new transport minister?", "person"),
        ("Who was skipper of the Dorrit Four?", "person"),
        ("Who is the mayor of Corrin?", "person"),
        ("Which countries did the minister visit?", "place"),
        ("Which cities were without power?", "place"),
    ],
)
def test_the_kind_of_short_answer_that_a_question_wants(text, kind):
    assert answer_type(text) == kind


def test_words_to_look_up_are_read_as_a_question():
    assert analyse("Latest death toll, Larkmoor ferry?").whole == (
        "What is the Latest death toll, Larkmoor ferry?"
    )
    for text in ("How many died?", "ferry accident Larkmoor", "Number of dead, or who died?"):
        assert analyse(text).whole == text


def test_what_is_read_off_a_question():
    asked = analyse('Did Mayor Ansel Brock say "not one stone" about the 40 houses on 3 May?')
    assert any("Brock" in name for name in asked.names)
    assert asked.quoted == ("not one stone",)
    assert asked.numbers == ("40",)
    assert [(d.month, d.day) for d in asked.dates] == [(5, 3)]
    assert "house" in asked.terms
    assert "say" not in asked.terms


@pytest.mark.parametrize(
    "text", ["", "   \n", "?!…", "\u200b", "x" * (MAX_CHARACTERS + 1), "why " * 25_000]
)
def test_what_is_no_question_is_refused_in_one_line(text):
    with pytest.raises(QuestionError) as caught:
        analyse(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize("thing", [None, 7, b"who?", ["who?"]])
def test_a_question_must_be_text(thing):
    with pytest.raises(QuestionError, match="must be text"):
        analyse(thing)


def test_control_characters_are_dropped():
    assert analyse("who\x1b[2J is\x00 it?").text == "who[2J is it?"


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Which politician mocked the accord?", "person"),
        ("Which two council members voted against it?", "person"),
        ("What is the name of the skipper of the barge?", "person"),
        ("Which manufacturer supplied the pumps?", "name"),
        ("What was the name of the bridge?", "name"),
        ("Which side left first?", "thing"),
    ],
)
def test_a_name_is_asked_for_in_many_words(question, kind):
    assert answer_type(question) == kind


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Give me the judge's own words on the recount.", True),
        ("What exactly did Holm answer to the charge?", True),
        ("What were Ada Holm's words about the line?", True),
        ("What did the minister pledge, word for word?", True),
        ("What did Holm say about the line?", False),
        ("How many words are in the treaty?", False),
    ],
)
def test_exact_words_are_asked_for(question, asked):
    assert analyse(question).asks_words is asked


def test_who_said_something_asks_for_a_speaker():
    assert analyse("Who told reporters that the dam was safe?").asks_speaker
    assert analyse("Who has accused the roofers?").asks_speaker
    assert not analyse("Who ordered the recount?").asks_speaker
    assert not analyse("How many people said that it was safe?").asks_speaker


@pytest.mark.parametrize(
    "question",
    [
        "Who mocked the bridge as a toy?",
        "Which minister predicted that the port would close?",
        "Whose claim is it that hundreds were hurt?",
        "Where does the talk of hackers come from?",
        "Who has pointed a finger at the roofers?",
    ],
)
def test_who_says_something_is_asked_for_in_many_words(question):
    asked = analyse(question)
    assert asked.asks_speaker and asked.answer_type == "person"


@pytest.mark.parametrize("question", ["Where does the river come from?", "Who won the race?"])
def test_other_questions_ask_for_no_speaker(question):
    assert not analyse(question).asks_speaker
