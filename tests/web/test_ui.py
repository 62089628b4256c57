"""The page's first moment: the models are loaded, and the status says how far that is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait

import pytest

from index import build_index, open_index
from rag import models
from rag.asking import Reply
from tests.scripted_answers import ARTICLES, Scripted, Shelf
from web import page, server, ui
from web.queue import QuestionQueue, cards


def test_models_are_loaded_once_the_page_has_been_opened():
    asked, looked = Scripted(), threading.Event()

    def answer(*words, **options):
        assert looked.wait(20)  # else the models are loaded before anybody sees that they are
        return asked(*words, **options)

    queue = QuestionQueue(answer, Shelf(ARTICLES))
    blocks = ui.build_page(queue, lambda: page.Facts("night desk", 4, 9, "g1"), models=["none"])
    queue.warm_when_seen("What now?", "none")
    (opened,) = [
        told.fn for told in blocks.fns.values() if any(event == "load" for _, event in told.targets)
    ]
    assert not queue.jobs
    bar, timer = opened()
    assert "loading the models" in str(bar) and timer.active
    looked.set()
    wait([job.future for job in queue.jobs], timeout=10)
    assert asked.asked == [("What now?", "none")]


@pytest.fixture
def fetching(monkeypatch) -> Iterator[threading.Event]:
    """The model in the box is on its way, until the event is set."""
    arrived = threading.Event()

    class Local:
        name, tells_likelihood = "embedded", True

        def ask(self, conversations, **options):
            return [Reply("") for _ in conversations]

    def load(tell):
        if tell:
            tell("fetching the language model", 2, 5)
            assert arrived.wait(90)
        return Local()

    monkeypatch.setattr(models, "load_local", load)
    monkeypatch.setattr(models, "_fetching", models._Fetching())
    models.load_in_background()
    until(lambda: "40 %" in models.loading())
    yield arrived
    arrived.set()


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for it."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds
        time.sleep(0.01)


def test_while_the_model_is_fetched_the_status_says_how_far_it_is(fetching):
    queue = QuestionQueue(Scripted(), Shelf(ARTICLES))
    blocks = ui.build_page(queue, lambda: page.Facts("night desk", 4, 9, "g1"), models=["embedded"])
    (status,) = [f.fn for f in blocks.fns.values() if any(e == "load" for _, e in f.targets)]
    bar, timer = status()
    assert "language model: fetching the language model, 40 %" in str(bar) and timer.active
    assert ">ready<" not in str(bar)
    fetching.set()
    until(lambda: not models.loading())
    bar, timer = status()
    assert ">ready<" in str(bar) and "language model" not in str(bar) and not timer.active


def test_while_the_model_is_fetched_an_answer_says_that_it_is_not_ready(fetching, tmp_path):
    (tmp_path / "crane.txt").write_text(ARTICLES[0].text, encoding="utf-8")
    build_index([tmp_path / "crane.txt"], tmp_path / "index")
    queue = QuestionQueue(server.answer_late, open_index(tmp_path / "index"))

    def card() -> str:
        async def last() -> str:
            asked = cards(queue, "How many dockers were hurt?", "embedded")
            return [card["html"] async for card in asked][-1]

        return asyncio.run(last())

    said = "the language model isn&#x27;t ready yet (fetching the language model, 40 %)"
    told = card()
    assert said in told and "two dockers were hurt" in told and "model none" in told
    fetching.set()
    until(lambda: not models.loading())
    told = card()
    assert "ready yet" not in told and "model embedded" in told
