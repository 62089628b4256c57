"""The page in a real browser, over answers known by heart: see `browsing`."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browsing import (
    Reader,
    browser,
    files,
    needs_axe,
    needs_chromium,
    quoted,
    reading,
    shared,
)
from tests.hostile import COMPOSED, HOSTILE, benchmark, hostile_answers
from tests.scripted_answers import (
    ANSWERS,
    DECLINED,
    EMOJI,
    HARBOUR,
    HEBREW,
    QUOTE,
    SPAN,
    THREE,
    TWO,
    UNKNOWN,
    WIRE,
    WRITTEN,
    Scripted,
    page_over,
    serving,
)

pytestmark = needs_chromium
__all__ = ["browser", "shared"]


@pytest.fixture(scope="module")
def scripted() -> Scripted:
    return Scripted(seconds=0.3)


@pytest.fixture(scope="module")
def address(scripted: Scripted) -> Iterator[str]:
    with serving(page_over(scripted, list(ANSWERS)[:4])) as address:
        yield address


@pytest.fixture
def reader(shared: BrowserContext, address: str) -> Iterator[Reader]:
    with reading(shared, address) as reader:
        yield reader


def test_a_question_gets_its_answer_and_the_box_is_free_again(reader):
    assert reader.page.locator("h1").inner_text() == "Wirecheck"
    reader.picture("start")
    reader.box.fill(SPAN.question)
    reader.box.press("Enter")
    reader.page.locator(".turn.pending .doing").filter(has_text="Searching 4 reports").wait_for()
    reader.page.locator(".turn.answered").wait_for()
    assert reader.turn.locator(".question").inner_text() == SPAN.question
    assert reader.turn.locator(".short").all_inner_texts() == ["two dockers", "Three dockers"]
    assert reader.turn.locator("blockquote").all_inner_texts() == quoted([*TWO, *THREE])
    assert reader.box.input_value() == "" and reader.page.locator(".turn").count() == 1
    reader.picture("answer")


def test_the_button_and_the_suggestions_ask_too(reader, scripted):
    reader.page.get_by_role("button", name=QUOTE.question).click()
    reader.page.locator(".turn.answered").wait_for()
    assert reader.turn.locator("blockquote").all_inner_texts() == [c.text for c in QUOTE.claims]
    assert not reader.page.locator("#suggestions").is_visible()
    reader.box.fill(WRITTEN.question)
    reader.page.get_by_role("button", name="Ask", exact=True).click()
    reader.page.locator(".turn.answered .written").first.wait_for()
    assert scripted.asked[-1] == (WRITTEN.question, "scripted")


def test_the_newest_answer_stands_last_and_clear_begins_anew(reader):
    reader.ask(SPAN.question)
    reader.ask(DECLINED.question)
    assert reader.page.locator(".question").all_inner_texts() == [SPAN.question, DECLINED.question]
    reader.page.locator(".cite").first.click()
    reader.page.get_by_role("button", name="Clear").click()
    assert reader.page.locator(".turn").count() == 0
    assert not reader.page.locator("#article-panel").is_visible()
    assert reader.page.locator("#suggestions").is_visible()
    reader.ask(QUOTE.question)
    assert reader.page.locator(".turn").count() == 1


def test_an_answer_that_was_cleared_away_does_not_come_back(reader):
    reader.box.fill(SPAN.question)
    reader.box.press("Enter")
    reader.page.locator(".turn.pending").wait_for()
    reader.page.get_by_role("button", name="Clear").click()
    reader.page.wait_for_timeout(900)
    assert reader.page.locator(".turn").count() == 0


def test_another_model_can_be_chosen_tested_and_asked(reader, scripted):
    told = reader.page.locator("#tested")
    reader.page.get_by_role("button", name="Test").click()
    told.get_by_text("scripted answers, in 0.1 s.").wait_for()
    assert told.get_attribute("class") == ""
    reader.page.get_by_label("Model").click()
    reader.page.get_by_role("option", name="none").click()
    reader.page.get_by_role("button", name="Test").click()
    told.get_by_text("model 'far/one' needs a key: set FAR_API_KEY").wait_for()
    assert told.get_attribute("class") == "not"
    reader.picture("tested")
    reader.ask(SPAN.question)
    assert scripted.asked[-1] == (SPAN.question, "none")


def test_an_empty_question_is_not_asked(reader, scripted):
    before = len(scripted.asked)
    reader.box.fill("   ")
    reader.box.press("Enter")
    reader.page.wait_for_timeout(600)
    assert len(scripted.asked) == before and reader.page.locator(".turn").count() == 0


def test_errors_are_one_plain_line(reader):
    reader.ask("no key")
    line = "Not answered. model 'far/one' wants a key: set FAR_API_KEY"
    assert reader.turn.locator(".error").inner_text() == line
    reader.ask("crash")
    assert "under" in reader.turn.locator(".error").inner_text()
    assert "secret" not in reader.page.content()
    reader.picture("errors")


def test_a_click_on_a_file_id_shows_its_article_with_the_cited_words(reader):
    reader.ask(SPAN.question)
    for citation in [*TWO, *THREE]:
        link = reader.turn.locator(".claim .cite").filter(has_text=citation.article_id)
        link.click()
        panel = reader.page.locator("#article-panel")
        assert panel.locator(".text").text_content() == citation.passage.article.text
        assert [reader.marked()] == quoted([citation])
        assert panel.locator(".file-id").inner_text() == citation.article_id
        assert panel.locator("mark.here").first.is_visible()
        assert link.get_attribute("aria-expanded") == "true"
    assert reader.turn.locator(".cite[aria-expanded]").count() == 1
    reader.turn.locator(".claim .cite").first.click()
    reader.picture("citation")


def test_a_click_on_a_quote_does_too_and_marks_can_be_stepped_through(reader):
    reader.ask(WRITTEN.question)
    reader.turn.get_by_text("The words they rest on").click()
    reader.turn.locator("blockquote").nth(2).click()
    assert [reader.marked()] == quoted(WRITTEN.claims[1].citations)
    assert reader.page.locator("#article-panel mark").count() == 2
    for name, citation in [
        ("Next", WRITTEN.claims[0].citations[1]),
        ("Previous", WRITTEN.claims[1].citations[0]),
    ]:
        reader.page.get_by_role("button", name=f"{name} cited words").click()
        assert [reader.marked()] == quoted([citation])


def test_the_cited_words_are_scrolled_to(browser, address):
    with reading(browser, address, 1280, 420) as reader:
        reader.ask(WRITTEN.question)
        reader.turn.locator(".written .cite").last.click()
        sheet = reader.page.locator("#article-panel .sheet")
        sheet.evaluate("element => element.scrollTo(0, 9999)")
        assert sheet.evaluate("element => element.scrollTop") > 500
        reader.turn.locator(".written .cite").last.click()
        mark = reader.page.locator("#article-panel mark.here").bounding_box()
        assert 0 < mark["y"] < 420 and WIRE.text.count("\r\n") > 40


def test_the_keyboard_alone_will_do(reader):
    reader.ask(SPAN.question)
    reader.turn.locator(".cite").first.focus()
    reader.page.keyboard.press("Enter")
    assert [reader.marked()] == quoted(TWO[:1])
    assert reader.page.evaluate("document.activeElement.className") == "sheet"
    reader.page.keyboard.press("Escape")
    assert not reader.page.locator("#article-panel").is_visible()
    assert reader.page.evaluate("document.activeElement.textContent") == HARBOUR.id
    reader.turn.locator(".refused summary").press("Enter")
    assert reader.turn.locator(".dropped").first.is_visible()


def test_focus_goes_back_to_where_it_was(reader):
    """Also after a click on a quote, which can't be focused: to the file ID beneath it."""
    reader.ask(SPAN.question)
    reader.turn.locator("blockquote").nth(1).click()
    reader.page.locator("#article-panel .close").click()
    assert reader.page.evaluate("document.activeElement.textContent") == UNKNOWN.id
    reader.turn.locator("table .cite").last.focus()
    reader.page.keyboard.press("Enter")
    reader.page.keyboard.press("Escape")
    assert reader.page.evaluate("document.activeElement.closest('table') !== null")


