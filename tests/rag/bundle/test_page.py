import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from index.records import Passage
from rag.bundle.page import page_of
from rag.schema import Citation, Claim
from tests import bundles

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!--<script>",
    "]]><svg onload=alert(1)>",
    "&lt;b&gt; &amp; \u2028 \u202eevil\x00\x1b[31m",
    "' onmouseover='x",
]


class Seen(HTMLParser):
    """Every element with its attributes, and the text that is shown."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements, self.words, self.within = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.within = tag

    def handle_data(self, data):
        if self.within not in ("style", "script"):
            self.words.append(data)


def hostile_answer(text: str):
    article = replace(bundles.ECHO, id=f"b1{text}", title=text, outlet=text, text=text, url=text)
    claim = Claim(text, (Citation(Passage(article, 0, len(text)), 1.0),), 1.0, kind="quote")
    refused = replace(bundles.answer().rejected[0], text=text, detail=text)
    return bundles.answer(
        question=text, claims=(claim,), rejected=(refused,), note=text, ledger=(), evidence=()
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_element_and_no_attribute(text):
    plain = Seen(page_of(bundles.bundle_of(hostile_answer("plain"), {"x": "plain"}, bundles.MADE)))
    seen = Seen(page_of(bundles.bundle_of(hostile_answer(text), {"x": text}, bundles.MADE)))
    assert seen.elements == plain.elements


def test_the_page_asks_nobody_for_anything_and_runs_nothing():
    page = page_of(bundles.bundle())
    assert "default-src 'none'" in page and page.count("<script") == 1
    assert not re.search(r"@import|url\(|\bsrc=|<link|<iframe|<img|\son\w+=", page)
    assert re.findall(r'href="(?!#)([^"]*)"', page) == ["https://echo.example/bridge"]


def test_an_address_of_another_scheme_is_no_link():
    data = bundles.edited(lambda d: d["articles"]["b1"].update(url="javascript:alert(1)"))
    page = page_of(data)
    assert "javascript:alert(1)" in page and 'href="javascript' not in page


def test_everything_is_shown_and_each_quote_leads_to_its_mark():
    page = page_of(bundles.bundle())
    words = " ".join(Seen(page).words)
    for shown in ("Friday", "nine days", "It closed on Monday.", "the source says “Friday”"):
        assert shown in words
    for article in (bundles.ECHO, bundles.WIRE):
        assert article.sha256 in words and article.id in words
    marks = dict(re.findall(r'<mark id="([^"]+)">([^<]+)</mark>', page))
    links = re.findall(r'“([^”]+)”<br>.*?href="#([^"]+)"', page)
    assert len(links) == 3
    for quote, anchor in links:
        assert html.unescape(quote) in html.unescape(marks[anchor])


def test_spans_that_overlap_are_one_mark():
    text = bundles.ECHO.text
    cited = tuple(
        Citation(Passage(bundles.ECHO, s, e), 1.0) for s, e in ((19, 40), (30, 60), (70, 80))
    )
    claim = Claim(text[19:40], cited, 1.0, kind="quote")
    page = page_of(bundles.bundle(claims=(claim,), ledger=()))
    assert re.findall(r"<mark[^>]*>([^<]+)", page) == [text[19:60], text[70:80]]


def test_the_data_in_the_page_are_the_bundle():
    page = page_of(bundles.bundle())
    block = re.search(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)[1]
    assert json.loads(block) == bundles.bundle() and not set("<>&") & set(block)


def test_a_declined_answer_is_no_answer():
    declined = bundles.answer(outcome="declined", claims=(), ledger=())
    assert "No answer." in page_of(bundles.bundle_of(declined, {}, bundles.MADE))
