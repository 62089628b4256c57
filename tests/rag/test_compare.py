from datetime import date

import pytest

from index.records import Article
from rag.compare import ON_MATTER, compare
from rag.evidence import SIGNALS
from rag.question import analyse
from tests.fake_reader import reading, scored
from tests.replay import NO, YES

HURT = "How many dockers were hurt in the fall of the crane?"
LESS = 0.9
pytestmark = pytest.mark.usefixtures("plain")


def said(name, words, text="", sure=YES, outlet=None, day=None, signal=0.8):
    """A reading of a report whose whole text is one sentence, in which the words stand."""
    article = Article(name, f"Report {name}", text or f"{words}.", outlet, day)
    return reading(scored(article, signal=signal), words, sure)


def hurt(name, number, sure=YES, outlet=None, day=None, more=""):
    text = f"{number} dockers were hurt in the fall of the crane. {more}".strip()
    article = Article(name, f"Crane {name}", text, outlet, day)
    return reading(scored(article, text.split(".")[0] + "."), f"{number} dockers", sure)


def compared(question, *readings):
    asked = analyse(question).on(date(2031, 4, 1))
    return compare(asked, readings, [r.sentence for r in readings])


def sides(question, *readings):
    """Each side as its files, surest value first."""
    return [side.article_ids for side in compared(question, *readings).sides]


def test_what_is_sure_is_an_answer_and_what_is_not_is_none():
    assert sides(HURT, hurt("a", "Nine")) == [("a",)]
    result = compared(HURT, hurt("a", "Nine", NO))
    assert result.sides == () and [r.article.id for r in result.unsure] == ["a"]
    assert compared(HURT).sides == ()


def test_a_doubtful_reading_stands_only_if_the_search_finds_the_question_addressed():
    for sure, addressed, stands in ((0.63, True, 1), (0.63, False, 0), (0.66, False, 1)):
        doubtful = hurt("a", "Nine", sure)
        result = compare(analyse(HURT), [doubtful], [doubtful.sentence], addressed)
        assert len(result.sides) == stands


def test_beside_a_sure_answer_an_unsure_one_does_not_stand():
    result = compared(HURT, hurt("a", "Nine"), hurt("b", "Twelve", NO))
    assert [s.article_ids for s in result.sides] == [("a",)]
    assert [r.article.id for r in result.unsure] == ["b"] and not result.differ


def test_what_answers_unsurely_is_set_apart_and_makes_no_difference():
    result = compared(HURT, hurt("a", "Nine"), hurt("b", "Twelve", 0.65))
    assert [s.article_ids for s in result.sides] == [("a",)] and not result.differ
    assert [r.article.id for r in result.apart] == ["b"]


def test_the_surest_comes_first():
    assert sides(HURT, hurt("a", "Nine", LESS), hurt("b", "Twelve", YES)) == [("b",), ("a",)]


@pytest.mark.parametrize(
    ("question", "one", "other", "same"),
    [
        (HURT, "Nine dockers", "9", True),
        (HURT, "Nine dockers", "Twelve dockers", False),
        ("How long did the talks last?", "two and a half hours", "150 minutes", True),
        ("How long did the talks last?", "two and a half hours", "three hours", False),
        ("Who met the envoy?", "Antony Harper", "Harper", True),
        ("Who met the envoy?", "Antony Harper", "Maria Lindqvist", False),
        ("What caused the fire?", "a broken lamp", "the lamp, which was broken", True),
        ("What caused the fire?", "a broken lamp", "a spark", False),
    ],
)
def test_values_are_compared_as_what_they_are(question, one, other, same):
    result = compared(question, said("a", one), said("b", other, sure=LESS))
    assert [s.article_ids for s in result.sides] == ([("a", "b")] if same else [("a",), ("b",)])
    assert result.differ is not same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # Both say the eleventh of March.
        (("Tuesday", "2031-03-12"), ("11 March", "2031-03-20"), True),
        (("yesterday", "2031-03-12"), ("11 March", "2031-03-20"), True),
        (("Tuesday", "2031-03-12"), ("Monday", "2031-03-12"), False),
        # Two Saturdays are two days.
        (("Saturday", "2031-03-15"), ("Saturday", "2031-03-29"), False),
    ],
)
def test_days_are_compared_by_their_reports_own(one, other, same):
    readings = [said(n, words, day=day) for n, (words, day) in zip("ab", (one, other), strict=True)]
    assert len(sides("When did the crane fall?", *readings)) == (1 if same else 2)


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How deep is the shaft?", "640 metres", "9 million crowns"),
        ("How deep is the shaft?", "640 metres", "very deep"),
        ("When did the crane fall?", "on 11 March", "at the harbour"),
    ],
)
def test_a_value_of_another_kind_contradicts_nothing(question, one, other):
    result = compared(question, said("a", one), said("b", other, sure=LESS))
    assert [s.text for s in result.sides] == [one] and not result.differ
    assert [r.words.text for r in result.apart] == [other]


