import pytest

from rag.fates import fates_in, fates_of, meeting
from rag.question import analyse
from rag.spans import typed_spans


@pytest.mark.parametrize(
    ("sentence", "fates"),
    [
        ("Nine people died and 14 were hurt.", {"Nine": "dead", "14": "hurt"}),
        ("The quake killed 19 and injured 240.", {"19": "dead", "240": "hurt"}),
        ("At least 12 dead, 30 injured in blast", {"12": "dead", "30": "hurt"}),
        ("The wave left nine dead and twelve missing.", {"nine": "dead", "twelve": "missing"}),
        ("Nine people died and two have not been found.", {"Nine": "dead", "two": "missing"}),
        ("The toll rose to nine, and two more are missing.", {"nine": "dead", "two": "missing"}),
        ("The number of dead has risen to 31.", {"31": "dead"}),
        ("Nine are now known to have died.", {"Nine": "dead"}),
        ("The flood claimed six lives.", {"six": "dead"}),
        ("Police arrested 34 and two officers were hurt.", {"34": "held", "two": "hurt"}),
        ("Some 3,200 people were ordered to leave their homes.", {"3,200": "displaced"}),
        ("Of the 91 people aboard, 80 were rescued.", {"91": "", "80": "saved"}),
        ("At its height 120 firefighters were at the scene.", {"120": ""}),
    ],
)
def test_what_befell_those_whom_a_number_counts(sentence, fates):
    found = {
        number: " ".join(
            fates_of(sentence, (sentence.index(number), sentence.index(number) + len(number)))
        )
        for number in fates
    }
    assert found == fates


def test_a_question_names_the_fates_that_it_asks_for():
    assert fates_in("How many were wounded?") == {"hurt"}
    assert fates_in("How many people live in Ostry?") == frozenset()


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("How many people died?", ["Nine"]),
        ("How many people were hurt?", ["14"]),
        ("How many people are missing?", ["91"]),
        ("How many people were there?", ["91", "Nine", "14"]),
    ],
)
def test_a_number_of_people_who_met_another_fate_is_no_answer(question, numbers):
    sentence = "Of 91 people aboard, nine died and 14 were hurt.".replace("nine", "Nine")
    spans = typed_spans(analyse(question), sentence)
    assert [sentence[start:end].split()[0] for start, end in spans] == numbers


def test_where_no_fate_is_asked_for_or_told_every_number_stays():
    spans = [(0, 4), (10, 12)]
    assert meeting(frozenset(), "Nine died, 14 hurt", spans) == spans
    assert meeting({"dead"}, "Nine sang, 14 danced", spans) == spans
