"""The page in a real browser: Debian's Chromium, headless, driven by Playwright.

Needs `apt-get install chromium`; skips where there is none. Leaves pictures in test-output/.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)
from scripted_answers import (
    ANSWERS,
    DECLINED,
    EMOJI,
    HARBOUR,
    HEBREW,
    HOSTILE,
    QUOTE,
    SPAN,
    THREE,
    TWO,
    UNKNOWN,
    WIRE,
    WRITTEN,
    Scripted,
    hostile_answers,
    page_over,
    serving,
)

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(os.environ.get("AXE_CORE") or ROOT / "node_modules/axe-core/axe.min.js")
PICTURES = ROOT / "test-output"
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium here")

#: Under harmless questions, answers made of nothing but hostile strings.
DISGUISED = dict(
    zip(("hostile answered", "hostile declined"), hostile_answers(*HOSTILE), strict=True)
)


@pytest.fixture(scope="module")
def scripted() -> Scripted:
    scripted = Scripted(seconds=0.3)
    scripted.answers.update(DISGUISED)
    return scripted


@pytest.fixture(scope="module")
def address(scripted: Scripted) -> Iterator[str]:
    with serving(page_over(scripted, list(ANSWERS)[:4])) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        yield browser
        browser.close()


class Reader:
    """Somebody at the page; whatever goes wrong in the browser is kept."""

    def __init__(
        self,
        browser: Browser | BrowserContext,
        address: str,
        width: int = 1280,
        height: int = 850,
        **context: str,
    ) -> None:
        size = {"width": width, "height": height}
        self.context = (
            browser.new_context(viewport=size, **context)
            if isinstance(browser, Browser)
            else browser
        )
        self.page: Page = self.context.new_page()
        self.page.set_viewport_size(size)
        self.page.set_default_timeout(10_000)
        self.faults: list[str] = []
        self.address = address
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.page.on("request", self.asked)
        self.page.goto(address)
        self.box = self.page.locator("#question textarea")
        self.box.wait_for()

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.faults.append(f"asked {request.url}")

    def ask(self, question: str) -> None:
        """Ask with the keyboard, and wait for what comes of it."""
        done = self.page.locator(".turn:not(.pending)").count()
        self.box.fill(question)
        self.box.press("Enter")
        self.page.wait_for_function(
            "n => document.querySelectorAll('.turn:not(.pending)').length > n", arg=done
        )

    @property
    def turn(self):
        """The newest question and its answer."""
        return self.page.locator(".turn").last

    def marked(self) -> str:
        """The highlighted words of the article beside the answer."""
        return "".join(self.page.locator("#article-panel mark.here").all_text_contents())

    def picture(self, name: str, settle: int = 150) -> None:
        PICTURES.mkdir(exist_ok=True)
        self.page.wait_for_timeout(settle)
        self.page.screenshot(path=PICTURES / f"{name}.png")


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[BrowserContext]:
    """What is loaded for one test needn't be for the next; pages they have each their own."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def reader(shared: BrowserContext, address: str) -> Iterator[Reader]:
    reader = Reader(shared, address)
    yield reader
    reader.page.close()
    assert not reader.faults


def quoted(citations) -> list[str]:
    """What the articles say where they are cited."""
    return [c.passage.article.text[c.start : c.end] for c in citations]


# --- asking ---------------------------------------------------------------------------------------


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


def test_another_model_can_be_chosen(reader, scripted):
    reader.page.get_by_label("Model").click()
    reader.page.get_by_role("option", name="none").click()
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


def test_the_status_tells_what_is_served(reader):
    assert reader.page.locator(".status li").all_inner_texts() == [
        "Index night desk",
        "4 articles",
        "9 passages",
        "generation g1",
        "ready",
    ]


# --- proof ----------------------------------------------------------------------------------------


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
    reader = Reader(browser, address, 1280, 420)
    reader.ask(WRITTEN.question)
    reader.turn.locator(".written .cite").last.click()
    sheet = reader.page.locator("#article-panel .sheet")
    sheet.evaluate("element => element.scrollTo(0, 9999)")
    assert sheet.evaluate("element => element.scrollTop") > 500
    reader.turn.locator(".written .cite").last.click()
    mark = reader.page.locator("#article-panel mark.here").bounding_box()
    assert 0 < mark["y"] < 420 and WIRE.text.count("\r\n") > 40
    reader.context.close()
    assert not reader.faults


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


# --- watching and stopping ------------------------------------------------------------------------


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


# --- what was not shown, and what was not answered ------------------------------------------------


def test_refused_sentences_are_one_click_away(reader):
    reader.ask(SPAN.question)
    assert not reader.turn.locator(".dropped").first.is_visible()
    reader.turn.get_by_text("Not shown: 2").click()
    assert reader.turn.locator(".dropped").all_inner_texts() == [r.text for r in SPAN.rejected]
    assert reader.turn.locator(".why").first.inner_text() == (
        "Why: a number is not the report's: the number 4 is not in what it cites"
    )
    reader.picture("refused")


def test_who_says_what_is_a_table_with_links(reader):
    reader.ask(SPAN.question)
    table = reader.turn.locator("table")
    assert table.locator("tbody th").all_inner_texts() == ["two dockers", "Three dockers"]
    table.locator(".cite").last.click()
    assert [reader.marked()] == quoted(THREE)


