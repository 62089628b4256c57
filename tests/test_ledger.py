from dataclasses import replace

import pytest

from index.records import Article, Passage
from rag.cite import verify
from rag.evidence import SIGNALS, Found, Scored
from rag.ledger import (
    corrects,
    difference_drafts,
    labelled,
    ledger_of,
    remark_of,
    survey,
)
from rag.positions import counts_others, sayings, sides_of
from rag.question import analyse
from rag.schema import Voice
from tests.fakes import TopicEncoder

HURT = "How many dockers were hurt in the fall of the crane?"


def scored(article: Article, words: str, score: float = 0.9, signal: float = 0.8) -> Scored:
    """The first sentence of an article; the reader marks `words` of it, or nothing surely."""
    end = article.text.index(".") + 1
    start = article.text.index(words)
    margin = 5.0 if words != article.text[:end] else -5.0
    passage = Passage(article, 0, end)
    return Scored(passage, (signal,) * len(SIGNALS), score, (start, start + len(words)), margin)


def report(
    name: str, value: str, outlet: str | None = None, day: str | None = None, more=""
) -> Scored:
    text = f"{value} dockers were hurt in the fall of the crane. {more}"
    return scored(Article(name, f"Crane {name}", text, outlet, day), value)


def surveyed(*sentences: Scored, cluster_of=hash, question: str = HURT):
    return survey(analyse(question), Found(sentences, (), 0.9, ()), cluster_of, TopicEncoder())


def first_sentences(found, cluster_of=hash) -> list[str]:
    _, labels = labelled((s for side in found.sides for s in side.sayings), ())
    return [d.text for d in difference_drafts(found, labels, cluster_of)]


def rows(found, cluster_of=hash) -> list[tuple[str, str, tuple[str, ...], int]]:
    return [(p.stance, p.value, p.article_ids, p.reports) for p in ledger_of(found, cluster_of)]


def test_one_value_in_several_reports_is_agreement():
    found = surveyed(report("a", "Nine"), report("b", "9"))
    assert rows(found) == [("agrees", "Nine dockers", ("a", "b"), 2)]
    assert first_sentences(found) == []


def test_two_values_differ_and_both_sides_are_said_with_their_reports():
    found = surveyed(
        report("a", "Nine", "Lune Wire"), report("b", "9", "Arden Echo"), report("c", "Twelve")
    )
    assert {row[0] for row in rows(found)} == {"differs"}
    assert first_sentences(found) == [
        "Reports differ: “Nine dockers” in two reports (Lune Wire, Arden Echo), “Twelve dockers” in one report."
    ]


def test_copies_are_one_report_in_the_count():
    found = surveyed(report("a", "Nine"), report("b", "Nine"), report("c", "Twelve"))
    cluster = {"a": 0, "b": 0, "c": 1}.__getitem__
    assert ("differs", "Nine dockers", ("a", "b"), 1) in rows(found, cluster)
    assert "“Nine dockers” in one report" in first_sentences(found, cluster)[0]


def test_an_outlets_later_report_supersedes_its_earlier_one():
    found = surveyed(
        report("a", "Nine", "Lune Wire", "2031-03-01"),
        report("b", "Twelve", "Lune Wire", "2031-03-04"),
    )
    assert [row[:3] for row in rows(found)] == [
        ("agrees", "Twelve dockers", ("b",)),
        ("superseded", "Nine dockers", ("a",)),
    ]
    assert first_sentences(found) == [
        "Lune Wire first gave “Nine dockers” (2031-03-01) and later gave “Twelve dockers” (2031-03-04)."
    ]


@pytest.mark.parametrize(
    ("other", "days"),
    [
        (None, ("2031-03-01", "2031-03-04")),
        ("Arden Echo", ("2031-03-01", "2031-03-04")),
        ("Lune Wire", ("2031-03-01", None)),
        ("Lune Wire", ("2031-03-01", "2031-03-01")),
        ("Lune Wire", ("2031-03-01", "2031-09-01")),
    ],
)
def test_another_outlet_an_unknown_day_or_another_season_supersedes_nothing(other, days):
    found = surveyed(
        report("a", "Nine", "Lune Wire", days[0]), report("b", "Twelve", other, days[1])
    )
    assert {row[0] for row in rows(found)} == {"differs"}


