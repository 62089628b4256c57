from dataclasses import replace

import pytest

from index.records import Article, Hit, Passage
from rag.draft import MAX_QUOTES, MAX_WORDS, parse_draft, quote
from rag.evidence import SIGNALS, Found, Scored
from rag.ledger import survey
from rag.positions import sides_of
from rag.question import analyse
from rag.schema import DraftClaim, Evidence
from tests.fakes import TopicEncoder


@pytest.mark.parametrize(
    ("reply", "claims"),
    [
        ("The strike lasted four days. [E2]", [("The strike lasted four days.", ("E2",))]),
        (
            "- Two died. [E1][E3]\n- Nine were hurt. [E2, E4].",
            [("Two died.", ("E1", "E3")), ("Nine were hurt.", ("E2", "E4"))],
        ),
        ("1. It rained. [ E1 ; E1 ]", [("It rained.", ("E1",))]),
        ("It rained.", [("It rained.", ())]),
        ("In [E1] it rained a lot.", [("In [E1] it rained a lot.", ())]),
        ("NO ANSWER", []),
        ("no answer.", []),
        ("", []),
        ("[E1]\n\n***", []),
        ("It rained. [E99]", [("It rained.", ("E99",))]),
        ("It rained. [0] [-1] [doc-7]", [("It rained. [0] [-1] [doc-7]", ())]),
    ],
)
def test_a_reply_is_read_line_by_line(reply, claims):
    assert parse_draft(reply) == [DraftClaim(text, labels) for text, labels in claims]


def found(*rows: tuple[str, str, float, str | None]) -> Found:
    """Sentences as (article ID, text, score, the answer the reader sees), best first."""
    sentences = []
    for id, text, score, answer in rows:
        article = Article(id, "", text)
        start = text.index(answer) if answer else 0
        sentences.append(
            Scored(
                Passage(article, 0, len(text)),
                (0.8,) * len(SIGNALS),
                score,
                (start, start + len(answer or text)),
                5.0 if answer else -5.0,
            )
        )
    return Found(tuple(sentences), (), 0.9, ())


def drafts(question: str, f: Found) -> list[DraftClaim]:
    asked = analyse(question)
    return quote(asked, f, survey(asked, f, hash, TopicEncoder()))[1]


def test_one_value_is_said_once_with_every_report_that_says_it():
    f = found(
        ("a", "The talks took two and a half hours.", 0.9, "two and a half"),
        ("b", "They spoke for 150 minutes.", 0.88, "150"),
        ("c", "The talks went on for almost three hours.", 0.87, "three hours"),
    )
    assert [d for d in drafts("How long did the talks last?", f) if d.kind == "span"] == [
        DraftClaim("two and a half hours", ("E1", "E2"), "span"),
        DraftClaim("almost three hours", ("E3",), "span"),
    ]


def test_an_unsure_short_answer_has_at_most_two_sentences_beside_it():
    f = found(
        ("a", "The talks took four hours.", 0.2, "four hours"),
        *((n, f"The talks of the {n} went well, said the {n}.", 0.19, "") for n in "bcde"),
    )
    unsure = [replace(s, signals=(0.1,) * len(SIGNALS), margin=-2.0) for s in f.sentences]
    given = drafts("How long did the talks last?", replace(f, sentences=tuple(unsure)))
    assert [d.kind for d in given] == ["span", "quote", "quote"]


def test_another_value_in_an_article_that_gives_the_first_is_no_difference():
    f = found(
        ("a", "The talks took four hours.", 0.9, "four hours"),
        ("a", "The flight took nine hours.", 0.89, "nine hours"),
    )
    f = Found(
        tuple(
            Scored(
                Passage(
                    f.sentences[0].passage.article if n == 0 else Article("a", "", s.passage.text),
                    0,
                    len(s.passage.text),
                ),
                s.signals,
                s.score,
                s.span,
                s.margin,
            )
            for n, s in enumerate(f.sentences)
        ),
        (),
        0.9,
        (),
    )
    said = drafts("How long did the talks last?", f)
    assert [d.text for d in said if d.kind == "span"] == ["four hours"]


def test_what_the_question_already_says_is_no_answer():
    f = found(("a", "Of the 40 houses, 12 burned.", 0.9, "40"))
    assert drafts("How many of the 40 houses burned?", f)[0].text == "12"