def test_inside_the_panel_two_keys_step_through_the_cited_words(reader):
    reader.ask(WRITTEN.question)
    reader.turn.locator(".written .cite").nth(1).focus()
    reader.page.keyboard.press("Enter")
    first, second = quoted([WRITTEN.claims[0].citations[1], WRITTEN.claims[1].citations[0]])
    shown = [reader.marked()]
    for key in "nnp":
        reader.page.keyboard.press(key)
        shown.append(reader.marked())
    assert shown == [first, second, first, second]
    light = reader.page.locator("#article-panel mark:not(.here)")
    assert light.all_text_contents() == [first]


def test_spans_are_right_after_characters_of_two_code_units(reader):
    """The spans count code points, a browser's strings UTF-16: emoji stand before the words."""
    reader.ask(EMOJI.question)
    for n, citation in enumerate(EMOJI.claims[0].citations):
        reader.turn.locator(".cite").nth(n).click()
        text = reader.page.locator("#article-panel .text").text_content()
        assert [reader.marked()] == quoted([citation]) and text == citation.passage.article.text
        before = citation.passage.article.text[: citation.start]
        assert len(before.encode("utf-16-le")) > 2 * len(before)


def test_a_mark_tells_quote_outlet_and_day_on_hover_and_focus(reader):
    reader.ask(WRITTEN.question)
    mark, hint = reader.turn.locator(".written .cite").nth(1), reader.page.locator("#hint")
    mark.hover()
    hint.wait_for()
    assert hint.locator(".quote").inner_text() == quoted(THREE)[0]
    assert hint.locator(".source").inner_text() == "Northline Wire · 4 March 2025"
    reader.picture("hint")
    reader.page.mouse.move(5, 5)
    hint.wait_for(state="hidden")
    reader.turn.locator(".written .cite").first.focus()
    reader.page.keyboard.press("Tab")
    hint.wait_for()
    assert mark.get_attribute("aria-describedby") == hint.get_attribute("id")
    reader.page.keyboard.press("Escape")
    assert not hint.is_visible()