def test_a_correction_of_the_same_day_supersedes_and_is_called_one():
    said = "An earlier version of this article gave another number."
    found = surveyed(
        report("a", "Nine", "Lune Wire", "2031-03-01"),
        report("b", "Twelve", "Lune Wire", "2031-03-01", said),
    )
    assert first_sentences(found) == [
        "Lune Wire first gave “Nine dockers” (2031-03-01) and corrected this to “Twelve dockers” (2031-03-01)."
    ]
    (plain,) = sayings(analyse(HURT), [report("x", "Nine")])
    assert not corrects(plain)


def test_what_is_latest_comes_first_with_its_day():
    found = surveyed(
        report("a", "Nine", "Lune Wire", "2031-03-01"),
        report("b", "Twelve", "Arden Echo", "2031-03-04"),
        question="What is the latest number of dockers hurt in the fall of the crane?",
    )
    assert first_sentences(found) == [
        "Reports differ, newest first: “Twelve dockers” in one report (Arden Echo; 2031-03-04), “Nine dockers” in "
        "one report (Lune Wire; 2031-03-01)."
    ]


def test_a_report_on_the_matter_without_a_value_is_silent():
    text = "The fall of the crane on the dockers is looked into."
    quiet = scored(Article("q", "", text), text)
    found = surveyed(report("a", "Nine"), quiet)
    assert rows(found)[-1] == ("silent", "", ("q",), 1)
    far = scored(Article("q", "", text), text, signal=0.1)
    assert rows(surveyed(report("a", "Nine"), far))[-1][0] == "agrees"


def test_a_difference_whose_values_do_not_stand_in_what_it_cites_is_refused():
    found = surveyed(report("a", "Nine"), report("b", "Twelve"))
    evidence, labels = labelled((s for side in found.sides for s in side.sayings), ())
    (draft,) = difference_drafts(found, labels, hash)
    (claim,) = verify([draft], evidence, None).claims
    assert [c.article_id for c in claim.citations] == ["a", "b"] and claim.kind == "difference"
    wrong = draft.__class__(draft.text.replace("Twelve", "Thirty"), draft.labels, draft.kind)
    (refused,) = verify([wrong], evidence, None).rejected
    assert refused.reason == "not verbatim"


def test_an_article_that_gives_the_surest_value_and_another_contradicts_nobody():
    both = Article("b", "", "Nine dockers were hurt. Twelve dockers were off.")
    second = Scored(Passage(both, 24, 48), (0.8,) * len(SIGNALS), 0.9, (24, 30), 5.0)
    sides = sides_of(
        analyse(HURT), [report("a", "Nine"), second, scored(both, "Nine")], hash, TopicEncoder()
    )
    assert [side.text for side in sides] == ["Nine dockers"]


STORM = "How long was the town without power in the storm?"


def dark(name, value, rest, signal=0.0):
    """A report of a power cut, which its reader doubts if the signal is low."""
    text = f"The storm kept the lights off for {value}{rest}."
    start = text.index(value)
    scores = (signal,) * len(SIGNALS), signal, (start, start + len(value)), 40 * signal - 10
    return Scored(Passage(Article(name, "", text), 0, len(text)), *scores)


@pytest.mark.parametrize(
    ("second", "values"),
    [
        (dark("b", "three hours", " in the storm"), ["150 minutes", "three hours"]),
        # Another matter, another size, a copy's own value, the same value.
        (dark("b", "three hours", " at the museum, museum, museum, museum"), ["150 minutes"]),
        (dark("b", "nine hours", " in the storm"), ["150 minutes"]),
        (dark("a2", "three hours", " in the storm"), ["150 minutes"]),
        (dark("b", "two and a half hours", " in the storm"), ["150 minutes"]),
    ],
)
def test_an_amount_in_other_words_is_a_rival_if_sentence_and_report_are_alike(second, values):
    sure = dark("a", "150 minutes", " in the storm", 0.9)
    sides = sides_of(analyse(STORM), [sure, second], lambda name: name[0], TopicEncoder())
    assert [side.text for side in sides] == values


