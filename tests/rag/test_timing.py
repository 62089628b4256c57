import pytest

from index.records import Article
from rag.question import analyse
from rag.timing import as_of_day, asked_times, fits_time


def fits(question: str, sentence: str, published: str | None, rest: str = "") -> bool:
    article = Article("a", "Head", f"{sentence} {rest}", None, published)
    return fits_time(asked_times(analyse(question)), sentence, article)


@pytest.mark.parametrize(
    ("sentence", "published", "rest", "expected"),
    [
        ("Doorn took 25 people along.", "2031-09-10", "", True),
        ("Doorn took 25 people along.", "2031-10-20", "", True),
        ("Doorn took 46 people along.", "2031-06-03", "", False),
        ("In September, Doorn took 25 people along.", "2032-02-01", "", True),
        ("Doorn took 25 people along.", None, "The talks began in September.", True),
        ("Doorn took 46 people along.", None, "The talks began in June.", False),
        ("Doorn took 46 people along.", None, "", True),
    ],
)
def test_a_sentence_speaks_of_the_time_asked_about_or_not(sentence, published, rest, expected):
    assert fits("How many went along in September?", sentence, published, rest) is expected


@pytest.mark.parametrize(
    "question", ["Before May, when did it last rise?", "Who left?", "As of 3 May, who had left?"]
)
def test_a_time_that_bounds_another_is_not_the_one_asked_about(question):
    assert asked_times(analyse(question)) == []


@pytest.mark.parametrize(
    ("question", "newest", "expected"),
    [
        ("As of 3 May 2030, how many had left?", "2031-08-01", "2030-05-03"),
        ("How many had left as of 3 May?", "2031-08-01", "2031-05-03"),
        ("How many had left as of 3 May?", "2031-02-01", "2030-05-03"),
        ("How many had left as of 3 May?", "", None),
        ("How many had left as of May?", "2031-08-01", None),
        ("How many left on 3 May 2030?", "2031-08-01", None),
        ("As of 31 February 2030, who had left?", "2031-08-01", None),
    ],
)
def test_as_of_a_day_is_read_from_the_question(question, newest, expected):
    assert as_of_day(analyse(question), newest) == expected
