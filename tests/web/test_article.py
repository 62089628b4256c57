"""An article: its text stays whole, and its marks hold exactly what is cited."""

from hypothesis import given
from hypothesis import strategies as st

from index.records import Article
from tests.parsed_html import Element, Parsed, marked
from tests.scripted_answers import (
    HARBOUR,
    THREE,
    WIRE,
)
from web.article import article_page


def test_a_headline_is_printed_once() -> None:
    parsed = Parsed(article_page(HARBOUR, {}))
    assert parsed.texts("h2") == ["Harbour crane falls in night storm"]
    assert parsed.texts("text") == [HARBOUR.text]
    bare = Parsed(article_page(Article("a", "A title", "Other words."), {}))
    assert (bare.texts("h2"), bare.texts("text")) == (["A title"], ["Other words."])


def test_only_web_addresses_become_links() -> None:
    def links(url: str | None) -> list[Element]:
        return Parsed(article_page(Article("a", "t", "t", url=url), {})).of("a")

    (link,) = links("https://outlet.example/1")
    assert link.attributes["rel"] == "noopener noreferrer nofollow"
    assert not links("javascript:alert(1)") and not links("data:text/html,x") and not links(None)


def test_a_book_is_shortened_between_its_marks_only() -> None:
    text = "x" * 300_000 + "cited" + "y" * 300_000
    parsed = Parsed(article_page(Article("a", "t", text), {(300_000, 300_005): 1}))
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
    parsed = Parsed(article_page(Article("a", title, text), spans))
    assert parsed.texts("text") == [text]
    for (start, end), number in spans.items():
        assert marked(parsed, str(number)) == text[start:end]


def test_marks_count_in_code_points() -> None:
    start = HARBOUR.text.index("\N{FERRY}")
    parsed = Parsed(article_page(HARBOUR, {(start, start + 11): 1}))
    assert marked(parsed, "1") == "\N{FERRY} meanwhile"


def test_a_carriage_return_survives_in_a_mark() -> None:
    parsed = Parsed(article_page(WIRE, {(29, THREE[0].end): 1}))
    assert marked(parsed, "1") == WIRE.text[29 : THREE[0].end]