def test_another_name_must_be_on_the_matter_to_differ():
    asked = analyse("In which building did the minister sign the railway agreement?")
    one = scored(Article("a", "", "She signed it in the Customs House."), "Customs House")
    other = Article("b", "", "She landed in Brenova.")
    near, far = scored(other, "Brenova"), scored(other, "Brenova")
    place = SIGNALS.index("context_coverage")
    far = replace(far, signals=(*far.signals[:place], 0.1, *far.signals[place + 1 :]))
    told = [len(sides_of(asked, [one, s], hash, TopicEncoder())) for s in (near, far)]
    assert told == [2, 1]


def arrested(text, answer):
    """A report of arrests of which the reader is sure."""
    return scored(Article(answer, "", text), answer)


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        # Nobody is named: no number, no capital letter, nor another name is an answer.
        ([arrested("Two men were arrested at noon by Ada Holm.", "Two men")], []),
        # Who tells of it is not who was arrested; whoever is described by it is.
        ([arrested("Hundreds were arrested, according to Ada Holm.", "Ada Holm")], []),
        ([arrested("Nobody spoke, said Ada Holm, who was arrested.", "Ada Holm")], ["Ada Holm"]),
        # Somebody without a name may be the same person.
        (
            [
                arrested("Ada Holm was arrested at noon.", "Ada Holm"),
                arrested("Police arrested a woman.", "a woman"),
                arrested("Lene Doorn was arrested.", "Lene Doorn"),
            ],
            ["Ada Holm", "Lene Doorn"],
        ),
    ],
)
def test_who_is_asked_for_is_not_who_tells_of_it_nor_a_word_with_a_capital(sentences, said):
    sides = sides_of(analyse("Who has been arrested?"), sentences, hash, TopicEncoder())
    assert [side.text for side in sides] == said


@pytest.mark.parametrize(
    ("question", "sentence", "answer", "said"),
    [
        # The question's own name in a list tells that the list is of something else.
        ("Which countries did the envoy visit before Marrenia?",
         "He spoke of ties between Kolvany and Marrenia.", "Kolvany and Marrenia", []),
        ("Which countries did the envoy visit before Marrenia?",
         "He came by way of Kolvany and Brenova.", "Kolvany and Brenova",
         ["Kolvany and Brenova"]),
        # A name is the whole of what is asked for, not the country in it.
        ("Which base did the crowd storm?",
         "A crowd stormed the Kolvany air base at noon.", "Kolvany air base",
         ["Kolvany air base"]),
        # A month is asked for, and a weekday is none.
        ("In which month did they meet?", "They met on Monday.", "Monday", []),
        ("In which month did they meet?", "They met last month.", "last month", []),
        ("In which month did they meet?", "They met in March.", "March", ["March"]),
        ("In which year did they meet?", "They met in March.", "March", []),
        ("In which year did they meet?", "They met in May 2019.", "May 2019", ["May 2019"]),
        ("When did they meet?", "They met on Monday.", "Monday", ["Monday"]),
        ("When did they meet?", "They met three years ago.", "three years ago",
         ["three years ago"]),
        # A count is no time, and a while is none.
        ("When did they meet?", "They met 84 others.", "84", []),
        ("When did they meet?", "They met for three years.", "three years", []),
        ("Which towns were dark?", "It was dark in Halvern, while the rest had light.",
         "Halvern, while the rest", ["Halvern"]),
        ("Where was the clock found?", "The clock was wrapped in a rug.",
         "clock was wrapped in a rug", []),
        ("Where was the clock found?", "It was under a pile of rugs.",
         "under a pile of rugs", ["under a pile of rugs"]),
        # Where somebody is from is not who it is.
        ("Who won the race?", "The Ostry baker won it.", "The Ostry baker", []),
        ("Who won the race?", "Ada Holm from Ostry won it.", "Ada Holm", ["Ada Holm"]),
        # Neither a meeting nor the place asked from is where somebody went.
        ("Where did she go after Ostry?", "She spoke during the meeting.", "meeting", []),
        ("Where did she go after Ostry?", "She spoke in the capital Ostry.",
         "the capital Ostry", []),
        ("Where did she go after Ostry?", "She went to the old port.", "the old port",
         ["the old port"]),
        # Who is asked about is not who did it, but a relative may be.
        ("Who mocked Holm?", "Ada Holm laughed.", "Ada Holm", []),
        ("Who among the sisters of Holm laughed?", "His sister Ada Holm laughed.", "Ada Holm",
         ["Ada Holm"]),
        # Who has the post, not who else is named.
        ("Who was the captain of the ferry?", "On duty was Ada Holm.", "Ada Holm", []),
        ("Who was the captain of the ferry?", "Captain Ada Holm was on board.", "Ada Holm",
         ["Ada Holm"]),
        ("Who is the spokesman of the port?", "Its spokeswoman, Ada Holm, was away.", "Ada Holm",
         ["Ada Holm"]),
        ("How many schools took part?", "The school was one of those in it.", "one", []),
        ("How many schools took part?", "One school took part.", "One", ["One school"]),
        ("How many women were on board?", "There were 26 of them.", "26", []),
        # More people than children.
        ("How many children were hurt?", "Nine people were hurt.", "Nine", []),
        ("How many children were hurt?", "Nine were hurt.", "Nine", []),
        ("How many children were hurt?", "Of the children, nine were hurt.", "nine", ["nine"]),
        ("How many children were hurt?", "Nine children were hurt.", "Nine",
         ["Nine children"]),
        ("How many people were hurt at the children's home?", "Nine people were hurt.", "Nine",
         ["Nine people"]),
    ],
)  # fmt: skip
def test_a_value_is_of_what_is_asked_for(question, sentence, answer, said):
    sides = sides_of(
        analyse(question), [scored(Article("a", "", sentence), answer)], hash, TopicEncoder()
    )
    assert [side.text for side in sides] == said


