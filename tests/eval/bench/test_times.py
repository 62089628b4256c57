import random
from dataclasses import replace
from datetime import date, timedelta

from eval.bench.times import YEARS, Asked, asked, events, is_right, recalled, reports, told_number
from index import Hit, Passage
from rag.schema import Answer, Evidence


def drawn() -> tuple[list, list[Asked]]:
    known = list(events(random.Random(1)))
    return known, list(asked(known))


def test_half_of_forty_questions_name_their_time_and_some_mean_none_that_was():
    known, questions = drawn()
    assert len(questions) == len({(q.text, q.as_of) for q in questions}) == 40
    assert sum(q.is_named for q in questions) == 20
    assert {q.is_named for q in questions if not q.exists} == {True, False}
    assert {e.day.year for e in known} == set(YEARS)
    assert all(q.event is not None or not q.exists for q in questions)


def answered(article, note: str = "") -> Answer:
    evidence = Evidence("E1", Hit(Passage(article, 0, 5), 1.0, 1))
    return Answer("q", "answered", evidence=(evidence,), note=note)


def test_an_answer_is_right_by_its_first_sentence_or_by_what_it_says_of_the_time():
    old, new = drawn()[0][:2]
    first, second = (next(iter(reports(e, random.Random(1)))) for e in (old, new))
    question = Asked("?", new.day + timedelta(days=3), new, False)
    assert is_right(question, answered(second)) and not is_right(question, answered(first))
    assert not is_right(question, answered(recalled(old, new)))
    assert is_right(replace(question, event=old), answered(recalled(old, new)))
    nothing = replace(question, exists=False)
    assert not is_right(nothing, answered(second))
    assert is_right(nothing, answered(second, f"Asked as of {question.as_of}."))
    named = Asked("?", date(2031, 12, 31), None, True, False)
    assert is_right(named, Answer("q", "declined")) and not is_right(named, answered(first))
    assert is_right(named, answered(first, "No report cited here is of that time (2027)."))
    assert not told_number(question, answered(second))