FOLLOW = replace(
    WRITTEN,
    question="And then?",
    trace={**WRITTEN.trace, "rewritten": {"from": "And then?", "to": "What happened after <b>?"}},
)


def test_what_a_follow_up_was_asked_as_can_be_changed_or_left(reader, scripted):
    scripted.answers[FOLLOW.question] = FOLLOW
    reader.ask(SPAN.question)
    reader.ask(FOLLOW.question)
    assert len(scripted.filters[-1]["history"]) == 1
    assert reader.turn.locator(".asked-as q").inner_text() == "What happened after <b>?"
    reader.turn.get_by_role("button", name="Change it").focus()
    reader.page.keyboard.press("Enter")
    assert reader.page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    assert reader.box.input_value() == "What happened after <b>?"
    reader.picture("asked-as")
    with reader.answered():
        reader.page.keyboard.type(" the storm?")
        reader.page.keyboard.press("Enter")
    assert scripted.asked[-1][0] == "What happened after <b>? the storm?"
    assert len(scripted.filters[-1]["history"]) == 2
    with reader.answered():
        reader.page.get_by_role("button", name="Ask as I typed it").click()
    assert scripted.asked[-1][0] == "And then?" and scripted.filters[-1]["history"] == ()
    reader.ask(SPAN.question)
    assert [a.question for a in scripted.filters[-1]["history"]] == ["And then?"]


def test_an_answer_is_copied_as_markdown(browser, address):
    permissions = ["clipboard-read", "clipboard-write"]
    with reading(browser, address, permissions=permissions) as reader:
        reader.ask(WRITTEN.question)
        reader.turn.get_by_role("button", name="Copy the answer").click()
        reader.turn.get_by_text("copied", exact=True).wait_for()
        text = reader.page.evaluate("navigator.clipboard.readText()")
        assert "during a storm" in text and "[^1]: " in text
        reader.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        reader.ask(QUOTE.question)
        reader.turn.get_by_role("button", name="Copy the answer").click()
        reader.turn.get_by_text("copied", exact=True).wait_for()


