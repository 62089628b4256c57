"""What of a page is the report: struck-out text, boxes, captions, tables, live blogs."""

import pytest

from index.formats.page import html
from tests.sample_files import MORE, STORY, page


def read(body, **more):
    return html(page(body, **more).encode(), 1_000_000)


def among(piece):
    return f"<p>{STORY}</p>{piece}<p>{MORE}</p>"


@pytest.mark.parametrize(
    "struck",
    [
        "<del>SECRET</del> <ins>nine</ins>",
        "<s>SECRET</s> nine",
        "<strike>SECRET</strike> nine",
        "<span style='color: grey; text-decoration:line-through'>SECRET</span> nine",
        "<span style='text-decoration-line: line-through'>SECRET</span> nine",
        "<style>.old, b.was { text-decoration: line-through }</style><b class='x old'>SECRET</b> nine",
    ],
)
def test_struck_out_text_is_not_what_the_report_says_and_inserted_text_is(struck):
    text = read(among(f"<p>The crew took {struck} boats in tow off Kellmouth.</p>"))["text"]
    assert "The crew took nine boats in tow off Kellmouth." in text


@pytest.mark.parametrize(
    "hidden",
    [
        "<p style='position:absolute; left:-5000px'>SECRET words</p>",
        "<p style='text-indent:-999em'>SECRET words</p>",
        "<p style='clip: rect(0 0 0 0)'>SECRET words</p>",
        "<p style='clip-path: inset(50%)'>SECRET words</p>",
        "<p style='color:transparent'>SECRET words</p>",
        "<p style='color:#fff'>SECRET words</p>",
        "<p style='color: #123; background: #123'>SECRET words</p>",
        "<p class='visually-hidden'>SECRET words</p>",
        "<script>var s = 'SECRET';</script>",
        "<style>p { content: 'SECRET' }</style>",
        "<!--[if IE]><p>SECRET</p><![endif]-->",
        "<?php echo 'SECRET' ?>",
        "<template><p>SECRET instructions for a reader.</p></template>",
        "<noscript><p>SECRET instructions for a reader.</p></noscript>",
        "<p hidden>SECRET instructions for a reader.</p>",
        "<p style='color: red; DISPLAY :\n none'>SECRET instructions for a reader.</p>",
        "<div style='visibility: hidden'><p>SECRET instructions for a reader.</p></div>",
        "<p style='font-size:0px'>SECRET instructions for a reader.</p>",
        "<style>/* x */ #gone{display:none}</style><p id='gone'>SECRET words</p>",
        "<style>@media screen { p.gone { visibility: hidden } }</style><p class='gone'>SECRET</p>",
    ],
)
def test_what_no_reader_sees_is_not_read(hidden):
    text = read(among(hidden))["text"]
    assert "SECRET" not in text and STORY in text and MORE in text


@pytest.mark.parametrize(
    "shown",
    [
        "<style>@media print { p { display: none } }</style>",
        "<style>.menu { display: none }</style>",
        "<div style='background:#222'><p style='color:#fff'>Seen by all.</p></div>",
        "<p aria-hidden='true'>Seen by all.</p>",
        "<p style='opacity:0.8; font-size:0.9em; display:block'>Seen by all.</p>",
        "<p style='opacity:.05'>Seen by all.</p>",
        "<p>Seen by <span hidden>SECRET</span>all.</p>",
    ],
)
def test_what_a_reader_sees_is_read(shown):
    text = read(among(shown))["text"]
    assert STORY in text and MORE in text and ("Seen by all." in text) == ("Seen" in shown)


@pytest.mark.parametrize(
    "box",
    [
        "<p><strong>Read more:</strong> <a href='/x'>SECRET storm kills two</a></p>",
        "<p>Read also: <a href='/x'>SECRET storm kills two.</a></p>",
        "<p><a href='/x'>SECRET storm kills two</a></p>",
        "<p>Lesen Sie auch: SECRET Sturm</p>",
        "<p>Lire aussi : <a href='/x'>SECRET tempête</a></p>",
        "<div class='relatedArticles'><ul><li><a href='/x'>SECRET two dead</a></li></ul></div>",
        "<div class='inline-teaser'><p>SECRET storm kills two on the coast, says the police.</p></div>",
        "<div class='newsletter-signup'><p>SECRET ten stories each day.</p></div>",
        "<p>Sign up for the SECRET newsletter of our desk.</p>",
        "<div class='author-bio'><p>SECRET Reed has reported on boats since 2012.</p></div>",
        "<figure><img src='x'><figcaption>SECRET pier. Photo: A. Reed</figcaption></figure>",
        "<p class='photo-credit'>SECRET Reed</p>",
        "<p>Photo: SECRET Reed / Gazette</p>",
        "<section id='comments'><p>SECRET I heard of ninety boats!</p></section>",
        "<div role='dialog'><p>SECRET We value your privacy and 200 partners.</p></div>",
    ],
)
def test_boxes_teasers_and_captions_are_not_the_report(box):
    text = read(among(box))["text"]
    assert "SECRET" not in text and STORY in text and MORE in text


