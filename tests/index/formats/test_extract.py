import time

import pytest

from index.files import Unfit
from index.formats.extraction import Extraction
from tests.sample_files import LOCK, MORE, STORY, page, pdf_file


@pytest.fixture(scope="module")
def extraction():
    made = Extraction()
    yield made
    made.close()


@pytest.fixture
def html(extraction):
    return lambda text, limit=1_000_000: extraction.extracted("html", text.encode(), limit)


@pytest.fixture
def pdf(extraction):
    return lambda data, limit=1_000_000: extraction.extracted("pdf", data, limit)


def test_the_report_of_a_page_without_what_stands_around_it(html):
    found = html(page())
    assert found["text"] == f"Ferry runs again\n{STORY}\n{MORE}"
    assert found["title"] == "Ferry runs again"
    assert not any(found["fields"].values())


LD = '<script type="application/ld+json">%s</script>'
NEWS = '{"@type": "NewsArticle", "datePublished": "2025-03-12T08:00:00Z"}'


NOTHING = {"outlet": "", "published": "", "url": ""}
TERN = {"outlet": "Tern"}


@pytest.mark.parametrize(
    ("head", "stated"),
    [
        ("", {}),
        ("<meta property='og:site_name' content=' Tern\n Daily '>", {"outlet": "Tern Daily"}),
        ("<meta name='DC.Publisher' content='Tern'>", TERN),
        ("<meta property=article:published_time content=2025-03-12>", {"published": "2025-03-12"}),
        ("<meta itemprop=datePublished content=2025-03-12>", {"published": "2025-03-12"}),
        ("<link rel=canonical href=https://tern.example/a>", {"url": "https://tern.example/a"}),
        ("<link rel=canonical href=/a>", {}),
        ("<meta property=og:url content=https://tern.example/>", {"url": "https://tern.example/"}),
        (LD % ('{"@graph": [{}, ' + NEWS + "]}"), {"published": "2025-03-12T08:00:00Z"}),
        (LD % '[{"@type": ["Thing", "AReport"], "publisher": {"name": "Tern"}}]', TERN),
        (LD % '{"@type": "Article", "publisher": [{"name": "Tern"}, {"name": "B"}]}', TERN),
        # Of two articles, neither is the page's; of a list's entries none.
        (LD % NEWS + LD % NEWS.replace("2025", "2024"), {}),
        (LD % ('{"@type": "ItemList", "itemListElement": [' + NEWS + "]}"), {}),
        (LD % '{"@type": "Article", "datePublished": ["x"], "publisher": {"name": 5}}', {}),
        (LD % "{not json", {}),
        (LD % ("[" * 100_000), {}),
        # What is modified, or said by whom, is another thing.
        ("<meta property=article:modified_time content=2025-03-12>", {}),
        ("<meta name=author content=Mara><meta name=twitter:site content=@tern>", {}),
    ],
)
def test_metadata_are_what_the_page_states(html, head, stated):
    assert html(page(head=head))["fields"] == {**NOTHING, **stated}


def test_nothing_is_guessed_from_prose(html):
    body = (
        "<p>Tern Daily, Monday 3 March 2025. By Mara Quill. Published 2025-03-03 10:00.</p>"
        "<time datetime='2025-03-03'>Monday</time><p><a href='https://tern.example/x'>Link</a></p>"
    )
    found = html(page(body + f"<p>{STORY}</p><p>{MORE}</p>"))
    assert not any(found["fields"].values())


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<meta property='og:title' content='Ferry is  back'>", "Ferry is back"),
        (LD % '{"@type": "NewsArticle", "headline": "Back again"}', "Back again"),
        ("", "Ferry runs again"),
    ],
)
def test_titles_of_pages(html, head, title):
    assert html(page(head=head))["title"] == title


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("<!-- only a comment -->", "empty"),
        ("<html><body><img src=x></body></html>", "no report found on the page"),
        (page("<div>" * 10_000 + f"<p>{STORY}</p>"), "its elements are nested too deep"),
        (page("<b>" * 100_000 + STORY), "its elements are nested too deep"),
    ],
)
def test_pages_without_a_report(html, text, reason):
    with pytest.raises(Unfit, match=f"^{reason}"):
        html(text)


def test_a_page_nested_as_deep_as_some_are_is_read(html):
    assert STORY in html(page("<div>" * 500 + f"<p>{STORY}</p><p>{MORE}</p>"))["text"]


@pytest.mark.parametrize("limit", [10, 100])
def test_more_text_than_wanted_is_unfit(html, pdf, limit):
    with pytest.raises(Unfit, match="too large"):
        html(page(), limit)
    with pytest.raises(Unfit, match="too large"):
        pdf(pdf_file([STORY], [MORE]), limit)


def test_the_text_of_a_pdf(pdf):
    found = pdf(pdf_file(["Ferry runs again", STORY], [MORE], title="Ferry runs again"))
    assert found["text"] == f"Ferry runs again\n{STORY}\n{MORE}"
    assert (found["title"], found["fields"], found["notes"]) == ("Ferry runs again", {}, [])


@pytest.mark.parametrize("title", ["Microsoft Word - draft3.doc", "", "  "])
def test_a_title_that_the_text_does_not_hold_is_not_taken(pdf, title):
    assert pdf(pdf_file([STORY], title=title))["title"] == ""


def test_pages_of_pictures_among_others(pdf):
    assert pdf(pdf_file([STORY], [], [MORE]))["text"] == f"{STORY}\n{MORE}"


def test_a_lost_page_is_told(pdf):
    data = pdf_file([STORY], [MORE]).replace(b"/Count 2", b"/Count 3")
    found = pdf(data)
    assert found["text"] == f"{STORY}\n{MORE}"
    assert found["notes"] == ["1 of its 3 pages can't be read"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "damaged, or not a PDF"),
        (b"%PDF-1.7\nnothing more", "damaged, or not a PDF"),
        (pdf_file([STORY])[:300], "damaged, or not a PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "damaged, or not a PDF"),
        (pdf_file([STORY], trailer=LOCK), "encrypted: a password opens it"),
        (pdf_file([], []), "no text in it"),
        (pdf_file(["\\001\\002\\003\\004\\005"]), "its fonts don't say"),
    ],
)
def test_pdfs_without_text(pdf, data, reason):
    with pytest.raises(Unfit, match=f"^{reason}"):
        pdf(data)


def test_hundreds_of_pages(pdf):
    data = pdf_file(*[[f"Line {n} of the long report."] for n in range(600)])
    start = time.perf_counter()
    assert pdf(data)["text"].endswith("Line 599 of the long report.")
    assert time.perf_counter() - start < 30