@pytest.fixture
def slowly(scripted) -> Iterator[None]:
    scripted.each = 1.0
    yield
    scripted.each = 0.0


@pytest.mark.usefixtures("slowly")
def test_sentences_appear_one_by_one_and_can_be_opened_at_once(reader):
    reader.box.fill(WRITTEN.question)
    reader.box.press("Enter")
    pending = reader.page.locator(".turn.pending")
    pending.locator(".written").first.wait_for()
    assert pending.locator(".written").count() == 1
    pending.locator(".cite").first.focus()
    reader.page.keyboard.press("Enter")
    assert [reader.marked()] == quoted(WRITTEN.claims[0].citations[:1])
    reader.picture("pending", 0)
    reader.page.locator(".turn.answered").wait_for()
    assert [reader.marked()] == quoted(WRITTEN.claims[0].citations[:1])
    reader.page.keyboard.press("Escape")
    assert reader.page.evaluate("document.activeElement.textContent") == HARBOUR.id
    assert reader.turn.locator(".written").count() == 2


@pytest.mark.usefixtures("slowly")
@pytest.mark.parametrize("way", ["button", "escape"])
def test_a_question_can_be_stopped_and_the_next_one_is_answered(reader, scripted, way):
    reader.box.fill(WRITTEN.question)
    reader.box.press("Enter")
    reader.page.locator(".turn.pending .written").first.wait_for()
    if way == "button":
        reader.page.get_by_role("button", name="Stop this question").click()
    else:
        reader.box.press("Escape")
    reader.page.locator(".turn.stopped").wait_for()
    assert "Stopped." in reader.turn.inner_text() and reader.turn.locator(".written").count() == 1
    scripted.each, begun = 0.0, time.monotonic()
    reader.ask(SPAN.question)
    assert time.monotonic() - begun < 4 and reader.turn.locator(".span").count() == 2


def test_refused_sentences_are_one_click_away(reader):
    reader.ask(SPAN.question)
    assert not reader.turn.locator(".dropped").first.is_visible()
    reader.turn.get_by_text("Not shown: 2").click()
    assert reader.turn.locator(".dropped").all_inner_texts() == [r.text for r in SPAN.rejected]
    assert reader.turn.locator(".why").first.inner_text() == (
        "Why: a number is not the report's: the number 4 is not in what it cites"
    )
    reader.picture("refused")


def test_a_question_is_asked_within_outlets_and_dates(reader, scripted):
    within = reader.page.locator("#within")
    within.locator("summary").click()
    within.get_by_label("Ostmere Gazette").check()
    within.get_by_label("Since").fill("2025-03-04")
    within.get_by_label("As of").fill("2025-04-01")
    said = "Ostmere Gazette, since 4 March 2025, as of 1 April 2025"
    assert within.locator(".told").inner_text() == said
    reader.picture("within")
    reader.ask(SPAN.question)
    expected = {"outlets": ("Ostmere Gazette",), "since": "2025-03-04", "until": None}
    assert scripted.filters[-1] == {**expected, "as_of": "2025-04-01", "history": ()}
    assert "asked within outlets Ostmere Gazette; since 4 March" in reader.turn.inner_text()
    within.get_by_role("button", name="All reports").click()
    reader.ask(SPAN.question)
    told = scripted.filters[-1]
    assert [a.question for a in told.pop("history")] == [SPAN.question]
    assert told == {"outlets": None, "since": None, "until": None, "as_of": None}
    assert "asked within" not in reader.turn.inner_text()


