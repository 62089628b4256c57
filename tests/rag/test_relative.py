from datetime import date

import pytest

from rag.question import analyse
from rag.relative import meant_time

#: A Wednesday.
DAY = date(2031, 8, 20)


def days(text: str, day: date = DAY) -> list[tuple[str, str]]:
    meant = meant_time(text, day)
    assert meant is not None
    return [(start.isoformat(), end.isoformat()) for start, end in meant.periods]


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("yesterday", "2031-08-19", "2031-08-19"),
        ("the day before yesterday", "2031-08-18", "2031-08-18"),
        ("this week", "2031-08-18", "2031-08-24"),
        ("last week", "2031-08-11", "2031-08-17"),
        ("in the last week", "2031-08-13", "2031-08-20"),
        ("last weekend", "2031-08-16", "2031-08-17"),
        ("last year", "2030-01-01", "2030-12-31"),
        ("last Friday", "2031-08-15", "2031-08-15"),
        ("last Wednesday", "2031-08-13", "2031-08-13"),
        ("this Friday", "2031-08-22", "2031-08-22"),
        ("next Monday", "2031-08-25", "2031-08-25"),
        ("last March", "2031-03-01", "2031-03-31"),
        ("last September", "2030-09-01", "2030-09-30"),
        ("since Monday", "2031-08-18", "2031-08-20"),
        ("since last week", "2031-08-11", "2031-08-20"),
        ("since 3 September", "2030-09-03", "2031-08-20"),
        ("in the past three days", "2031-08-17", "2031-08-20"),
        ("in the last 36 hours", "2031-08-18", "2031-08-20"),
        ("two weeks ago", "2031-08-03", "2031-08-09"),
    ],
)
def test_words_for_a_time_are_days_by_the_day_of_asking(words, start, end):
    assert days(f"Who resigned {words}?") == [(start, end)]


def test_several_times_are_all_meant():
    asked = "Did more come last month than this month?"
    assert days(asked) == [("2031-07-01", "2031-07-31"), ("2031-08-01", "2031-08-31")]


@pytest.mark.parametrize("words", ["the latest", "now", "so far", "the most recent", "until now"])
def test_the_newest_is_meant_without_days(words):
    assert days(f"Who leads {words}?") == []
    assert days(f"Who leads {words} this week?") == [("2031-08-18", "2031-08-24")]


@pytest.mark.parametrize(
    "text",
    [
        "Who resigned?",
        "Who resigned on Friday?",
        "Who resigned in May 2030?",
        "Who has led since 2019?",
        "Who resigned before last Friday?",
        "Who must go by Friday at the latest?",
        "What did Vale Today report?",
        "Who wrote “This Week in Ostrel”?",
        "What may happen to this march?",
        "Who was last mayor?",
        "Who leads the now-defunct league?",
    ],
)
def test_other_questions_tell_no_time_from_the_day(text):
    asked = analyse(text)
    assert asked.on(DAY) is asked and asked.meant is None


@pytest.mark.parametrize("day", [date.min, date.max])
@pytest.mark.parametrize("words", ["last week", "tomorrow", "next year", "999 years ago", "now"])
def test_no_day_is_too_early_or_late(words, day):
    assert meant_time(f"Who won {words}?", day) is not None


def test_no_report_need_have_the_words_of_the_time():
    asked = analyse("How many of 30 boats sank at Brin in the past three days?")
    meant = asked.on(DAY)
    assert meant.numbers == ("30",) and asked.numbers == ("30", "three days")
    assert "day" in asked.terms and "day" not in meant.terms and "boat" in meant.terms
    assert not analyse("Who left since Monday?").on(DAY).dates