@pytest.mark.parametrize(
    "question", ["Who said the crane was old?", "Which ministers signed the accord?"]
)
def test_several_names_are_no_difference_where_several_are_asked_for(question):
    result = compared(question, said("a", "Ada Holm"), said("b", "Lene Doorn"))
    assert len(result.sides) == 2 and not result.differ
    one = compared("Who signed the accord?", said("a", "Ada Holm"), said("b", "Lene Doorn"))
    assert one.differ


def test_an_open_question_has_no_difference_and_a_long_answer_is_no_value():
    texts = ("Because it was old", "Since nobody had oiled it for years")
    result = compared("Why did the crane fall?", said("a", texts[0]), said("b", texts[1]))
    assert not result.in_short and not result.differ and len(result.sides) == 2
    short, long = said("a", "a broken lamp"), said("a", "a lamp that broke when the wind rose high")
    told = [compared("What caused the fire?", r).in_short for r in (short, long)]
    assert told == [True, False]


def test_a_copy_is_cited_beside_its_original_at_the_same_words():
    text = "Nine dockers were hurt."
    own, twin = (scored(Article(n, "", head + text), text) for n, head in (("a", ""), ("b", "= ")))
    copy = twin.__class__(twin.passage, twin.signals, 0.9, twin.span, 1.0, True)
    after = scored(Article("c", "", text), text)
    result = compare(analyse(HURT), [reading(own, "Nine dockers")], [own, copy, after])
    (side,) = result.sides
    assert side.article_ids == ("a", "b")
    assert [r.words.text for r in side.copies] == ["Nine dockers"]
    assert side.copies[0].words.start == 2


MARCH = ("2031-03-01", "2031-03-04")


@pytest.mark.parametrize(
    ("outlet", "days"),
    [
        (None, MARCH),
        ("Arden Echo", MARCH),
        ("Lune Wire", (MARCH[0], None)),
        ("Lune Wire", (MARCH[0], MARCH[0])),
        ("Lune Wire", (MARCH[0], "2031-09-01")),
    ],
)
def test_another_outlet_an_unknown_day_or_another_season_supersedes_nothing(outlet, days):
    result = compared(
        HURT,
        hurt("a", "Nine", YES, "Lune Wire", days[0]),
        hurt("b", "Twelve", YES, outlet, days[1]),
    )
    assert result.differ and not result.replaced


def test_what_is_no_amount_is_not_superseded():
    first = said("a", "Ada Holm", outlet="Post", day="2031-03-01")
    later = said("b", "Lene Doorn", outlet="Post", day="2031-03-02")
    result = compared("Who signed the accord?", first, later)
    assert not result.replaced and result.differ


def test_a_side_that_another_outlet_still_holds_stands():
    result = compared(
        HURT,
        hurt("a", "Nine", YES, "Lune Wire", MARCH[0]),
        hurt("b", "Twelve", YES, "Lune Wire", MARCH[1]),
        hurt("c", "Nine", YES, "Arden Echo", MARCH[1]),
    )
    assert (
        {r.article.id for r in result.replaced} == {"a"}
        and result.differ
        and len(result.standing) == 2
    )


def test_a_correction_of_the_same_day_supersedes():
    more = "An earlier version of this article said that nine dockers were hurt."
    old = hurt("a", "Nine", YES, "Lune Wire", MARCH[0])
    new = hurt("b", "Twelve", YES, "Lune Wire", MARCH[0], more)
    assert {r.article.id for r in compared(HURT, old, new).replaced} == {"a"}
    other = hurt("b", "Twelve", YES, "Lune Wire", MARCH[0], more.replace("nine", "seven"))
    assert not compared(HURT, old, other).replaced


def test_what_is_latest_comes_first_if_every_day_is_known():
    question = "What is the latest number of dockers hurt in the fall of the crane?"
    old = hurt("a", "Nine", YES, "Lune Wire", MARCH[0])
    new = hurt("b", "Twelve", LESS, "Arden Echo", MARCH[1])
    result = compared(question, old, new)
    assert result.by_date and [s.newest for s in result.sides] == [MARCH[1], MARCH[0]]
    undated = compared(question, old, hurt("b", "Twelve", LESS, "Arden Echo"))
    assert not undated.by_date and undated.sides[0].article_ids == ("a",)


def test_a_report_on_the_matter_that_gives_no_value_is_silent():
    near = said("q", "The fall of the crane", sure=NO)
    far = said("r", "The fall of the rain", sure=NO, signal=0.8 * ON_MATTER - 0.01)
    result = compared(HURT, hurt("a", "Nine"), near, far)
    assert [r.article.id for r in result.silent] == ["q"]
    assert near.sentence.signal("context_coverage") == 0.8 and "context_coverage" in SIGNALS


def test_nobody_is_silent_where_nobody_answers():
    assert compared(HURT, hurt("a", "Nine", NO)).silent == ()


def test_nobody_is_not_a_number_of_people():
    some, none = said("a", "Nine were hurt"), said("b", "Nobody was hurt")
    assert [side.article_ids for side in compared(HURT, some, none).sides] == [("a",)]