def test_sentences_are_quoted_whole_when_no_type_is_asked_for():
    f = found(
        ("a", "The mayor left because the  vote was lost.", 0.9, None),
        ("b", "Rain fell.", 0.3, None),
    )
    assert drafts("Why did the mayor leave?", f) == [
        DraftClaim("The mayor left because the vote was lost.", ("E1",), "quote")
    ]


def test_copies_of_a_sentence_are_one_quotation_with_both_files():
    f = found(
        ("a", "The mayor left because the vote was lost.", 0.9, None),
        ("b", "The mayor left because the vote was lost.", 0.9, None),
    )
    assert drafts("Why did the mayor leave?", f)[0].labels == ("E1", "E2")


def test_an_answer_stays_short():
    rows = [(f"a{n}", f"Reason number {n} " + f"word{n} " * 30, 0.9, None) for n in range(6)]
    texts = [d.text for d in drafts("Why did the mayor leave?", found(*rows))]
    assert len(texts) <= MAX_QUOTES
    assert sum(len(t.split()) for t in texts) <= MAX_WORDS


def test_evidence_labels_count_from_one():
    f = found(("a", "One.", 0.9, None), ("b", "Two.", 0.8, None))
    assert [e.label for e in f.evidence()] == ["E1", "E2"]
    assert isinstance(f.evidence()[0], Evidence) and isinstance(f.evidence()[0].hit, Hit)


def test_an_untyped_question_has_no_short_answer():
    f = found(("a", "It took four hours.", 0.9, "four hours"))
    assert sides_of(analyse("Why did it take four hours?"), f.sentences, hash, TopicEncoder()) == []


def test_exact_words_are_answered_by_quotations_alone():
    f = found(
        ("a", "Judge Stell, who ordered the recount, was seen on Thursday.", 0.9, None),
        ("b", '"A close result may stand," Judge Stell told the court.', 0.5, None),
    )
    (draft,) = drafts("What were Judge Stell's own words on the recount?", f)
    assert draft == DraftClaim(
        '"A close result may stand," Judge Stell told the court.', ("E2",), "quote"
    )


def test_several_names_in_one_answer_stay_together():
    f = found(("a", "Ada Holm and Lene Doorn were against.", 0.9, "Ada Holm and Lene Doorn"))
    assert drafts("Which council members were against?", f)[0].text == "Ada Holm and Lene Doorn"


def test_who_did_something_is_somebody_with_a_name():
    f = found(("a", "The recount was ordered by the mayor.", 0.9, "the mayor"))
    assert {d.kind for d in drafts("Who ordered the recount?", f)} == {"quote"}


def test_who_said_something_may_be_an_official_and_is_who_speaks():
    f = found(
        ("a", "The talks took two hours, a ministry official said.", 0.9, "a ministry official")
    )
    assert drafts("Who said that the talks took two hours?", f)[0].text == "a ministry official"
    # Who is hurt says nothing; whoever the reader marks, the sentence tells who speaks.
    f = found(("a", "Ada Holm was hurt, a ministry official said.", 0.9, "Ada Holm"))
    assert drafts("Who said that Holm was hurt?", f)[0].text == "a ministry official"


def test_which_hospital_is_one_with_a_name():
    f = found(("a", "The skipper is in hospital with broken ribs.", 0.9, "broken ribs"))
    assert {d.kind for d in drafts("Which hospital is the skipper in?", f)} == {"quote"}


def test_another_value_before_its_article_gives_the_first_one_is_no_difference_either():
    article = Article("b", "", "Five people died on the ferry. There were 91 people on board.")
    first = found(("a", "The ferry had 91 people on board.", 0.9, "91")).sentences[0]
    rest = [
        Scored(Passage(article, s, e), first.signals, score, (at, at + n), 5.0)
        for s, e, score, at, n in ((0, 30, 0.88, 0, 4), (31, 61, 0.85, 42, 2))
    ]
    f = Found((first, *rest), (), 0.9, ())
    assert drafts("How many people were on board?", f)[:1] == [
        DraftClaim("91 people", ("E1", "E3"), "span")
    ]
    assert "Five people" not in {d.text for d in drafts("How many people were on board?", f)}
