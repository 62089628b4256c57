"""Scores against fractions worked out by hand, and planted faults that must move the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from eval.figures import Figure, figure, medians
from eval.gold import GoldQuestion
from eval.metrics import BARS, MEASURES, Material, Summary, misses, score_failure, summarise
from eval.metrics import score as scored
from eval.scores import Found, QuestionScore, Verdict
from eval.wording import fold, holds, quoted_words
from index.records import Article, Passage
from rag.schema import Answer, Citation, Claim, Position, Rejection

BRIDGE = Article(
    "bridge",
    "Lorn bridge shut",
    "Lorn bridge shut\n\nThe bridge will stay shut for 40 days, the mayor said. "
    "\u201cThe old  lady is tired,\u201d Ines Varga said.\n",
)
FERRY = Article(
    "ferry",
    "Ferries to run",
    "Ferries to run\n\nThe Lorn bridge will stay shut for six weeks. "
    "A ferry runs until then; 10,022 people took it on Monday.\n",
)
CHOIR = Article("choir", "Choir sings", "Choir sings\n\nThe choir of Lorn sang on the bridge.\n")
ARTICLES = {article.id: article for article in (BRIDGE, FERRY, CHOIR)}


def gold(**changes: Any) -> GoldQuestion:
    question = GoldQuestion(
        id="q1",
        kind="conflict",
        question="How long will the bridge stay shut?",
        answerable=True,
        reference="40 days; one article says six weeks.",
        nuggets=(("40 days", "forty days"), ("six weeks", "6 weeks")),
        must_cite=(("bridge", "dam"), ("ferry",)),
        may_cite=("bridge", "dam", "ferry"),
        forbid=("40 weeks",),
    )
    return replace(question, **changes)


def declinable(**changes: Any) -> GoldQuestion:
    fields: dict[str, Any] = {
        "kind": "unanswerable",
        "answerable": False,
        "nuggets": (),
        "must_cite": (),
        "may_cite": (),
        "forbid": (),
    }
    return gold(**{**fields, **changes})


def cite(article: Article, words: str) -> Citation:
    start = article.text.index(words)
    return Citation(Passage(article, start, start + len(words)), 1.0)


def claim(
    text: str, *citations: Citation, kind: Literal["span", "quote", "written"] = "written"
) -> Claim:
    return Claim(text, citations, 1.0, kind=kind)


def answered(*claims: Claim, **fields: Any) -> Answer:
    return Answer("How long?", "answered", claims, **fields)


DECLINED = Answer("How long?", "declined")
DAYS = cite(BRIDGE, "The bridge will stay shut for 40 days, the mayor said.")
WEEKS = cite(FERRY, "The Lorn bridge will stay shut for six weeks.")
SANG = cite(CHOIR, "The choir of Lorn sang on the bridge.")


def score(question: GoldQuestion, answer: Answer, articles: Any) -> QuestionScore:
    return scored(question, answer, Material(articles))


# --- one question ---------------------------------------------------------------------------------


def test_a_right_answer_by_hand() -> None:
    answer = answered(
        claim("40 days", DAYS, kind="span"),
        claim("It will stay shut for six weeks, says one report.", WEEKS),
        claim("The choir sang on it.", SANG),
        rejected=(
            Rejection("It fell.", "support", ""),
            Rejection("It sank.", "support", ""),
            Rejection("It is 9 m.", "number", ""),
        ),
        trace={"answer_type": "how_long", "addressed": 0.75},
    )
    material = Material(ARTICLES, copies_of=lambda name: (name,))
    row = scored(gold(), answer, material)
    assert row == QuestionScore(
        id="q1",
        kind="conflict",
        answerable=True,
        outcome="answered",
        nuggets=Found(2, 2),
        nuggets_in_text=Found(2, 2),
        must_cite=Found(2, 2),
        may_cite=Found(2, 3, ("choir",)),
        valid_citations=Found(3, 3),
        unverbatim=(),
        forbidden=(),
        words=2 + 10 + 5,
        answer_type="how_long",
        short_answer=True,
        differs=False,
        refused={"support": 2, "number": 1},
        retrieval={},
        verdicts=(
            Verdict("supported", True, (True,)),
            # "report", "says" and "one" are not in what is cited; "shut", "six" and "weeks" are.
            Verdict("supported", True, (True,)),
            Verdict("supported", True, (True,)),
        ),
        copies=1.0,
        confidence=0.75,
    )


def test_nuggets_in_quotes_are_not_in_the_text() -> None:
    row = score(gold(), answered(claim("The mayor said so.", DAYS)), ARTICLES)
    assert row.nuggets == Found(1, 2, ("six weeks",))
    assert row.nuggets_in_text == Found(0, 2, ("40 days", "six weeks"))


def test_a_nugget_is_not_put_together_from_two_sentences() -> None:
    row = score(gold(), answered(claim("It shut at 40"), claim("days ago")), ARTICLES)
    assert row.nuggets == Found(0, 2, ("40 days", "six weeks"))


def test_marks_of_file_ids_are_not_the_answer() -> None:
    article = Article("forty days", "T", "T\n\nThe bridge is shut.")
    row = score(
        gold(),
        answered(claim("It is shut.", cite(article, "The bridge is shut."))),
        {article.id: article},
    )
    assert row.nuggets == Found(0, 2, ("40 days", "six weeks"))
    assert row.words == 3


def test_one_of_a_group_is_enough_and_a_file_counts_once() -> None:
    row = score(gold(), answered(claim("Shut.", DAYS, DAYS, SANG)), ARTICLES)
    assert row.must_cite == Found(1, 2, ("ferry",))
    assert row.may_cite == Found(1, 2, ("choir",))


def test_declining_an_answerable_question() -> None:
    row = score(gold(), DECLINED, ARTICLES)
    assert not row.right_outcome
    assert row.nuggets == row.nuggets_in_text == Found(0, 2, ("40 days", "six weeks"))
    assert row.must_cite == Found(0, 2, ("bridge|dam", "ferry"))
    assert (row.may_cite, row.valid_citations, row.words, row.unverbatim) == (None,) * 4
    assert (row.short_answer, row.forbidden) == (None, None)


def test_an_unanswerable_question_has_no_nuggets_and_every_citation_is_wrong() -> None:
    row = score(declinable(), answered(claim("40 days", DAYS, WEEKS, kind="span")), ARTICLES)
    assert (row.nuggets, row.nuggets_in_text, row.must_cite) == (None, None, None)
    assert (row.short_answer, row.forbidden) == (None, None)
    assert row.may_cite == Found(0, 2, ("bridge", "ferry"))


def test_a_failure_is_wrong_and_not_a_refusal() -> None:
    row = score_failure(gold(), "no reply")
    assert (row.outcome, row.error) == ("failed", "no reply")
    assert row.nuggets == row.nuggets_in_text == Found(0, 2, ("40 days", "six weeks"))
    assert row.must_cite == Found(0, 2, ("bridge|dam", "ferry"))
    assert (row.may_cite, row.refused, row.words) == (None, None, None)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (claim("six weeks", kind="span"), True),
        (claim("a ferry", kind="span"), False),
        (claim("six weeks", kind="quote"), None),
        (claim("six weeks", kind="written"), None),
    ],
)
def test_the_short_answer_is_the_first_claim_if_it_is_a_span(
    first: Claim, expected: bool | None
) -> None:
    row = score(gold(), answered(first, claim("40 days", kind="span")), ARTICLES)
    assert row.short_answer is expected


def test_forbidden_wordings_in_text_and_in_quotes() -> None:
    wrong = gold(forbid=("40 weeks", "ferry runs", "old bridge"))
    quote = cite(FERRY, "A ferry runs until then")
    row = score(wrong, answered(claim("It lasts 40 WEEKS.", quote)), ARTICLES)
    assert row.forbidden == ("40 weeks", "ferry runs")


# --- citations ------------------------------------------------------------------------------------

ELSEWHERE = replace(BRIDGE, text="Lorn bridge shut\n\nThe bridge will stay shut for two days, yes.")
LENGTH = len(BRIDGE.text)


@pytest.mark.parametrize(
    ("passage", "fault"),
    [
        (DAYS.passage, None),
        (Passage(BRIDGE, 0, LENGTH), None),
        (Passage(BRIDGE, 0, LENGTH + 1), f"bridge: no span 0-{LENGTH + 1}"),
        (Passage(BRIDGE, -9, LENGTH), f"bridge: no span -9-{LENGTH}"),
        (Passage(BRIDGE, 20, 20), "bridge: no span 20-20"),
        (Passage(BRIDGE, 30, 20), "bridge: no span 30-20"),
        (Passage(BRIDGE, 16, 18), "bridge: no words at 16-18"),
        (Passage(ELSEWHERE, 18, 60), "bridge: other words at 18-60"),
        (Passage(replace(BRIDGE, id="Bridge"), 18, 60), "Bridge: no such article"),
    ],
)
def test_a_citation_must_name_real_words(passage: Passage, fault: str | None) -> None:
    row = score(gold(), answered(claim("Shut.", Citation(passage, 1.0), WEEKS)), ARTICLES)
    assert row.valid_citations == (Found(1, 2, (fault,)) if fault else Found(2, 2))


def test_the_quote_of_an_invalid_citation_holds_nothing() -> None:
    forged = replace(BRIDGE, text="It will be shut for 40 days, or forty days, or six weeks.")
    row = score(gold(), answered(claim("Shut.", Citation(Passage(forged, 0, 50), 1.0))), ARTICLES)
    assert row.nuggets == Found(0, 2, ("40 days", "six weeks"))


def test_citations_of_the_ledger_are_checked_too() -> None:
    ghost = Citation(Passage(replace(FERRY, id="ghost"), 0, 6), 1.0)
    ledger = (Position(("bridge",), "says", "40 days", (DAYS, ghost)),)
    row = score(gold(), answered(claim("40 days", DAYS), ledger=ledger), ARTICLES)
    assert row.valid_citations == Found(2, 3, ("ghost: no such article",))
    assert row.may_cite == Found(1, 1)


# --- wordings and quotation marks -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wording", "expected"),
    [
        ("Shut for 40  DAYS.", "40 days", True),
        ("shut for 40\n days", "40 days", True),
        ("the mayor\u2019s \u201cplan\u201d", 'mayor\'s "plan"', True),
        ("immediately", "immediate", True),
        ("Crete's port", "crete", True),
        ("a concrete plan", "crete", False),
        ("140 days", "40 days", False),
        ("2.5 hours", "5 hours", False),
        ("12.5 hours", "2.5 hours", False),
        ("room 55", "room 5", False),
        ("1,500 people", "500", False),
        ("10,022 people", "10", False),
        ("10,022 people", "10,022", True),
        ("in 10, 022 came", "10", True),
        ("It cost 10.", "10", True),
        ("a $20bn deal", "20bn", True),
        ("US$20bn", "$20", True),
        ("STRASSE", "stra\u00dfe", True),
        ("", "a", False),
        ("f.r.", "f.r", True),
        ("four", "f.r", False),
    ],
)
def test_whether_a_text_holds_a_wording(text: str, wording: str, expected: bool) -> None:
    assert holds(text, wording) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No marks, the mayor's only.", []),
        ('She said "we wait" and "we hope".', ["we wait", "we hope"]),
        ("\u201cWe  wait,\u201d she said", ["We wait,"]),
        ("\u00abWe wait\u00bb and \u201ethen\u201d", ["We wait", "then"]),
        ('She said "we wait', ["we wait"]),
        ('A 5" pipe', ["pipe"]),
        ("He called it 'a snub' twice", ["a snub"]),
        ("\u2018It\u2019s a snub,\u2019 he said", ["It's a snub,"]),
        ("In the '90s, the workers' pay rose", []),
        ("the drivers' and workers' pay", []),
        ('Empty "" and "..." marks', []),
        ("\"He said 'no' again\"", ["He said 'no' again"]),
    ],
)
def test_the_words_in_quotation_marks(text: str, expected: list[str]) -> None:
    assert quoted_words(text) == expected


@pytest.mark.parametrize(
    ("text", "citations", "verbatim"),
    [
        ('Varga said "the old lady".', [DAYS], False),
        ('Varga said "The old lady is tired".', [DAYS], True),
        ("Varga said 'The old lady is tired,'.", [DAYS], True),
        ('Varga said "The old lady is tired".', [WEEKS], False),
        ('Varga said "The old lady is tired".', [WEEKS, DAYS], True),
        ('Varga said "The old lady is tired".', [], False),
        ('"The old lady is tired" and "six weeks"', [WEEKS, DAYS], True),
        ('"The old lady is tired" and "seven weeks"', [WEEKS, DAYS], False),
        ('Varga said "The old-lady is tired".', [DAYS], False),
        ("Varga said that the old lady sleeps.", [WEEKS], True),
    ],
)
def test_quoted_words_must_be_in_a_cited_article(
    text: str, citations: list[Citation], verbatim: bool
) -> None:
    row = score(gold(), answered(claim("Shut.", DAYS), claim(text, *citations)), ARTICLES)
    assert row.unverbatim == (() if verbatim else (text,))


def test_fold_changes_white_space_and_marks_only() -> None:
    assert fold(" \u2018A\u2019\u00a0\u201cB\u201d\n\u2013 C ") == "'A' \"B\" \u2013 C"


# --- many questions -------------------------------------------------------------------------------


def row(kind: str = "single", **fields: Any) -> QuestionScore:
    base: dict[str, Any] = {"answerable": True, "outcome": "answered"}
    return QuestionScore(id="q", kind=kind, **{**base, **fields})


def values(summary: Summary) -> dict[str, float | None]:
    return {name: figure.value for name, figure in summary.figures.items()}


def found(hits: int, of: int, *names: str) -> dict[str, Found]:
    return dict.fromkeys(names, Found(hits, of))


TEXT = ("nuggets", "nuggets_in_text")
SEVEN = [
    row(
        **found(1, 3, "nuggets"),
        **found(0, 3, "nuggets_in_text"),
        **found(1, 1, "must_cite"),
        **found(1, 4, "may_cite"),
        **found(4, 5, "valid_citations"),
        **{"unverbatim": ("a", "b"), "forbidden": ("x",), "words": 10, "refused": {"support": 2}},
        **{"answer_type": "who", "short_answer": True, "seconds": 1.0, "memory_mb": 200.0},
    ),
    row(
        **found(1, 1, *TEXT),
        **found(0, 2, "must_cite"),
        **{"unverbatim": ("c",), "forbidden": (), "words": 90, "answer_type": "who"},
        **{"refused": {"number": 1, "support": 1}, "seconds": 3.0, "memory_mb": 300.0},
    ),
    row(
        **found(0, 2, *TEXT),
        **found(0, 1, "must_cite"),
        **{"outcome": "declined", "refused": {}, "seconds": 2.0, "memory_mb": 250.0},
    ),
    row("unanswerable", answerable=False, outcome="declined", refused={}, seconds=9.0),
    row(
        "unanswerable",
        **found(0, 1, "may_cite"),
        **found(1, 1, "valid_citations"),
        **{"answerable": False, "unverbatim": (), "words": 30, "refused": {}, "seconds": 7.0},
    ),
    row("quote", **found(0, 1, *TEXT, "must_cite"), outcome="failed", error="no reply"),
    row(
        "quote",
        **found(1, 1, *TEXT, "must_cite", "may_cite", "valid_citations"),
        **{"unverbatim": (), "words": 20, "short_answer": False, "refused": {}, "seconds": 4.0},
    ),
]
#: Figures of these seven, and over how many of them.
BY_HAND = {
    "right_outcome": (4 / 7, 7),
    "complete": (2 / 5, 5),
    "declined_right": (1 / 2, 2),
    "declined_wrong": (2 / 5, 5),
    "declined": (2 / 7, 7),
    "nuggets": ((1 / 3 + 1 + 0 + 0 + 1) / 5, 5),
    "nuggets_in_text": ((0 + 1 + 0 + 0 + 1) / 5, 5),
    "short_answer": (1 / 2, 2),
    "short_answer_given": (1 / 2, 2),
    "forbidden": (1 / 2, 2),
    "must_cite": ((1 + 0 + 0 + 0 + 1) / 5, 5),
    "may_cite": ((1 / 4 + 0 + 1) / 3, 3),
    "valid_citations": ((4 / 5 + 1 + 1) / 3, 3),
    "unverbatim": (3, 4),
    "refused": (4 / 6, 6),
    "words": ((20 + 30) / 2, 4),
    "seconds": ((3 + 4) / 2, 6),
    "memory_mb": (300, 3),
    "failed": (1, 7),
}


def test_figures_by_hand() -> None:
    summary = summarise(SEVEN)
    known = {n: (f.value, f.n) for n, f in summary.figures.items() if f.value is not None}
    assert known.keys() == BY_HAND.keys()
    for name, expected in BY_HAND.items():
        assert known[name] == pytest.approx(expected), name
    assert summary.refused == {"support": 3, "number": 1}
    kinds = {kind: part.n for kind, part in summary.kinds.items()}
    assert kinds == {"single": 3, "quote": 2, "unanswerable": 2}
    assert values(summary.kinds["quote"])["nuggets"] == pytest.approx(1 / 2)
    assert values(summary.kinds["unanswerable"])["nuggets"] is None


def test_a_figure_is_the_mean_over_questions_and_not_over_nuggets() -> None:
    rows = [row(nuggets=Found(0, 9)), row(nuggets=Found(1, 1))]
    assert values(summarise(rows))["nuggets"] == 1 / 2


# --- intervals ------------------------------------------------------------------------------------


def test_the_interval_of_a_share_is_the_binomial_one() -> None:
    """40 of 100: the mean of a resample is Binomial(100, 0.4)/100, 95 % within 0.31 to 0.50."""
    found = figure("mean", [1.0] * 40 + [0.0] * 60)
    assert found == figure("mean", [1.0] * 40 + [0.0] * 60)
    assert found.value == pytest.approx(0.4)
    assert found.low == pytest.approx(0.305, abs=0.011)
    assert found.high == pytest.approx(0.495, abs=0.011)


def test_the_interval_of_a_median() -> None:
    """Of 1..101 the 95 % ranks are 51 -+ 1.96 * sqrt(101) / 2, so 41 to 61."""
    found = figure("median", [float(value) for value in range(1, 102)])
    assert found.value == 51
    assert found.low == pytest.approx(41, abs=1.5)
    assert found.high == pytest.approx(61, abs=1.5)


def test_the_median_of_a_draw_is_that_of_its_values() -> None:
    rng = np.random.default_rng(8)
    known = rng.integers(0, 9, 6).astype(float)
    times = rng.multinomial(6, np.full(6, 1 / 6), size=300)
    times = np.vstack([times, rng.multinomial(5, np.full(6, 1 / 6), size=300)])
    expected = [np.median(np.repeat(known, row)) for row in times]
    assert medians(known, times).tolist() == expected


@pytest.mark.parametrize(
    ("combine", "given", "expected"),
    [
        ("mean", [], Figure(None, None, None, 0)),
        ("mean", [None, None], Figure(None, None, None, 0)),
        ("sum", [], Figure(None, None, None, 0)),
        ("max", [None], Figure(None, None, None, 0)),
        ("mean", [0.5, None], Figure(0.5, None, None, 1)),
        ("mean", [0.0], Figure(0.0, None, None, 1)),
        ("median", [1.0, 1.0, None], Figure(1.0, 1.0, 1.0, 2)),
        ("sum", [1.0, 2.0], Figure(3.0, None, None, 2)),
        ("max", [1.0, 2.0], Figure(2.0, None, None, 2)),
    ],
)
def test_what_has_no_value_or_no_interval(
    combine: Literal["mean", "median", "sum", "max"], given: list[float | None], expected: Figure
) -> None:
    assert figure(combine, given) == expected


# --- bars -----------------------------------------------------------------------------------------


def test_the_bars_that_others_rely_on_have_their_directions() -> None:
    higher = {
        "valid_citations",
        "nuggets",
        "must_cite",
        "may_cite",
        "short_answer",
        "declined_right",
    }
    lower = {"unverbatim", "words", "declined_wrong", "seconds", "memory_mb"}
    ways = {name: BARS[name].better for name in higher | lower}
    assert ways == {**dict.fromkeys(higher, "higher"), **dict.fromkeys(lower, "lower")}
    assert "declined" not in BARS
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ({}, []),
        ({"nuggets": 0.8, "words": 70}, []),
        ({"nuggets": 0.81}, ["nuggets is 0.8, under the bar of 0.81"]),
        ({"words": 69.5}, ["words is 70, over the bar of 69.5"]),
        (
            {"words": 1, "nuggets": 1},
            ["words is 70, over the bar of 1", "nuggets is 0.8, under the bar of 1"],
        ),
        ({"declined_right": 0}, ["declined_right was not measured: no question has it (bar 0)"]),
    ],
)
def test_bars(bars: dict[str, float], expected: list[str]) -> None:
    rows = [row(nuggets=Found(hits, 10), words=70) for hits in (7, 8, 9)]
    assert list(misses(summarise(rows), bars)) == expected


def test_a_mean_that_is_the_bar_but_for_its_last_bit_meets_it() -> None:
    rows = [row(nuggets=Found(hits, 10)) for hits in (7, 8, 9, 7, 8, 9, 8, 8, 8, 7, 9)]
    value = values(summarise(rows))["nuggets"]
    assert value is not None
    assert list(misses(summarise(rows), {"nuggets": value + 1e-12})) == []
    assert list(misses(summarise(rows), {"nuggets": value + 1e-6})) != []
