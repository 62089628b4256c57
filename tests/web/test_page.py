"""Answers as HTML: what stands where, and that outside text never becomes markup."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.records import Article, Passage
from rag.schema import NEAREST, Answer, Citation, Claim, Position, Voice
from tests.hostile import COMPOSED, HOSTILE, benchmark, hostile_answers
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

TAGS = {
    "a",
    "article",
    "b",
    "bdi",
    "blockquote",
    "button",
    "caption",
    "details",
    "div",
    "h2",
    "h3",
    "header",
    "i",
    "li",
    "mark",
    "p",
    "q",
    "section",
    "span",
    "strong",
    "summary",
    "table",
    "tbody",
    "td",
    "template",
    "th",
    "thead",
    "time",
    "tr",
    "ul",
}
ATTRIBUTES = {
    "aria-controls",
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "class",
    "colspan",
    "data-alone",
    "data-article",
    "data-copy",
    "data-span",
    "data-open",
    "data-rephrase",
    "data-spans",
    "data-stop",
    "datetime",
    "download",
    "dir",
    "href",
    "id",
    "rel",
    "role",
    "rowspan",
    "scope",
    "target",
    "title",
    "type",
}


@dataclass
class Element:
    """A parsed element with the text inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Parsed(HTMLParser):
    """All elements of a piece of HTML, in order; fails where tags don't nest."""

    html: str
    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append(Element(tag, {k: v or "" for k, v in attrs}))
        self.open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        """Check that it ends what was begun last."""
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        """Give text to everything that is open."""
        for element in self.open:
            element.text += data

    def handle_comment(self, data: str) -> None:
        """Allow none: the page makes none."""
        raise AssertionError(data)

    def of(self, name: str) -> list[Element]:
        """The elements of one class, or of one tag."""
        return [
            e
            for e in self.elements
            if e.tag == name or name in e.attributes.get("class", "").split()
        ]

    def texts(self, name: str) -> list[str]:
        """The text of each of them."""
        return [e.text for e in self.of(name)]


def card(answer: Answer) -> Parsed:
    """An answer's card, parsed."""
    return Parsed(page.answer_card("t1", answer))


# --- what stands where ----------------------------------------------------------------------------


def test_an_element_escapes_its_text_and_its_attributes() -> None:
    made = page.el("p", "a < b", page.el("b", "&"), class_="x", data_turn='"1"', title=None)
    assert made == '<p class="x" data-turn="&quot;1&quot;">a &lt; b<b>&amp;</b></p>'


def test_markup_joined_to_text_counts_as_text() -> None:
    joined = page.el("b", "x") + "<i>"
    assert page.el("p", joined) == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\rb", "a&#13;b"), ("\0", "\ufffd"), ("\ud800", "?"), ("é\N{FERRY}", "é\N{FERRY}")],
)
def test_what_a_browser_would_change_is_sent_so_that_it_does_not(text: str, shown: str) -> None:
    assert page.join(text) == shown


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


def test_a_written_sentence_ends_with_its_marks_and_its_quotes_are_folded() -> None:
    parsed = card(WRITTEN)
    assert parsed.texts("written")[0] == (
        "A crane came down in Ostmere's harbour during a storm. 000_1538ab12ce41f0a7 h002_cd34"
    )
    assert parsed.texts("summary") == ["The words they rest on"]


def test_the_ledger_is_shown_only_if_the_reports_differ() -> None:
    parsed = card(SPAN)
    assert parsed.texts("caption") == ["Who says what"]
    words = [c.quote for c in (*TWO, *THREE)]
    assert parsed.texts("tr")[1:] == [
        f"two dockersOstmere Gazette · 4 March 2025 · 000_1538ab12ce41f0a7{words[0]}",
        f"outlet unknown · date unknown · h003_ef56{words[1]}",
        f"Sahil News · 5 March 2025 · h004_aa78{words[2]}",
        f"Three dockersNorthline Wire · 4 March 2025 · h002_cd34{words[3]}",
    ]
    same = Answer("q", "answered", SPAN.claims, (), SPAN.ledger[:1])
    assert not card(same).of("table")


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