def test_the_library_lists_finds_and_opens_reports(reader):
    reader.page.get_by_role("button", name="Library").click()
    library = reader.page.locator("#library")
    titles = library.locator(".reports > li > .title")
    titles.nth(2).wait_for()
    assert titles.all_inner_texts() == [HEBREW.title, HARBOUR.title, WIRE.title]
    library.get_by_text("1 copy").click()
    assert library.locator("details .title").inner_text() == UNKNOWN.title
    assert not reader.box.is_visible() and not library.locator(".giving").is_visible()
    reader.picture("library")
    library.get_by_label("Find a report").fill("northline 2025")
    library.get_by_text("1 report", exact=True).wait_for()
    titles.first.focus()
    reader.page.keyboard.press("Enter")
    text = reader.page.locator("#article-panel .text")
    text.wait_for()
    assert text.text_content() == WIRE.text
    assert reader.page.locator("#article-panel mark").count() == 0
    reader.page.keyboard.press("Escape")
    assert reader.page.evaluate("document.activeElement.textContent") == WIRE.title
    reader.page.get_by_role("button", name="Questions").click()
    assert reader.box.is_visible() and not library.is_visible()


@pytest.fixture
def giver(browser: Browser, scripted: Scripted, tmp_path: Path) -> Iterator[Reader]:
    given = page_over(scripted, uploads=tmp_path / "given")
    with serving(given) as address, reading(browser, address) as reader:
        yield reader


def test_articles_of_ones_own_are_indexed_and_asked(giver, scripted):
    giver.page.get_by_role("button", name="Library").click()
    giver.page.locator("#library input[type=file]").set_input_files(
        files(
            ("museum.txt", "Museum opens\n\nThe museum opened on Friday."),
            ("empty.md", " "),
            ("rows.csv", "id,text,outlet\nr1,A bank closed.,Tern Post\nr2,,Tern Post\n"),
            ("run.exe", "x"),
        )
    )
    outcome = giver.page.locator("#library .outcome")
    outcome.get_by_text("2 articles, 2 independent reports. They can be asked now.").wait_for(
        timeout=60_000
    )
    fates = outcome.locator("li").all_inner_texts()
    assert fates[0] == "museum.txt taken" and fates[1].startswith("empty.md not taken: empty")
    assert fates[2].startswith("rows.csv taken; not line 3: ")
    assert fates[3].startswith("run.exe not taken: only .txt")
    giver.page.locator("#library .reports .title").get_by_text("Museum opens").wait_for()
    giver.picture("own")
    assert giver.page.get_by_label("Reports to ask").input_value() == "own"
    giver.page.get_by_role("button", name="Questions").click()
    giver.page.get_by_role("button", name="What did the museum do?").click()
    giver.page.locator(".turn.declined").wait_for()
    assert list(scripted.indexes[-1].articles) == ["museum", "r1"]
    assert "asked within your own articles" in giver.turn.inner_text()
    giver.page.get_by_label("Reports to ask").select_option("night desk")
    giver.ask(SPAN.question)
    assert len(scripted.indexes[-1].articles) == 4


def test_hostile_names_outlets_and_titles_stay_text(giver):
    bad = "<img src=x onerror=window.pwned=1>"
    giver.page.get_by_role("button", name="Library").click()
    rows = [
        (f"{bad}.txt", f"---\noutlet: {bad}\n---\n{bad}\n\nNotes of the day."),
        ("<script>window.pwned=1<", f"{bad}"),
        (f"{bad}.md", " "),
    ]
    giver.page.locator("#library input[type=file]").set_input_files(files(*rows))
    giver.page.locator("#library .reports .title").get_by_text(bad).wait_for(timeout=60_000)
    giver.page.locator("#library .reports .title").first.click()
    giver.page.locator("#article-panel .text").wait_for()
    assert giver.page.locator("#library .outcome b").all_text_contents() == [n for n, _ in rows]
    assert giver.page.locator("#within .outlets label").text_content() == bad
    made = giver.page.locator(":is(#library, #within, #article-panel) :is(img, script, style)")
    assert made.count() == 0 and giver.page.evaluate("window.pwned") is None