@pytest.mark.parametrize(
    "part",
    [
        "<p><a href='/minutes'>Both harbours agreed by seven votes to two.</a></p>",
        "<p>Related costs were paid by Both harbours agreed by letter.</p>",
        "<footer><p>Correction: Both harbours agreed in May.</p></footer>",
        "<div class='shared-story'><p>Both harbours agreed.</p></div>",
    ],
)
def test_what_only_looks_like_a_box_is_read(part):
    assert "Both harbours agreed" in read(among(part))["text"]


def test_a_page_that_its_script_unhides_is_read():
    unhidden = page(f"<p>{STORY}</p>").replace("<body>", "<body style='opacity:0'>")
    assert STORY in html(unhidden.encode(), 10_000)["text"]


def test_entities_are_decoded_once():
    text = read(
        among("<p>A &amp;amp; B, C &amp; D, &amp;lt;i&amp;gt;, &#38;nbsp; and &eacute;.</p>")
    )["text"]
    assert "A &amp; B, C & D, &lt;i&gt;, &nbsp; and é." in text


HEAD = "<tr><th>Port</th><th>2040</th><th>2041</th></tr>"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (HEAD + "<tr><td>Orm</td><td>12</td><td>34</td></tr>", "Port: Orm; 2040: 12; 2041: 34"),
        (f"<thead>{HEAD}</thead><tr><th>Orm</th><td>12</td><td></td></tr>", "Port: Orm; 2040: 12"),
        (
            "<tr><td>Port</td><td>2040</td></tr><tr><td>Orm</td><td>12</td></tr>",
            "Port: Orm; 2040: 12",
        ),
        (
            "<tr><th rowspan=2>Port</th><th colspan=2>Boats</th></tr><tr><th>2040</th><th>2041</th>"
            "</tr><tr><td>Orm</td><td>12</td><td>34</td></tr>",
            "Port: Orm; Boats 2040: 12; Boats 2041: 34",
        ),
        (
            HEAD
            + "<tr><td rowspan=2>Orm</td><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr>",
            "Port: Orm; 2040: 3; 2041: 4",
        ),
        ("<caption>Boats at sea</caption>" + HEAD + "<tr><td>Orm</td></tr>", "Boats at sea"),
    ],
)
def test_a_row_of_a_table_is_told_with_its_headers(table, told):
    assert told in read(among(f"<table>{table}</table>"))["text"].split("\n")


def test_a_table_that_only_lays_out_a_page_is_read_as_text():
    body = f"<table><tr><td><p>{STORY}</p><p>{MORE}</p></td><td>Side</td></tr></table>"
    assert f"{STORY}\n{MORE}" in read(body)["text"]


def entries(markup):
    early = "The ferry ran aground off Orm, and 40 people are aboard, the pilot says."
    late = "All but 12 people were taken off the ferry, the pilot says."
    first = markup % ("2041-05-01T06:15:00+01:00", "6.15", early)
    return markup % ("2041-05-01T09:30:00+01:00", "9.30", late) + first, early, late


@pytest.mark.parametrize(
    "markup",
    [
        "<div itemprop='liveBlogUpdate'><h2><time datetime='%s'>%s</time></h2><p>%s</p></div>",
        "<section class='liveblog-post'><p><time datetime='%s'>%s</time> %s</p></section>",
        "<div class='TimelineEntry'><time datetime='%s'>%s</time><p>%s</p></div>",
        "<li class='ticker-item'><time datetime='%s'>%s</time><p>%s</p></li>",
        "<article class='x'><header><time datetime='%s'>%s</time></header><p>%s</p></article>",
    ],
)
def test_each_entry_of_a_live_blog_begins_with_its_time(markup):
    body, early, late = entries(markup)
    found = html(page(body).replace("Ferry runs again", "Live: ferry aground").encode(), 10_000)
    told = " ".join(found["text"].split())
    assert f"2041-05-01 09:30 {late}" in told and f"2041-05-01 06:15 {early}" in told
    assert not found["notes"]


def test_of_several_articles_on_a_page_the_leading_one_is_read_and_that_is_said():
    one = f"<h2>Ferry runs again</h2><p>{STORY}</p><p>{MORE}</p>"
    other = (
        "<h2>Storm</h2><p>SECRET: a storm sank ten ships off Kell on Sunday, and four are lost.</p>"
    )
    parts = f"<main><article>{other}</article><article>{one}</article></main>"
    head = "<meta property='og:title' content='Ferry runs again'>"
    found = html(f"<html><head>{head}</head><body>{parts}</body></html>".encode(), 10_000)
    assert STORY in found["text"] and "SECRET" not in found["text"]
    assert found["notes"] == ["2 articles on the page: only the leading one is read"]
    first = html(f"<html><body>{parts}</body></html>".encode(), 10_000)
    assert "SECRET" in first["text"] and STORY not in first["text"]