def test_the_status_tells_the_index_and_its_size() -> None:
    parsed = Parsed(page.status_bar(page.Facts("night desk", 1, 2500, "g7"), "ready"))
    assert parsed.texts("li") == [
        "Index night desk",
        "1 article",
        "2,500 passages",
        "generation g7",
        "ready",
    ]


# --- articles and their marks ---------------------------------------------------------------------


def marked(parsed: Parsed, number: str) -> str:
    """The words of one span: its marks, joined."""
    return "".join(
        e.text for e in parsed.of("mark") if number in e.attributes["data-spans"].split()
    )


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


def test_a_headline_is_printed_once() -> None:
    parsed = Parsed(page.article_page(HARBOUR, {}))
    assert parsed.texts("h2") == ["Harbour crane falls in night storm"]
    assert parsed.texts("text") == [HARBOUR.text]
    bare = Parsed(page.article_page(Article("a", "A title", "Other words."), {}))
    assert (bare.texts("h2"), bare.texts("text")) == (["A title"], ["Other words."])


def test_only_web_addresses_become_links() -> None:
    def links(url: str | None) -> list[Element]:
        return Parsed(page.article_page(Article("a", "t", "t", url=url), {})).of("a")

    (link,) = links("https://outlet.example/1")
    assert link.attributes["rel"] == "noopener noreferrer nofollow"
    assert not links("javascript:alert(1)") and not links("data:text/html,x") and not links(None)


def test_a_book_is_shortened_between_its_marks_only() -> None:
    text = "x" * 300_000 + "cited" + "y" * 300_000
    parsed = Parsed(page.article_page(Article("a", "t", text), {(300_000, 300_005): 1}))
    (shown,) = parsed.texts("text")
    assert marked(parsed, "1") == "cited"
    assert len(shown) < 210_000 and "200,000 characters are left out here" in shown


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


@given(texts, texts, st.lists(st.tuples(st.integers(0, 120), st.integers(1, 40)), max_size=5))
def test_marks_hold_exactly_their_spans_and_the_text_stays_whole(
    title: str, rest: str, places: list[tuple[int, int]]
) -> None:
    text = f"{title}{rest}"
    spans = {(a, min(len(text), a + n)): i for i, (a, n) in enumerate(places) if a < len(text)}
    parsed = Parsed(page.article_page(Article("a", title, text), spans))
    assert parsed.texts("text") == [text]
    for (start, end), number in spans.items():
        assert marked(parsed, str(number)) == text[start:end]


def test_marks_count_in_code_points() -> None:
    start = HARBOUR.text.index("\N{FERRY}")
    parsed = Parsed(page.article_page(HARBOUR, {(start, start + 11): 1}))
    assert marked(parsed, "1") == "\N{FERRY} meanwhile"


def test_a_carriage_return_survives_in_a_mark() -> None:
    parsed = Parsed(page.article_page(WIRE, {(29, THREE[0].end): 1}))
    assert marked(parsed, "1") == WIRE.text[29 : THREE[0].end]


# --- hostile strings ------------------------------------------------------------------------------


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
        page.status_bar(page.Facts(text, 1, 1, text), text),
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


def test_files_that_are_one_report_are_told():
    answer = replace(SPAN, ledger=(replace(SPAN.ledger[0], reports=1), SPAN.ledger[1]))
    assert "3 files, 1 independent report" in page.answer_card("t1", answer)
    assert "independent" not in page.answer_card("t1", SPAN)


def test_copies_are_folded_under_their_original_in_the_ledger():
    original = ["h003_ef56", "000_1538ab12ce41f0a7"]

    def copies_of(name: str) -> list[str]:
        return original if name in original else [name]

    rows = Parsed(page.answer_card("t1", SPAN, copies_of=copies_of)).texts("tr")[1:]
    assert len(rows) == 3
    assert rows[0].startswith("two dockersoutlet unknown · date unknown · h003_ef561 copyOstmere")
    assert rows[1].startswith("Sahil News") and rows[2].startswith("Three dockers")


