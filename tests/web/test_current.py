"""Newer generations of an index are opened and served; what has begun keeps its own."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from index import build_index, open_index
from index.errors import IndexMissing
from index.manifest import MANIFEST
from tests.fakes import TopicEncoder
from tests.scripted_answers import SPAN, Scripted, Shelf
from web import current
from web.current import Indexes
from web.queue import QuestionQueue
from web.routes import Corpus, Routes

opened = partial(open_index, encoder=TopicEncoder())


def build(folder: Path, number: int) -> str:
    """An index whose one report tells this number."""
    articles = folder / "articles"
    articles.mkdir(exist_ok=True)
    (articles / "a1.txt").write_text(f"Museum opens\n\nThe museum has {number} storms.\n")
    build_index([articles], folder / "index", encoder=TopicEncoder())
    return str(folder / "index")


def test_each_is_opened_once_and_anew_when_it_was_updated(tmp_path):
    indexes, folder = Indexes(opened), build(tmp_path, 1001)
    first = indexes.of(folder)
    assert indexes.of(folder) is first
    build(tmp_path, 5001)
    second = indexes.of(folder)
    assert indexes.of(folder) is second
    (hit,) = second.search("museum")
    assert "5001" in hit.passage.text
    (kept,) = first.search("museum")
    assert "1001" in kept.passage.text


def test_one_that_can_not_be_opened_any_more_serves_on(tmp_path, capsys):
    indexes, folder = Indexes(opened), build(tmp_path, 1001)
    first = indexes.of(folder)
    build(tmp_path, 5001)
    for file in (tmp_path / "index" / "gen-000002").rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")
    assert [indexes.of(folder) is first for _ in range(3)] == [True] * 3
    told = capsys.readouterr().err
    assert "generation 1 serves on" in told and told.count("\n") == 1
    build(tmp_path, 9001)
    assert indexes.of(folder).generation == 3
    (tmp_path / "index" / MANIFEST).write_text("{}")
    assert indexes.of(folder).generation == 3
    with pytest.raises(IndexMissing):
        indexes.of(str(tmp_path / "nowhere"))


def test_the_page_serves_the_newer_one_and_a_question_keeps_the_one_it_began_with(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(current, "EVERY", 0.05)
    first = opened(build(tmp_path, 1001))
    scripted = Scripted(seconds=1)
    queue = QuestionQueue(scripted, first)
    routes = Routes(queue, Corpus("x", first, lambda index: [f"of {index.generation}"]))
    current.watch(first, opened, routes.renew)
    begun = queue.ask(SPAN.question, "none")
    build(tmp_path, 5001)
    end = time.monotonic() + 10
    while queue.indexes[""] is first:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert begun.future.result(10) == SPAN and scripted.indexes == [first]
    queue.ask(SPAN.question, "none").future.result(10)
    assert scripted.indexes[1] is queue.indexes[""] is routes.corpora[""].index
    assert scripted.indexes[1].generation == 2
    assert routes.corpora[""].name == "x" and routes.corpora[""].questions == ("of 2",)


def test_what_is_gone_is_never_opened_anew():
    assert not current.Newest(Shelf(), opened).renew()
