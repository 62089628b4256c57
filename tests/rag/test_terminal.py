from dataclasses import replace

from index.records import Article, Hit, Passage
from rag.assemble import DOUBTFUL
from rag.schema import Answer, Citation, Claim, Evidence, Position, Rejection
from rag.terminal import WIDTH, show

TEXT = "The Arden bridge closed on Friday after twelve cables snapped in the frost overnight."
KNOWN = Article("b1", "", TEXT, "Arden Echo", "2025-04-04")
UNKNOWN = Article("b2", "", TEXT + "\x1b[31mred\x07")


def claim(kind: str, *articles: Article) -> Claim:
    return Claim(
        "Friday", tuple(Citation(Passage(a, 0, len(a.text)), 0.9) for a in articles), 0.9, kind=kind
    )


def test_a_short_answer_shows_its_files_and_their_sentences():
    shown = show(Answer("When?", "answered", (claim("span", KNOWN, UNKNOWN),), note="Quoted."))
    assert shown.startswith("Friday [b1] [b2]")
    assert "(b1; Arden Echo, 2025-04-04)" in " ".join(shown.split())
    assert "(b2; outlet unknown, date unknown)" in " ".join(shown.split())
    assert shown.endswith("Quoted.")


def test_a_follow_up_says_what_it_was_asked_as():
    rewritten = {"from": "And when?", "to": "When did the bridge close?"}
    shown = show(
        Answer("And when?", "answered", (claim("span", KNOWN),), trace={"rewritten": rewritten})
    )
    assert shown.startswith("Asked as: When did the bridge close?\n\nFriday [b1]")


def test_files_that_are_one_report_are_told():
    said = claim("span", KNOWN, UNKNOWN)
    row = Position(("b1", "b2"), "says", said.text, said.citations, reports=1)
    assert show(Answer("When?", "answered", (said,), ledger=(row,))).startswith(
        "Friday [b1] [b2] (2 files, 1 independent report)"
    )
    row = Position(("b1", "b2"), "says", said.text, said.citations, reports=2)
    assert "independent" not in show(Answer("When?", "answered", (said,), ledger=(row,)))


def test_a_quoted_sentence_is_not_quoted_twice():
    assert TEXT not in show(Answer("When?", "answered", (claim("quote", KNOWN),)))


def test_no_control_character_reaches_the_terminal_and_lines_are_short():
    shown = show(Answer("When?", "answered", (claim("span", UNKNOWN),)))
    assert all(c == "\n" or c.isprintable() for c in shown)
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_what_was_refused_is_shown_with_its_reason():
    shown = show(
        Answer(
            "When?",
            "answered",
            (claim("span", KNOWN),),
            (Rejection("On Monday.", "date", "the source does not say “Monday”"),),
        )
    )
    assert (
        "Not shown: 1" in shown and "On Monday. (date: the source does not say “Monday”)" in shown
    )


def test_a_declined_answer_says_so_before_the_nearest_passages():
    evidence = Evidence("E1", Hit(Passage(KNOWN, 0, len(TEXT)), 0.1, 1))
    shown = show(Answer("Why?", "declined", evidence=(evidence,), note="Not said."))
    assert shown.index("No answer.") < shown.index("Not said.") < shown.index("b1: The Arden")


def test_that_nothing_surely_answers_is_said_before_what_comes_nearest():
    doubtful = Answer("When?", "answered", (claim("quote", KNOWN),), note=DOUBTFUL + "Quoted.")
    shown = show(doubtful)
    assert shown.startswith(DOUBTFUL.strip() + "\n\nFriday [b1]")
    assert shown.endswith("\n\nQuoted.")
    several = replace(doubtful, trace={"voice": "parts"})
    assert show(several).startswith("Friday [b1]")