def test_a_narrow_screen_keeps_the_table_a_table(browser, address):
    """Shown as blocks, it would lose its rows and headers for screen readers."""
    with reading(browser, address, 390) as reader:
        reader.ask(SPAN.question)
        headers = reader.turn.get_by_role("table").get_by_role("rowheader")
        assert headers.all_inner_texts() == ["two dockers", "Three dockers"]
        assert reader.turn.get_by_role("table").get_by_role("row").count() == 3
        reader.turn.locator("table .cite").last.click()
        assert [reader.marked()] == quoted(THREE)


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(browser, address, width, scheme):
    with reading(browser, address, width, color_scheme=scheme) as reader:
        found = {"start": reader.serious()}
        reader.ask(SPAN.question)
        reader.turn.get_by_text("Not shown: 2").click()
        reader.page.locator("#within summary").click()
        found["answer, ledger"] = reader.serious()
        reader.turn.locator(".cite").first.click()
        found["article"] = reader.serious()
        reader.page.keyboard.press("Escape")
        reader.ask(DECLINED.question)
        found["declined"] = reader.serious()
        reader.page.get_by_role("button", name="Library").click()
        reader.page.locator("#library .title").first.wait_for()
        found["library"] = reader.serious()
    assert not any(found.values()), found


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("dark", 1280, "dark"), ("wide", 1600, "light"), ("narrow-dark", 390, "dark")],
)
def test_it_fits_every_width_in_light_and_dark(browser, address, name, width, scheme):
    with reading(browser, address, width, 844, color_scheme=scheme) as reader:
        reader.ask(SPAN.question)
        reader.picture(name)
        reader.turn.locator(".cite").first.click()
        reader.picture(f"{name}-citation")
        assert [reader.marked()] == quoted(TWO[:1])
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
        reader.page.get_by_role("button", name="Library").click()
        reader.page.locator("#library .title").first.wait_for()
        reader.picture(f"{name}-library")
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
        paper = reader.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(22, 23, 26)") is (scheme == "dark")


def test_what_goes_wrong_in_the_browser_is_noticed(browser, address):
    """Or the tests above would prove nothing with their empty lists of faults."""
    with reading(browser, address) as reader:
        reader.page.evaluate("new Image().src = 'https://elsewhere.example/x.png'")
        reader.page.wait_for_timeout(200)
        assert any("against the policy: img-src" in fault for fault in reader.faults)
        reader.faults.clear()


#: Elements that nothing of ours makes in the log or beside it, and attributes of any element.
_FOREIGN = """() => [...document.querySelectorAll('.log *, #article-panel *')].filter(e =>
  !/^(A|ARTICLE|BDI|BLOCKQUOTE|BUTTON|CAPTION|DETAILS|DIV|H2|H3|HEADER|I|LI|MARK|P|Q|SECTION|SPAN|STRONG|SUMMARY|TABLE|TBODY|TD|TEMPLATE|TH|THEAD|TIME|TR|UL|svg|text|line|circle|polygon|g)$/
    .test(e.tagName)
  || [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style')
).map(e => e.outerHTML.slice(0, 200))"""
#: Opens every article that the newest answer refers to; tells those that show no cited words.
_OPEN_ALL = """() => [...document.querySelectorAll('.turn:first-child .claim > .source .cite')]
  .map(cite => { cite.click(); return document.querySelectorAll('#article-panel mark.here').length; })"""


def test_hostile_strings_create_nothing(reader, scripted):
    """As article, title, outlet, ID, claim, reason, note and value; then as question."""
    texts = [*HOSTILE, *COMPOSED]
    assert len(texts) >= 120
    for n, answer in enumerate(hostile_answers(*texts)):
        scripted.answers[f"hostile {n}"] = answer
        reader.ask(f"hostile {n}", 60)
        assert reader.page.evaluate(_FOREIGN) == []
    opened = reader.page.evaluate(_OPEN_ALL)
    assert len(opened) == len(texts) and all(opened)
    assert reader.page.evaluate(_FOREIGN) == []
    reader.picture("hostile")
    reader.page.keyboard.press("Escape")
    reader.page.get_by_role("button", name="Clear").click()
    texts += benchmark()
    for n in range(0, len(texts), 15):
        reader.ask(" ".join(texts[n : n + 15])[:2000].strip())
    reader.page.wait_for_timeout(300)
    assert reader.page.evaluate(_FOREIGN) == []
    assert reader.page.evaluate("window.pwned") is None
    assert reader.page.locator("h1").count() == 1