def ledger_answer() -> Answer:
    """An outlet that corrected itself, another that keeps its value, one that denies, one silent."""
    texts = {
        "a": ("Forty dockers were hurt.", "Lune Wire", "2031-03-01"),
        "b": ("Nine dockers were hurt.", "Lune Wire", "2031-03-04"),
        "c": ("A union official said ten dockers were hurt.", "Arden Echo", "2031-03-02"),
        "d": ("Nobody was hurt, the port said.", "Gazette <b>", "2031-03-02"),
        "e": ("The port is open.", None, None),
    }
    cited = {}
    for name, (text, outlet, day) in texts.items():
        article = Article(name, name, text, outlet, day)
        cited[name] = Citation(Passage(article, 0, len(text)), 0.9)
    rows = (
        Position(("b",), "differs", "Nine", (cited["b"],), voices=(Voice("outlet"),)),
        Position(
            ("c",), "differs", "ten", (cited["c"],), voices=(Voice("unnamed", "A union official"),)
        ),
        Position(("a",), "superseded", "Forty", (cited["a"],), note="Lune Wire gave “Nine” later"),
        Position(("d",), "denies", "", (cited["d"],), voices=(Voice("named", "the port"),)),
        Position(("e",), "silent", "", (cited["e"],)),
    )
    claims = (
        Claim(
            "Reports differ: “Nine” in one report, “ten” in one report.",
            (cited["b"], cited["c"]),
            0.9,
            kind="difference",
        ),
        Claim("ten", (cited["c"],), 0.9, kind="span", remark="rests on a source without a name"),
    )
    return Answer("How many dockers were hurt?", "answered", claims, (), rows)


def test_a_difference_comes_first_with_a_mark_for_each_report() -> None:
    parsed = card(ledger_answer())
    assert parsed.texts("difference") == [
        "Reports differ: “Nine” in one report, “ten” in one report. b c"
    ]
    assert parsed.texts("remark") == ["Rests on a source without a name"]


def test_the_ledger_tells_what_is_superseded_denied_and_not_said_and_whose_words_they_are() -> None:
    rows = card(ledger_answer()).texts("tr")[1:]
    assert "A union official (a source without a name)" in rows[1]
    assert rows[2].startswith("Fortysuperseded; Lune Wire gave “Nine” later")
    assert rows[3].startswith("says that it is not so") and "from the port" in rows[3]
    assert rows[4].startswith("on the matter, but gives no value")


def test_the_timeline_tells_in_words_what_it_draws() -> None:
    picture = page.timeline(ledger_answer())
    assert 'aria-label="When each value was reported. Nine: 4 March 2031; ten: 2 March 2031; ' in (
        picture
    )
    assert picture.count("<circle") == 3 and "<b>" not in picture
    assert not page.timeline(SPAN.__class__("q", "answered"))


def test_the_timeline_shows_the_days_that_reports_name() -> None:
    def row(value: str, text: str, day: str) -> Position:
        article = Article(value, value, text, "Lune Wire", day)
        cited = Citation(Passage(article, 0, len(text)), 0.9)
        return Position((value,), "differs", value, (cited,))

    rows = (
        row("Nine", "Nine were hurt on 2 March, and on Tuesday more.", "2031-03-04"),
        row("Ten", "Ten were hurt yesterday. It was built on 4 May 1974.", "2031-03-08"),
    )
    picture = page.timeline(Answer("q", "answered", (), (), rows))
    assert "Nine: 4 March 2031, speaks of 2 March 2031; Ten: 8 March 2031, speaks of 7 " in picture
    assert picture.count("<polygon") == 3 and "a day that the report names" in picture
    assert ">2 March 2031</text>" in picture and "1974" not in picture
    plain = page.timeline(ledger_answer())
    assert "<polygon" not in plain and "a day that" not in plain


def test_what_a_follow_up_was_asked_as_is_shown() -> None:
    trace = {**SPAN.trace, "rewritten": {"from": "And?", "to": "How many <b>?"}}
    follow = replace(SPAN, question="And?", trace=trace)
    (told,) = card(follow).of("asked-as")
    assert told.text == "Asked as: How many <b>? Change it Ask as I typed it"
    change, alone = card(follow).of("again")
    assert change.attributes["data-rephrase"] == "How many <b>?"
    assert alone.attributes["data-alone"] == "And?"
    assert not card(SPAN).texts("asked-as")