def test_a_declined_answer_says_so_and_shows_the_nearest_passages(reader):
    reader.ask(DECLINED.question)
    assert reader.turn.locator(".verdict").inner_text() == "No answer in these reports."
    assert reader.turn.locator("h3").inner_text() == "The nearest passages not an answer"
    assert reader.turn.locator(".claim").count() == 0
    reader.turn.locator(".cite").first.click()
    assert reader.marked() == "The crane was built in 1974."
    reader.picture("declined")


# --- asking within, and the library ---------------------------------------------------------------


def test_a_question_is_asked_within_outlets_and_dates(reader, scripted):
    within = reader.page.locator("#within")
    within.locator("summary").click()
    within.get_by_label("Ostmere Gazette").check()
    within.get_by_label("Since").fill("2025-03-04")
    assert within.locator(".told").inner_text() == "Ostmere Gazette, since 4 March 2025"
    reader.picture("within")
    reader.ask(SPAN.question)
    expected = {"outlets": ("Ostmere Gazette",), "since": "2025-03-04", "until": None}
    assert scripted.filters[-1] == {**expected, "history": ()}
    assert "asked within outlets Ostmere Gazette; since 4 March" in reader.turn.inner_text()
    within.get_by_role("button", name="All reports").click()
    reader.ask(SPAN.question)
    told = scripted.filters[-1]
    assert [a.question for a in told.pop("history")] == [SPAN.question]
    assert told == {"outlets": None, "since": None, "until": None}
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


# --- articles of one's own ------------------------------------------------------------------------


@pytest.fixture
def giver(browser: Browser, scripted: Scripted, tmp_path: Path) -> Iterator[Reader]:
    with serving(page_over(scripted, given=tmp_path / "given")) as address:
        reader = Reader(browser, address)
        yield reader
        reader.context.close()
    assert not reader.faults


def files(*rows: tuple[str, str]) -> list[dict[str, object]]:
    """Files as a person would choose them."""
    return [{"name": n, "mimeType": "text/plain", "buffer": t.encode()} for n, t in rows]


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


# --- accessibility --------------------------------------------------------------------------------


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: npm install axe-core, or set AXE_CORE")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, address, scheme):
    reader = Reader(browser, address, color_scheme=scheme)
    found = {"start": axe(reader)}
    reader.ask(SPAN.question)
    reader.turn.get_by_text("Not shown: 2").click()
    reader.page.locator("#within summary").click()
    found["answer"] = axe(reader)
    reader.turn.locator(".cite").first.click()
    found["panel"] = axe(reader)
    reader.page.keyboard.press("Escape")
    if scheme == "light":
        reader.ask(DECLINED.question)
        found["declined"] = axe(reader)
    reader.page.get_by_role("button", name="Library").click()
    reader.page.locator("#library .title").first.wait_for()
    found["library"] = axe(reader)
    reader.context.close()
    assert not any(found.values()), found
    assert not reader.faults


def axe(reader: Reader) -> list[str]:
    """What axe-core finds serious or critical, with the element."""
    reader.page.wait_for_timeout(150)
    reader.page.evaluate(AXE.read_text(encoding="utf-8"))
    result = reader.page.evaluate("axe.run()")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:200]} {v['nodes'][0]['failureSummary'][:200]}"
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
    ]


# --- looks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("dark", 1280, "dark"),
        ("wide", 1600, "light"),
        ("narrow", 390, "light"),
        ("narrow-dark", 390, "dark"),
    ],
)
def test_it_fits_every_width_in_light_and_dark(browser, address, name, width, scheme):
    reader = Reader(browser, address, width, 844, color_scheme=scheme)
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
    reader.context.close()
    assert not reader.faults


def test_the_page_is_usable_soon(browser, address):
    begun = time.monotonic()
    reader = Reader(browser, address)
    seconds = time.monotonic() - begun
    reader.context.close()
    assert seconds < 10, seconds


# --- hostile strings ------------------------------------------------------------------------------

_FOREIGN = """() => [...document.querySelectorAll('.log *, #article-panel *')].filter(e =>
  /^(SCRIPT|IMG|SVG|IFRAME|FORM|INPUT|OBJECT|EMBED|LINK|STYLE|META|BASE|VIDEO|MATH|HR|BR|P\\w+)$/i
    .test(e.tagName) && e.tagName !== 'P' || e.tagName === 'B' || e.tagName === 'H1'
  || [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style')).length"""


def test_hostile_strings_create_nothing(reader):
    """As article, title, outlet, ID, claim, reason, note and value; then as question."""
    reader.ask("hostile answered")
    links = reader.turn.locator(".claim > .source .cite")
    assert links.count() == len(HOSTILE)
    for n in range(len(HOSTILE)):
        links.nth(n).evaluate("element => element.click()")
        assert reader.page.locator("#article-panel mark.here").count() > 0
        assert reader.page.evaluate(_FOREIGN) == 0, HOSTILE[n]
    reader.picture("hostile")
    reader.ask("hostile declined")
    for text in HOSTILE[::8]:
        reader.ask(text.strip())
    assert reader.page.evaluate(_FOREIGN) == 0
    assert reader.page.evaluate("window.pwned") is None
    assert reader.page.locator("h1").count() == 1