def test_a_value_where_nothing_asked_is_spoken_of_is_none_unless_that_is_so_everywhere():
    asked = analyse("What is the captain's salary?")
    far = scored(Article("a", "", "The station will cost 26 crowns."), "26 crowns", signal=0.0)
    near = scored(Article("b", "", "The captain is in hospital."), "The captain is in hospital.")
    told = [sides_of(asked, found, hash, TopicEncoder()) for found in ([far, near], [far])]
    assert [[side.text for side in sides] for sides in told] == [[], ["26 crowns"]]


@pytest.mark.parametrize(
    ("question", "first", "second", "said"),
    [
        # Both reports say the eleventh of March.
        ("When did the crane fall?", ("The crane fell on Tuesday.", "Tuesday", "2031-03-12"),
         ("The crane fell on 11 March.", "11 March", "2031-03-20"), ["Tuesday"]),
        ("When did the crane fall?", ("The crane fell on Tuesday.", "Tuesday", "2031-03-12"),
         ("The crane fell on Monday.", "Monday", "2031-03-12"), ["Monday", "Tuesday"]),
        # Two Saturdays are not one day; nor is that told as a difference.
        ("When did the crane fall?", ("The crane fell on Saturday.", "Saturday", "2031-03-15"),
         ("The crane fell on Saturday.", "Saturday", "2031-03-29"), ["Saturday"]),
        # A year and a day are no two days.
        ("When did the crane fall?", ("The crane fell on Tuesday.", "Tuesday", "2031-03-12"),
         ("The crane fell in 2001.", "2001", "2031-03-12"), ["Tuesday"]),
        # An hour of a harbour's talks is nothing beside the days of a storm.
        ("How long did it last?", ("The storm in the hills lasted six days.", "six days", None),
         ("The talks in the harbour lasted ten hours.", "ten hours", None), ["six days"]),
        ("How long did it last?", ("The storm in the hills lasted six days.", "six days", None),
         ("The storm in the hills lasted ten days.", "ten days", None), ["six days", "ten days"]),
        # A country's name in "US airbase" is no name of a base.
        ("Which base did the crowd storm?",
         ("A crowd stormed the Kolvany air base at noon.", "Kolvany air base", None),
         ("The crowd stormed a US airbase.", "US", None), ["Kolvany air base"]),
        ("Which base did the crowd storm?",
         ("A crowd stormed the Kolvany air base at noon.", "Kolvany air base", None),
         ("The crowd stormed Fort Arden.", "Fort Arden", None), ["Kolvany air base", "Fort Arden"]),
        # What has a unit is a measure, the rest is not.
        ("How deep is the shaft?", ("The shaft is 640 metres deep.", "640 metres", None),
         ("The shaft employs 460.", "460", None), ["640 metres"]),
    ],
)  # fmt: skip
def test_a_difference_is_one_of_like_values_told_of_one_thing(question, first, second, said):
    sentences = [
        scored(Article(name, "", text, None, day), words)
        for name, (text, words, day) in zip("ab", (first, second), strict=True)
    ]
    sides = sides_of(analyse(question), sentences, hash, TopicEncoder())
    assert sorted(side.text for side in sides) == sorted(said)


