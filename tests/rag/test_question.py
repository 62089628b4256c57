import pytest

from index.errors import QuestionError
from rag.question import LONGEST, MAX_CHARACTERS, analyse, asking_part


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("How long did the strike last?", "amount"),
        ("How much did the bridge cost?", "amount"),
        ("At the peak of the fire, how many crews were there?", "amount"),
        ("What was the latest death toll in the accident?", "amount"),
        ("At what depth does the wreck lie?", "amount"),
        ("When was the dam built?", "time"),
        ("Who signed the agreement?", "name"),
        ("Where was the clock found?", "name"),
        ("In which town did they meet?", "name"),
        ("What company built the bridge?", "name"),
        ("What caused the fire?", "what"),
        ("What did the mayor say when she resigned?", "open"),
        ("How did the mayor change the figures?", "open"),
        ("Did the minister meet the union?", "open"),
        ("ferry accident Larkmoor", "open"),
    ],
)
def test_what_a_question_asks_for(text, asks):
    assert analyse(text).asks == asks


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
    ("question", "asked"),
    [
        ("Who told reporters that the dam was safe?", True),
        ("Who has accused the roofers?", True),
        ("Which union leader said that the port would close?", True),
        ("Who ordered the recount?", False),
        ("How many people said that it was safe?", False),
        ("Where does the river come from?", False),
    ],
)
def test_who_says_something_asks_for_a_speaker(question, asked):
    assert analyse(question).of_speaker is asked


def test_several_things_are_asked_for_by_a_plural():
    assert analyse("Which countries did the envoy visit?").of_several
    assert not analyse("Which country did the envoy visit?").of_several
    assert not analyse("How many countries did the envoy visit?").of_several


TOLD = "We are a reading circle and talk each week about the harbours and towns of our coast. " * 8


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (
            TOLD + "My question is only this: what did the pier at Imber cost?",
            "what did the pier at Imber cost?",
        ),
        ("How many boats sank at Tarn? " + TOLD, "How many boats sank at Tarn?"),
        (TOLD + "Have you been there? " + TOLD + "Who leads Kell? Thanks.", "Who leads Kell?"),
        (TOLD + "Who leads Kell? And since when?", "Who leads Kell? And since when?"),
        (
            TOLD + "The pier at Orm is new. What did it cost?",
            "The pier at Orm is new. What did it cost?",
        ),
        (
            TOLD + "Please tell me how old the mayor of Garth is. Many thanks.",
            "Please tell me how old the mayor of Garth is.",
        ),
        (TOLD + "Was kostete der Turm von Imber?", "Was kostete der Turm von Imber?"),
        (TOLD + "the price of the pier at Orm", "the price of the pier at Orm"),
    ],
)
def test_the_part_of_a_long_question_that_asks(text, asked):
    assert asking_part(analyse(text).text) == asked


def test_a_short_question_is_asked_whole_and_one_without_an_end_is_cut():
    short = "The pier is new. I like it. What did it cost?"
    assert asking_part(short) == short
    endless = "the pier and " * 600 + "what did it cost"
    assert len(asking_part(endless)) <= LONGEST and asking_part(endless).endswith("it cost")


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Wie viele Boote sanken in Orm?", "amount"),
        ("Wann öffnet der Hafen von Orm?", "time"),
        ("Wer leitet den Hafen von Orm?", "name"),
        ("Warum ist der Hafen geschlossen?", "open"),
        ("¿Cuánto costó el puente de Orm?", "amount"),
        ("¿Quién dirige el puerto?", "name"),
        ("Quand est-ce que le port ouvre ?", "time"),
        ("Chi guida il porto di Orm?", "name"),
        ("Quantos barcos afundaram em Orm?", "amount"),
        ("O que disse o prefeito de Orm?", "what"),
        ("港はいつ開きますか。", "time"),
        ("修理用了多少天？", "amount"),
        ("谁是镇长？", "name"),
        ("كم قاربا غرق في نرجس؟", "amount"),
        ("متى يفتح الميناء؟", "time"),
    ],
)
def test_what_a_question_in_another_language_asks_for(text, asks):
    asked = analyse(text)
    assert asked.asks == asks and asked.terms and not asked.names
