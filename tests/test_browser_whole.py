"""The whole way in a real browser: sample articles, a model by heart, and the proof taken away."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

import rag
from index import Index, build_index, open_index
from rag.bundle.file import read_bundle
from rag.bundle.held import finder
from rag.bundle.reverify import reverify
from rag.schema import Answer
from tests.browsing import Reader, browser, needs_chromium, reading, shared
from tests.replay import YES, ReplayModel, plain_weights
from tests.scripted_answers import serving
from web import sample, server, ui
from web.queue import QuestionQueue

pytestmark = needs_chromium
__all__ = ["browser", "shared"]

CONFLICT = "By what percentage did asthma attacks fall in schools that had the filters?"


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Index]]:
    """The page over the sample articles, as `wirecheck app` serves it; its address and index."""
    patch = pytest.MonkeyPatch()
    plain_weights(patch)
    folder = tmp_path_factory.mktemp("sample") / "index"
    build_index([sample.SAMPLE / "articles"], folder)
    index = open_index(folder)
    reads = ReplayModel(
        ("percentage", "32 per cent", "32 per cent", YES),
        ("percentage", "23 percent", "23 percent", YES),
        planned="How much will Kolvany pay for the railway line to Kestrin?",
    )

    def answer(question: str, index: Index, model: str, **options: Any) -> Answer:
        return rag.answer(question, index, reads, **options)

    queue = QuestionQueue(answer, index)
    routes = server.routes_of(queue, "sample articles", [CONFLICT])
    blocks = ui.build_page(
        queue, lambda: server.facts_of(index, "sample articles"), models=["none"]
    )
    queue.ask(CONFLICT, "none").future.result(300)
    with serving(ui.build_app(blocks, routes)) as address:
        yield address, index
    routes.close()
    patch.undo()


@pytest.fixture
def reader(shared: BrowserContext, newsroom: tuple[str, Index]) -> Iterator[Reader]:
    with reading(shared, newsroom[0]) as reader:
        yield reader


def taken(reader: Reader, name: str, folder: Path) -> Path:
    """The newest answer, taken away with a click."""
    with reader.page.expect_download() as download:
        reader.turn.get_by_role("link", name=f"Take the proof away as {name}").click()
    kept = folder / download.value.suggested_filename
    download.value.save_as(kept)
    return kept


def test_a_conflict_shows_both_values_and_its_proof_can_be_taken_away(reader, newsroom, tmp_path):
    reader.page.get_by_role("button", name=CONFLICT).click()
    reader.page.locator(".turn.answered").wait_for(timeout=90_000)
    assert reader.turn.locator(".difference").inner_text().startswith("Reports differ: ")
    values = reader.turn.locator("table tbody th bdi").all_inner_texts()
    assert {"32 per cent", "23 percent"} <= set(values)
    picture = reader.turn.locator(".timeline")
    assert {"32 per cent", "23 percent"} <= set(picture.locator("text").all_text_contents())
    assert "23 percent: 11 February 2025, 12 February 2025" in picture.get_attribute("aria-label")
    reader.picture("conflict")

    bundle = taken(reader, "JSON", tmp_path)
    told = reverify(read_bundle(bundle), finder([], Path(newsroom[1].folder)))
    assert told.holds and told.compared, told.words
    assert reverify(read_bundle(taken(reader, "page", tmp_path))).holds
    assert "[^1]: " in taken(reader, "Markdown", tmp_path).read_text(encoding="utf-8")

    quotes = {
        (c["article_id"], newsroom[1].articles[c["article_id"]].text[c["start"] : c["end"]])
        for row in json.loads(bundle.read_text(encoding="utf-8"))["ledger"]
        for c in row["citations"]
    }
    shown = set()
    for cite in reader.turn.locator("table .cite").all():
        cite.click()
        shown.add((cite.inner_text(), reader.marked()))
    assert shown == quotes and len(shown) >= 3


def test_what_the_reports_do_not_say_is_declined(reader):
    reader.ask("Who won the chess title in Larkmoor?", 90)
    assert reader.turn.get_attribute("class") == "turn declined"
    assert "Looked for: " in reader.turn.locator(".note").inner_text()
    assert reader.turn.locator(".tag").inner_text() == "not an answer"
    assert reader.turn.locator(".claim").count() == 0
    assert reader.turn.locator("h3").inner_text() == "The nearest passages not an answer"
    reader.picture("declined")
    reader.turn.locator(".nearest .cite").first.click()
    assert reader.marked()
