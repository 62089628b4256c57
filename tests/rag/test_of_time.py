from datetime import date

import pytest

from index import Article, Passage
from rag.of_time import (
    LEAST,
    OTHER_TIME,
    narrowed_to,
    of_one_time,
    search_periods,
    time_weights,
    told_time,
)
from rag.question import analyse
from rag.schema import Answer, Citation, Claim
from rag.weighing import in_time
from tests.fake_reader import scored

#: A Wednesday.
DAY = date(2031, 8, 20)
ASK = "How many visitors came to the fair of Brin"


def passage(published: str | None, text: str = "Some 300 came to the fair of Brin.") -> Passage:
    return Passage(Article(f"a{published}", "The fair", text, "Echo", published), 0, len(text))


def weights(time: str, *days: str | None) -> list[float]:
    asked = analyse(f"{ASK} {time}?").on(DAY)
    return time_weights(asked, [passage(day) for day in days], [1.0] * len(days))


def test_what_is_farther_from_the_time_keeps_less_and_never_nothing():
    first, before, month, year = weights(
        "this week", "2031-08-19", "2031-08-12", "2031-07-18", "2030-08-20"
    )
    assert first == 1 > before > month > year >= LEAST
    assert before > 0.5


def test_where_nothing_is_of_the_time_the_nearest_counts_in_full():
    assert weights("this week", "2031-08-12") == [1.0]
    before, year = weights("this week", "2031-08-12", "2030-08-20")
    assert before == 1 and year < 0.5


def test_a_report_without_a_day_keeps_all():
    assert weights("this week", "2031-08-19", None) == [1.0, 1.0]


def test_a_sentence_that_names_the_time_is_of_it():
    asked = analyse(f"{ASK} last Friday?").on(DAY)
    named = passage("2031-08-01", "The fair of Brin is on 15 August and 300 will come.")
    silent = passage("2031-08-01")
    assert time_weights(asked, [named, passage("2031-08-16"), silent], [1.0] * 3)[:2] == [1, 1]
    assert time_weights(asked, [named, silent], [1.0, 1.0])[1] < 1


def test_a_named_year_outweighs_another():
    assert weights("in 2030", "2030-08-20", "2031-08-20") == [1.0, OTHER_TIME]
    told = passage("2031-08-20", "Some 300 came to the fair of Brin last year.")
    assert time_weights(analyse(f"{ASK} in 2030?"), [told], [1.0]) == [1.0]
    # News of a January is not of the year before, unless it says so.
    assert weights("in 2030", "2031-01-20") == [OTHER_TIME]


def test_a_question_without_a_time_changes_nothing():
    asked = analyse(f"{ASK}?").on(DAY)
    places = [passage(day) for day in ("2031-08-19", "2029-08-19", None)]
    assert search_periods(asked) == [] and time_weights(asked, places, [1.0] * 3) == [1.0] * 3
    sentences = [
        scored(p.article, score=score) for p, score in zip(places, (0.9, 0.5, 0.2), strict=True)
    ]
    assert in_time(asked, sentences) == sentences
    assert of_one_time(asked, places) == [True] * 3
    answer = Answer(asked.text, "answered", (claim("2029-08-19"),), note="Said.")
    assert told_time(asked, answer) == answer


def test_sentences_of_the_time_come_first_and_others_stay():
    asked = analyse(f"{ASK} last week?").on(DAY)
    old, new, dull = (
        scored(passage(day).article, score=score)
        for day, score in (("2030-08-14", 0.9), ("2031-08-14", 0.6), ("2031-08-13", 0.1))
    )
    first, second, third = in_time(asked, [old, new, dull])
    assert (first, third) == (new, dull)
    assert second.score == pytest.approx(0.9 * 0.31, abs=0.01) and second.margin == old.margin
    # Nothing of that week is as likely: the old one keeps its place.
    assert in_time(asked, [old, dull]) == [old, dull]


def test_readings_of_another_time_are_not_set_beside_those_of_the_time():
    places = [passage("2031-08-19"), passage("2031-08-12"), passage("2030-08-20")]

    def beside(time: str, chosen=places) -> list[bool]:
        return of_one_time(analyse(f"{ASK} {time}?").on(DAY), chosen)

    assert beside("this week") == [True, True, False]
    assert beside("this week", places[2:]) == [True]
    assert beside("in 2030") == [False, False, True]
    assert beside("in 2029") == [True, True, True]
    assert beside("by now") == [True, True, True]
    assert beside("this week", []) == []


def test_the_search_within_a_time_keeps_to_the_filters():
    (period,) = search_periods(analyse(f"{ASK} last week?").on(DAY))
    assert narrowed_to(period, {"outlets": ["Echo"], "since": None, "until": "2031-08-15"}) == {
        "outlets": ["Echo"],
        "since": "2031-08-11",
        "until": "2031-08-15",
    }
    assert narrowed_to(period, {"until": "2031-08-01"}) is None
    assert search_periods(analyse("Who leads now?").on(date.min)) == [(date.min, date.min)]


def claim(published: str, remark: str = "") -> Claim:
    place = passage(published)
    return Claim(place.text, (Citation(place, 1.0),), 1.0, (), "quote", remark)


def told(time: str, *claims: Claim) -> Answer:
    asked = analyse(f"{ASK} {time}?").on(DAY)
    return told_time(asked, Answer(asked.text, "answered", claims, note="Quoted."))


def test_the_note_and_the_trace_say_the_day_that_was_taken():
    answer = told("this week", claim("2031-08-19"))
    assert answer.note == (
        "Quoted. Asked as of 2031-08-20: “this week” is 2031-08-18 to 2031-08-24."
    )
    assert answer.trace["time"] == {
        "as_of": "2031-08-20",
        "words": ["this week"],
        "periods": [["2031-08-18", "2031-08-24"]],
    }
    old = told("yesterday", claim("2030-08-19"), claim("2030-08-20"))
    assert old.note.endswith(
        "“yesterday” is 2031-08-19. No report cited here is of that time; the newest is of "
        "2030-08-20."
    )
    assert "2031-08-20" in told("by now", claim("2030-08-19")).note
    declined = told_time(analyse("Who won today?").on(DAY), Answer("q", "declined", note="None."))
    assert declined.note == "None. Asked as of 2031-08-20: “today” is 2031-08-20."


@pytest.mark.parametrize(("remark", "before"), [("", ""), ("said so", "said so; ")])
def test_an_answer_of_another_year_says_so(remark, before):
    answer = told("in 2029", claim("2031-08-19", remark), claim("2030-08-20"))
    assert [c.remark for c in answer.claims] == [
        f"{before}of another time than 2029: reported on 2031-08-19",
        "of another time than 2029: reported on 2030-08-20",
    ]
    assert answer.note == "Quoted. No report cited here is of that time (2029)."
    both = told("in 2030", claim("2031-08-19"), claim("2030-08-20"))
    assert [bool(c.remark) for c in both.claims] == [True, False] and both.note == "Quoted."
    assert not told("in August", claim("2031-03-01")).claims[0].remark
    undated = passage(None, "Some 300 came to the fair of Brin in 2028.")
    said = told("in 2029", Claim("300", (Citation(undated, 1.0),), 1.0)).claims[0].remark
    assert said == "perhaps of another time than 2029: its report has no date"
