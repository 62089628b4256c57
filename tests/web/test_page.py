"""Answers as HTML: what stands where, and that outside text never becomes markup."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.records import Article, Passage
from rag.assemble import APART, DOUBTFUL, UNREAD
from rag.schema import NEAREST, Answer, Citation, Claim
from tests.hostile import COMPOSED, HOSTILE, benchmark, hostile_answers
from tests.parsed_html import ATTRIBUTES, TAGS, Parsed, card, ledger_answer, marked
from tests.scripted_answers import (
    DECLINED,
    HARBOUR,
    QUOTE,
    SPAN,
    THREE,
    TWO,
    WIRE,
    WRITTEN,
    cite,
    claim,
)
from web import page
from web.render import render


def test_a_short_answer_stands_above_the_quotes_that_say_it() -> None:
    parsed = card(SPAN)
    assert parsed.texts("short") == ["two dockers", "Three dockers"]
    assert parsed.texts("blockquote")[0] == "Port police said that two dockers were hurt."
    assert parsed.texts("strong")[0] == "two dockers"
    assert parsed.texts("source")[0] == "Ostmere Gazette · 4 March 2025 · 000_1538ab12ce41f0a7"
    assert parsed.texts("source")[1] == "outlet unknown · date unknown · h003_ef56"


def test_a_number_is_not_marked_within_another() -> None:
    article = Article("a", "", "A blast in 1975 killed 19.")
    parsed = card(Answer("q", "answered", (claim("19", cite(article, article.text), kind="span"),)))
    assert "in 1975 killed <strong>19</strong>." in parsed.html


def test_more_than_three_quotes_of_a_value_are_folded() -> None:
    citations = [cite(HARBOUR, words) for words in ("Harbour", "crane", "falls", "night", "in")]
    parsed = card(Answer("q", "answered", (claim("crane", *citations, kind="span"),)))
    assert parsed.texts("summary") == ["2 more that say so"]
    assert len(parsed.of("blockquote")) == 5


def test_a_quotation_is_a_block_with_its_source() -> None:
    parsed = card(QUOTE)
    assert [e.attributes["class"] for e in parsed.of("claim")] == ["claim quote"] * 2
    assert parsed.texts("blockquote") == [c.text for c in QUOTE.claims]


def test_that_nothing_surely_answers_stands_above_what_comes_nearest_and_is_not_repeated() -> None:
    first, second = (
        replace(c, remark=r) for c, r in zip(QUOTE.claims, (APART, UNREAD), strict=True)
    )
    doubtful = replace(QUOTE, claims=(first, second), note=f"{DOUBTFUL}Quoted.")
    parsed = card(doubtful)
    assert parsed.texts("lead") == [DOUBTFUL.strip()]
    assert not parsed.of("remark")
    assert parsed.texts("note") == ["Quoted."]
    assert len(card(replace(doubtful, note="Quoted.")).of("remark")) == 2


def test_a_written_sentence_ends_with_its_marks_and_its_quotes_are_folded() -> None:
    parsed = card(WRITTEN)
    assert parsed.texts("written")[0] == (
        "A crane came down in Ostmere's harbour during a storm. 000_1538ab12ce41f0a7 h002_cd34"
    )
    assert parsed.texts("summary") == ["The words they rest on"]


def test_a_declined_answer_says_so_and_marks_the_nearest_passages() -> None:
    parsed = card(DECLINED)
    assert parsed.texts("verdict") == ["No answer in these reports."]
    assert "Looked for: owns, crane." in parsed.texts("note")[0]
    assert parsed.texts("h3") == ["The nearest passages not an answer"]
    assert parsed.texts("blockquote")[0] == "The crane was built in 1974."
    assert not parsed.of("claim")


def test_refused_sentences_are_folded_with_their_reasons() -> None:
    parsed = card(SPAN)
    assert parsed.texts("summary") == ["Not shown: 2"]
    assert parsed.texts("dropped") == [r.text for r in SPAN.rejected]
    assert parsed.texts("why")[0] == (
        "Why: a number is not the report's: the number 4 is not in what it cites"
    )


def test_the_foot_tells_seconds_model_and_reports() -> None:
    assert card(SPAN).texts("meta") == [
        "1.2 s · model scripted · 4 reports cited · take away as page, JSON, Markdown · copy"
    ]
    assert card(Answer("q", "declined")).texts("meta") == [
        "take away as page, JSON, Markdown · copy"
    ]


def test_an_error_is_one_line_and_a_long_question_is_cut() -> None:
    parsed = Parsed(page.error_card("t1", "q" * 5000, "no such model"))
    assert parsed.texts("error") == ["Not answered. no such model"]
    assert len(parsed.texts("question")[0]) < 500


def nearest(citation: Citation) -> Claim:
    """A sentence as it is shown before anything was read."""
    return Claim(citation.quote, (citation,), 0.9, kind="quote", remark=NEAREST)


def pending(*claims: Claim) -> Parsed:
    """A card of a question that is being worked on, parsed."""
    return Parsed(page.pending_card("t1", "q", "Reading the reports", claims))


def test_while_the_reports_are_read_the_nearest_sentence_is_shown_as_no_answer() -> None:
    parsed = pending(nearest(TWO[0]))
    assert parsed.texts("h3") == ["The nearest sentence so far not an answer"]
    assert parsed.texts("tag") == ["not an answer"]
    assert parsed.texts("blockquote") == [TWO[0].quote]
    assert parsed.texts("source")[0] == "Ostmere Gazette · 4 March 2025 · 000_1538ab12ce41f0a7"
    assert not parsed.of("claim") and marked(parsed, "1") == TWO[0].quote
    assert not pending().of("nearest")


def test_values_are_shown_with_their_files_apart_from_the_nearest_sentence() -> None:
    values = [claim("Three dockers", *THREE, kind="span")]
    values += [claim(words, c, kind="span") for words, c in zip(("Two", "two"), TWO, strict=False)]
    quay = cite(HARBOUR, "The quay will stay closed for eleven days, she said.")
    parsed = pending(nearest(quay), *values)
    assert parsed.texts("nearest")[0].startswith("The nearest sentence so far not an answer")
    assert parsed.texts("claims")[0].count(quay.quote) == 0
    assert parsed.texts("short") == ["Three dockers", "Two"], "a value stands there once"
    names = [e.text for e in parsed.of("cite")]
    assert names == [quay.article_id, WIRE.id, TWO[0].article_id, TWO[1].article_id]
    assert parsed.html.index("nearest") < parsed.html.index("Three dockers")


def test_a_sentence_that_a_value_is_taken_from_is_no_longer_said_to_be_no_answer() -> None:
    whole = Citation(Passage(WIRE, 0, len(WIRE.text)), 0.5)
    for told in (THREE[0], whole):
        parsed = pending(nearest(told), claim("Three dockers", *THREE, kind="span"))
        assert not parsed.of("nearest") and parsed.texts("short") == ["Three dockers"]
    before = Citation(Passage(WIRE, 0, THREE[0].start), 0.5)
    assert pending(nearest(before), claim("Three", *THREE, kind="span")).of("nearest")


def test_of_several_questions_the_nearest_sentence_of_the_last_is_shown() -> None:
    assert pending(nearest(TWO[0]), nearest(THREE[0])).texts("blockquote") == [THREE[0].quote]


def test_a_stopped_question_says_of_values_alone_that_they_were_checked() -> None:
    value = claim("Three dockers", *THREE, kind="span")
    for claims, checked in (((), False), ((nearest(TWO[0]),), False), ((value,), True)):
        parsed = Parsed(page.stopped_card("t1", "q", claims))
        assert ("had been checked" in parsed.texts("note")[0]) is checked
        assert len(parsed.of("nearest")) == (len(claims) and not checked)


def status(name: str, generation: str, warm: str) -> str:
    return render("status.html", facts=page.Facts(name, 1, 2500, generation), warm=warm)


def test_the_status_tells_the_index_and_its_size() -> None:
    parsed = Parsed(status("night desk", "g7", "ready"))
    assert parsed.texts("li") == [
        "Index night desk",
        "1 article",
        "2,500 passages",
        "generation g7",
        "ready",
    ]


def test_every_link_names_an_article_of_its_card_and_a_span_of_it() -> None:
    for answer in (SPAN, QUOTE, WRITTEN, DECLINED):
        parsed = card(answer)
        templates = {e.attributes["id"] for e in parsed.of("template")}
        for link in (e for e in parsed.elements if "data-article" in e.attributes):
            assert link.attributes["data-article"] in templates
            assert marked(parsed, link.attributes["data-span"])


def test_each_article_is_in_the_card_once_and_only_if_it_is_cited() -> None:
    assert len(card(SPAN).of("template")) == 4
    assert len(card(QUOTE).of("template")) == 1


def test_the_quote_beside_a_link_is_what_its_marks_hold() -> None:
    parsed = card(SPAN)
    quotes = [e for e in parsed.of("blockquote")]
    assert [marked(parsed, e.attributes["data-span"]) for e in quotes] == [e.text for e in quotes]


def shapes(text: str) -> list[list[tuple[str, list[str]]]]:
    """The elements, with their attributes' names, of all cards in which `text` is everywhere."""
    answered, declined = hostile_answers(text)
    cards = [
        page.answer_card("t1", answered, text),
        page.answer_card("t1", declined),
        page.pending_card("t1", text, text, answered.claims),
        page.stopped_card("t1", text, answered.claims),
        page.pending_card(
            "t1", text, text, [replace(c, remark=NEAREST) for c in answered.claims[:1]]
        ),
        page.error_card("t1", text, text),
        status(text, text, text),
    ]
    parsed = [Parsed(html).elements for html in cards]
    for element in (e for elements in parsed for e in elements):
        assert element.tag in TAGS and set(element.attributes) <= ATTRIBUTES
        address = element.attributes.get("href", "http://")
        assert address.startswith(("http://", "https://", "desk/proof?turn=t1&as="))
    return [[(e.tag, sorted(e.attributes)) for e in elements] for elements in parsed]


