from datetime import date

import pytest

from index.records import Article, Passage
from rag.cite import verify
from rag.compare import Compared, compare
from rag.ledger import counted, independent, ledger_of, quoted_rows, remark_of
from rag.question import analyse
from rag.schema import Citation, Claim, Voice
from rag.write import Labels, differences
from tests.fake_reader import reading, scored
from tests.replay import NO, YES

HURT = "How many dockers were hurt in the fall of the crane?"
MARCH = ("2031-03-01", "2031-03-04")
pytestmark = pytest.mark.usefixtures("plain")


def hurt(name, number, outlet=None, day=None, sure=YES, after=""):
    """A reading of a report in one sentence."""
    text = f"{number} dockers were hurt in the fall of the crane{after}."
    return reading(scored(Article(name, "Crane", text, outlet, day)), f"{number} dockers", sure)


def surveyed(*readings, question=HURT) -> Compared:
    asked = analyse(question).on(date(2031, 4, 1))
    return compare(asked, readings, [r.sentence for r in readings])


def rows(found, cluster_of=hash) -> list[tuple[str, str, tuple[str, ...], int]]:
    return [(p.stance, p.value, p.article_ids, p.reports) for p in ledger_of(found, cluster_of)]


def first_sentences(found, cluster_of=hash) -> list[str]:
    return [d.text for d in differences(found, Labels(), cluster_of)]


def test_one_value_in_several_reports_is_agreement():
    found = surveyed(hurt("a", "Nine"), hurt("b", "9"))
    assert rows(found) == [("agrees", "Nine dockers", ("a", "b"), 2)]
    assert first_sentences(found) == []


def test_two_values_differ_and_both_sides_are_said_with_their_reports():
    found = surveyed(
        hurt("a", "Nine", "Lune Wire"), hurt("b", "9", "Arden Echo"), hurt("c", "Twelve")
    )
    assert {row[0] for row in rows(found)} == {"differs"}
    assert first_sentences(found) == [
        "Reports differ: “Nine dockers” in two reports (Lune Wire, Arden Echo), “Twelve dockers” in one report."
    ]


def test_a_row_cites_each_file_once_with_how_surely_it_says_so_and_who_does():
    found = surveyed(hurt("a", "Nine", sure=0.8), hurt("b", "Nine", after=", Ada Holm said"))
    (row,) = ledger_of(found, hash)
    assert [(c.article_id, c.support) for c in row.citations] == [("b", YES), ("a", 0.8)]
    assert [c.quote for c in row.citations][1].startswith("Nine dockers were hurt in")
    assert row.voices == (Voice("named", "Ada Holm"), Voice("outlet"))


def test_an_outlets_later_report_supersedes_its_earlier_one():
    found = surveyed(
        hurt("a", "Nine", "Lune Wire", MARCH[0]), hurt("b", "Twelve", "Lune Wire", MARCH[1])
    )
    assert [row[:3] for row in rows(found)] == [
        ("agrees", "Twelve dockers", ("b",)),
        ("superseded", "Nine dockers", ("a",)),
    ]
    assert ledger_of(found, hash)[1].note == "Lune Wire gave “Twelve dockers” on 2031-03-04 (b)"
    assert first_sentences(found) == [
        "Lune Wire first gave “Nine dockers” (2031-03-01) and later gave “Twelve dockers” (2031-03-04)."
    ]


def test_a_correction_is_called_one():
    found = surveyed(
        hurt("a", "Nine", "Lune Wire", MARCH[0]),
        hurt("b", "Twelve", "Lune Wire", MARCH[0], after=", not nine as we reported"),
    )
    assert first_sentences(found) == [
        "Lune Wire first gave “Nine dockers” (2031-03-01) and corrected this to “Twelve dockers” (2031-03-01)."
    ]


def test_what_is_latest_comes_first_with_its_day():
    found = surveyed(
        hurt("a", "Nine", "Lune Wire", MARCH[0]),
        hurt("b", "Twelve", "Arden Echo", MARCH[1]),
        question="What is the latest number of dockers hurt in the fall of the crane?",
    )
    assert first_sentences(found) == [
        "Reports differ, newest first: “Twelve dockers” in one report (Arden Echo; 2031-03-04), “Nine dockers” in "
        "one report (Lune Wire; 2031-03-01)."
    ]


def test_a_speaker_that_all_reports_of_a_side_cite_is_named():
    found = surveyed(hurt("a", "Nine"), hurt("b", "Twelve", after=", the police said"))
    assert first_sentences(found) == [
        "Reports differ: “Nine dockers” in one report, “Twelve dockers” in one report (citing the police)."
    ]


def test_a_report_on_the_matter_without_a_value_is_silent():
    found = surveyed(hurt("a", "Nine"), hurt("q", "Some", sure=NO))
    assert rows(found)[-1] == ("silent", "", ("q",), 1)
    (nearest,) = ledger_of(found, hash)[-1].citations
    assert nearest.support == 0.0 and nearest.quote.startswith("Some dockers")
    assert [row[0] for row in rows(surveyed(hurt("a", "Nine")))] == ["agrees"]


def test_an_answer_told_in_sentences_has_no_rows_of_values():
    found = surveyed(hurt("a", "Nine"), question="Why were dockers hurt?")
    assert found.sides and ledger_of(found, hash) == ()


def test_a_difference_whose_values_do_not_stand_in_what_it_cites_is_refused():
    labels = Labels()
    (draft,) = differences(surveyed(hurt("a", "Nine"), hurt("b", "Twelve")), labels, hash)
    (claim,) = verify([draft], labels.evidence, None).claims
    assert [c.article_id for c in claim.citations] == ["a", "b"] and claim.kind == "difference"
    wrong = draft.__class__(draft.text.replace("Twelve", "Thirty"), draft.labels, draft.kind)
    (refused,) = verify([wrong], labels.evidence, None).rejected
    assert refused.reason == "not verbatim"


def test_each_quoted_sentence_has_a_row_of_its_own():
    texts = ("Nine were hurt.", "It rained.")
    titles = {"b": "Opinion: pay them"}
    cited = [
        tuple(Citation(Passage(Article(n, titles.get(n, ""), t), 0, len(t)), 0.9) for n in names)
        for t, names in zip(texts, ("ab", "c"), strict=True)
    ]
    quotes = [Claim(t, c, 0.9, kind="quote") for t, c in zip(texts, cited, strict=True)]
    written = Claim("It was wet.", cited[1], 0.9)
    first, second = quoted_rows([*quotes, written], {"a": 0, "b": 0, "c": 1}.__getitem__)
    assert (first.stance, first.value, first.article_ids) == ("says", texts[0], ("a", "b"))
    assert first.reports == 1 and second.reports == 1
    assert first.voices == (Voice("outlet"), Voice("opinion"))


def test_a_claim_on_unnamed_sources_alone_is_marked():
    unnamed = Voice("unnamed", "an official")
    assert remark_of([unnamed, unnamed]) == "rests on a source without a name: an official"
    assert remark_of([unnamed, Voice("outlet")]) == "" == remark_of([])
    assert remark_of([Voice("opinion")]) == "said in an opinion piece"


def test_files_and_independent_reports_are_counted_where_they_differ():
    assert independent("abc", {"a": 0, "b": 0, "c": 1}.__getitem__) == 2
    assert counted(5, 2) == "5 files, 2 independent reports"
    assert counted(2, 1) == "2 files, 1 independent report"
    assert counted(2, 2) == ""
