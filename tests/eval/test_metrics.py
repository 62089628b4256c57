"""Scores against fractions worked out by hand, and planted faults that must move the figures."""

from dataclasses import replace
from typing import Any, Literal

import pytest

from eval.gold import GoldQuestion
from eval.metrics import Material
from eval.metrics import score as scored
from eval.scores import Found, QuestionScore, Verdict
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


def cite(article: Article, words: str) -> Citation:
    start = article.text.index(words)
    return Citation(Passage(article, start, start + len(words)), 1.0)


def claim(
    text: str, *citations: Citation, kind: Literal["span", "quote", "written"] = "written"
) -> Claim:
    return Claim(text, citations, 1.0, kind=kind)


def answered(*claims: Claim, **fields: Any) -> Answer:
    return Answer("How long?", "answered", claims, **fields)


DAYS = cite(BRIDGE, "The bridge will stay shut for 40 days, the mayor said.")
WEEKS = cite(FERRY, "The Lorn bridge will stay shut for six weeks.")
SANG = cite(CHOIR, "The choir of Lorn sang on the bridge.")


def score(question: GoldQuestion, answer: Answer, articles: Any) -> QuestionScore:
    return scored(question, answer, Material(articles))


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


def test_one_of_a_group_is_enough_and_a_file_counts_once() -> None:
    row = score(gold(), answered(claim("Shut.", DAYS, DAYS, SANG)), ARTICLES)
    assert row.must_cite == Found(1, 2, ("ferry",))
    assert row.may_cite == Found(1, 2, ("choir",))


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


ELSEWHERE = replace(BRIDGE, text="Lorn bridge shut\n\nThe bridge will stay shut for two days, yes.")
LENGTH = len(BRIDGE.text)


@pytest.mark.parametrize(
    ("passage", "fault"),
    [
        (DAYS.passage, None),
        (Passage(BRIDGE, 0, LENGTH + 1), f"bridge: no span 0-{LENGTH + 1}"),
        (Passage(BRIDGE, -9, LENGTH), f"bridge: no span -9-{LENGTH}"),
        (Passage(BRIDGE, 20, 20), "bridge: no span 20-20"),
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