def assert_only_text(text: str) -> None:
    """A hostile string makes the very elements that a harmless one makes."""
    web = text.startswith(("http://", "https://"))
    assert shapes(text) == shapes("https://harmless.example" if web else "harmless")


@pytest.mark.parametrize("text", [*HOSTILE, *COMPOSED])
def test_hostile_strings_stay_text(text: str) -> None:
    assert_only_text(text)


@pytest.mark.skipif(not benchmark(), reason="the shared bench folder is not here")
def test_the_benchmarks_hostile_strings_stay_text() -> None:
    texts = benchmark()
    assert len(texts) > 50
    for text in texts:
        assert_only_text(text)


@settings(deadline=None)
@given(st.text(max_size=80).map(str.strip).filter(bool))
def test_any_string_stays_text(text: str) -> None:
    assert_only_text(text)


def test_a_difference_comes_first_with_a_mark_for_each_report() -> None:
    parsed = card(ledger_answer())
    assert parsed.texts("difference") == [
        "Reports differ: “Nine” in one report, “ten” in one report. b c"
    ]
    assert parsed.texts("remark") == ["Rests on a source without a name"]


def test_what_a_follow_up_was_asked_as_is_shown() -> None:
    trace = {**SPAN.trace, "rewritten": {"from": "And?", "to": "How many <b>?"}}
    follow = replace(SPAN, question="And?", trace=trace)
    (told,) = card(follow).of("asked-as")
    assert told.text == "Asked as: How many <b>? Change it Ask as I typed it"
    change, alone = card(follow).of("again")
    assert change.attributes["data-rephrase"] == "How many <b>?"
    assert alone.attributes["data-alone"] == "And?"
    assert not card(SPAN).texts("asked-as")