@pytest.mark.parametrize(("day", "cited"), [("2031-03-15", ("a", "b")), ("2031-03-29", ("a",))])
def test_a_report_is_not_cited_for_another_saturday(day, cited):
    text = "The crane fell on Saturday."
    told = [
        scored(Article(name, "", text, None, published), "Saturday")
        for name, published in (("a", "2031-03-15"), ("b", day))
    ]
    sides = sides_of(analyse("When did the crane fall?"), told, hash, TopicEncoder())
    assert [side.article_ids for side in sides] == [cited]


@pytest.mark.parametrize(
    ("number", "sentence", "day", "said"),
    [
        ("19", "An explosion at the harbour killed 19.", "2031-03-12", ["Two miners"]),
        ("19", "An explosion at the harbour killed 19.", "2031-03-13", ["Two miners", "19"]),
        ("Six", "Six miners were killed in the storm at the harbour.", "2031-03-12",
         ["Two miners", "Six miners"]),
    ],
)  # fmt: skip
def test_a_copy_of_the_same_day_differs_in_the_same_sentence_only(number, sentence, day, said):
    class Nearly(TopicEncoder):
        """What isn't of a storm is half alike."""

        def _vector(self, text):
            storm = super()._vector("storm")
            return storm if "storm" in text else (super()._vector(text) + storm) / 2

    asked = analyse("How many miners were killed?")
    first = "Two miners were killed in the storm."
    told = [
        scored(Article("a", "", first, None, "2031-03-12"), "Two"),
        scored(Article("b", "", sentence, None, day), number),
    ]
    sides = sides_of(asked, told, lambda name: 0, Nearly())
    assert sorted(side.text for side in sides) == sorted(said)


def test_a_day_that_is_less_sure_than_another_is_of_another_event():
    asked = analyse("When did the crane fall?")
    sure = scored(Article("a", "", "The crane fell on Monday.", None, "2031-03-12"), "Monday")
    text = "The crane fell on Tuesday."
    unsure = scored(Article("b", "", text, None, "2031-03-12"), text, score=0.6)
    told = sides_of(asked, [sure, unsure], hash, TopicEncoder())
    assert [side.text for side in told] == ["Monday"]


def test_a_count_of_other_things_is_no_answer():
    asked = analyse(HURT)
    boats = scored(Article("c", "", "Four boats stood by."), "Four")
    people = scored(Article("p", "", "Four people were hurt."), "Four")
    told = [counts_others(asked, s) for s in sayings(asked, [boats, people, report("a", "Nine")])]
    assert told == [True, False, False]


def test_a_claim_on_unnamed_sources_alone_is_marked():
    unnamed = Voice("unnamed", "an official")
    assert remark_of([unnamed, unnamed]) == "rests on a source without a name: an official"
    assert remark_of([unnamed, Voice("outlet")]) == "" == remark_of([])
    assert remark_of([Voice("opinion")]) == "said in an opinion piece"


def test_several_who_say_the_same_are_no_difference():
    one = Article("a", "", "Ada Holm said that the crane was old.")
    two = Article("b", "", "Lene Doorn said that the crane was old.")
    found = surveyed(
        scored(one, "Ada Holm"), scored(two, "Lene Doorn"), question="Who said the crane was old?"
    )
    assert [side.text for side in found.sides] == ["Ada Holm", "Lene Doorn"]
    assert first_sentences(found) == [] and {row[0] for row in rows(found)} == {"agrees"}
