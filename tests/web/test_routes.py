"""The page's own addresses: what they tell, what they refuse, and where files may be given."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from index.errors import ModelKeyMissing
from index.records import Article
from rag.bundle.file import read_bundle
from tests.hostile import HOSTILE
from tests.parsed_html import ATTRIBUTES, TAGS, Parsed
from tests.scripted_answers import (
    ARTICLES,
    HARBOUR,
    SPAN,
    WIRE,
    Scripted,
    Shelf,
    page_over,
    serving,
)
from web import guard, server
from web.queue import QuestionQueue
from web.render import render
from web.routes import Corpus, Routes
from web.within import Within

QUESTIONS = ["How many dockers were hurt?", "Who spoke?"]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A page where no files may be given."""
    with serving(page_over(Scripted(), QUESTIONS)) as address:
        with httpx.Client(base_url=address) as client:
            yield client


@pytest.fixture
def giver(tmp_path: Path) -> Iterator[httpx.Client]:
    """A page where they may."""
    with serving(page_over(Scripted(), uploads=tmp_path / "given")) as address:
        with httpx.Client(base_url=address, timeout=30) as client:
            yield client


def test_the_corpora_are_told_with_what_can_be_filtered(client):
    (corpus,) = client.get("/desk/corpora").json()["corpora"]
    assert corpus == {
        "key": "",
        "name": "night desk",
        "articles": 4,
        "reports": 3,
        "outlets": ["Northline Wire", "Ostmere Gazette", "Sahil News"],
        "first": "2025-03-04",
        "last": "2025-03-05",
    }
    assert client.get("/desk/questions").json() == {"questions": QUESTIONS}


def test_reports_are_found_and_an_article_is_shown_whole(client):
    html = client.get("/desk/library", params={"q": "crane wire"}).text
    assert WIRE.title in html and HARBOUR.id not in html and "1 report<" in html
    html = client.get("/desk/article", params={"id": HARBOUR.id}).text
    assert "We had cleared it at nine" in html and "<mark" not in html


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("article?id=nowhere", "there is no such article"),
        ("article?id=../../etc/passwd", "there is no such article"),
        ("library?corpus=own", "there is no such corpus"),
        ("questions?corpus=%00", "there is no such corpus"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(client, path, problem):
    reply = client.get(f"/desk/{path}")
    assert (reply.status_code, reply.json()) == (400, {"problem": problem})


def test_hostile_articles_are_listed_as_text():
    articles = [Article(text, text, f"{text}\n\nx", text, text) for text in HOSTILE]
    routes = server.routes_of(QuestionQueue(Scripted(), Shelf(articles)), "x")
    found = routes.corpora[""].library.find("")
    parsed = Parsed(render("library.html", found=found, complete=True))
    assert len(parsed.of("title")) == len(HOSTILE)
    assert all(e.tag in TAGS and set(e.attributes) <= ATTRIBUTES for e in parsed.elements)


def test_a_question_is_stopped_by_its_cards_name(client):
    for body, told in [({"turn": "t0"}, {"stopped": False}), ({"turn": 3}, {"stopped": False})]:
        assert client.post("/desk/stop", json=body).json() == told
    for body in ("[", "{}", "[]", "3"):
        reply = client.post("/desk/stop", content=body)
        assert (reply.status_code, reply.json()) == (400, {"problem": "no question is named"})


def probing(model: str) -> str:
    if model == "far/one":
        raise ModelKeyMissing("model 'far/one' needs a key: set FAR_API_KEY")
    if model == "far/two":
        raise RuntimeError("secret path /srv/hidden/key.txt")
    return f"{model} answers, in 0.1 s."


def test_a_model_that_is_offered_can_be_tested():
    routes = Routes(QuestionQueue(Scripted(), Shelf(ARTICLES)), Corpus("x", Shelf(ARTICLES)))
    routes.models, routes.probe = ("near/one", "far/one", "far/two"), probing
    with (
        serving(page_over(Scripted(), routes=routes)) as address,
        httpx.Client(base_url=address) as client,
    ):
        told = [client.post("/desk/model", json={"model": m}).json() for m in routes.models]
        other = client.post("/desk/model", json={"model": "far/three"})
        odd = [client.post("/desk/model", json=row).status_code for row in ({}, {"model": [1]}, 7)]
        foreign = client.post("/desk/model", json={}, headers={"origin": "https://evil.example"})
    assert told[0] == {"answers": True, "line": "near/one answers, in 0.1 s."}
    assert told[1] == {"answers": False, "line": "model 'far/one' needs a key: set FAR_API_KEY"}
    assert not told[2]["answers"] and "secret" not in told[2]["line"]
    assert other.status_code == 400 and other.json()["problem"] == "no such model is offered here"
    assert odd == [400, 400, 400] and foreign.status_code == 403


def test_models_are_tested_one_at_a_time():
    begun, end = threading.Event(), threading.Event()

    def slow(model: str) -> str:
        begun.set()
        end.wait(10)
        return "yes"

    routes = Routes(QuestionQueue(Scripted(), Shelf(ARTICLES)), Corpus("x", Shelf(ARTICLES)))
    routes.models, routes.probe = ("m",), slow
    with serving(page_over(Scripted(), routes=routes)) as address, ThreadPoolExecutor(1) as pool:
        first = pool.submit(httpx.post, f"{address}desk/model", json={"model": "m"}, timeout=20)
        assert begun.wait(10)
        second = httpx.post(f"{address}desk/model", json={"model": "m"}).json()
        end.set()
        assert first.result().json() == {"answers": True, "line": "yes"}
    assert second == {"answers": False, "line": "A model is being tested already."}


def test_no_other_origin_may_stop_or_give(giver):
    for path in ("stop", "files?name=a.txt", "indexing"):
        reply = giver.post(f"/desk/{path}", headers={"origin": "https://evil.example"})
        assert reply.status_code == 403


def test_where_no_files_may_be_given_there_is_no_address_for_them(client):
    assert client.get("/desk/corpora").json()["files"] is False
    for method, path in [("POST", "files?name=a.txt"), ("POST", "indexing"), ("GET", "indexing")]:
        assert client.request(method, f"/desk/{path}").status_code == 404
    for method in ("PUT", "DELETE", "PATCH"):
        assert client.request(method, "/desk/stop").status_code == 404


def indexed(client: httpx.Client) -> dict:
    """Index what was given, and wait."""
    assert client.post("/desk/indexing").status_code == 200
    while (told := client.get("/desk/indexing").json())["state"] == "working":
        time.sleep(0.05)
    return told


def test_files_that_were_given_are_a_corpus_of_their_own(giver):
    for name, text in [("crane.txt", HARBOUR.text), ("notes.md", "Museum\n\nIt opened.")]:
        reply = giver.post("/desk/files", params={"name": name}, content=text.encode())
        assert reply.json() == {"kept": True, "problem": ""}
    assert giver.get("/desk/files").status_code == 404
    told = indexed(giver)
    assert (told["state"], told["articles"], told["skipped"]) == ("ready", 2, [])
    own = giver.get("/desk/corpora").json()["corpora"][1]
    assert (own["key"], own["name"], own["articles"]) == ("own", "your articles", 2)
    html = giver.get("/desk/article", params={"corpus": "own", "id": "crane"}).text
    assert "We had cleared it at nine" in html


def test_a_files_size_is_capped_before_it_is_read_and_its_name_is_checked(giver):
    large = giver.post("/desk/files?name=a.txt", content=b"x" * (guard.MAX_FILE + 1))
    assert large.status_code == 413
    for name in ("../a.txt", "a.exe", ""):
        reply = giver.post("/desk/files", params={"name": name}, content=b"x")
        assert not reply.json()["kept"] and "/" not in reply.json()["problem"]

    def drip() -> Iterator[bytes]:
        yield b"x"

    assert giver.post("/desk/files?name=a.txt", content=drip()).status_code == 411
    assert giver.post("/desk/stop", content=b"x" * (guard.MAX_BODY + 1)).status_code == 413


def test_what_takes_a_while_is_made_once():
    made: list[int] = []

    def slowly(index: object) -> list[str]:
        time.sleep(0.1)
        made.append(1)
        return ["What?"]

    corpus = Corpus("x", Shelf(ARTICLES), slowly)
    threads = [threading.Thread(target=lambda: corpus.questions) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert corpus.questions == ("What?",) and len(made) == 1


def test_any_other_error_is_told_by_its_name_in_the_log():
    def broken(index: object) -> list[str]:
        raise RuntimeError("secret path /srv/hidden")

    queue = QuestionQueue(Scripted(), Shelf(ARTICLES))
    served = page_over(Scripted(), routes=Routes(queue, Corpus("x", Shelf(ARTICLES), broken)))
    with serving(served) as address:
        reply = httpx.get(f"{address}desk/questions")
    assert reply.status_code == 400 and "server's log" in reply.json()["problem"]
    assert "secret" not in reply.text


def test_an_answer_is_taken_away_by_whoever_knows_its_card(tmp_path):
    queue = QuestionQueue(Scripted(), Shelf(ARTICLES))
    job = queue.ask(SPAN.question, "none", Within(since="2025-03-01"))
    job.future.result(10)
    served = page_over(Scripted(), routes=Routes(queue, Corpus("x", Shelf(ARTICLES))))
    with serving(served) as address, httpx.Client(base_url=address) as client:
        taken = {
            kind: client.get("/desk/proof", params={"turn": job.turn, "as": kind})
            for kind in ("json", "html", "md")
        }
        gone = client.get("/desk/proof", params={"turn": "t00", "as": "json"})
        other = client.get("/desk/proof", params={"turn": job.turn, "as": "exe"})
    for kind, reply in taken.items():
        assert reply.status_code == 200
        assert reply.headers["content-disposition"].endswith(f'"wirecheck-answer.{kind}"')
        if kind != "md":
            kept = tmp_path / f"kept.{kind}"
            kept.write_bytes(reply.content)
            bundle = read_bundle(kept).bundle
            assert bundle.question == SPAN.question
            assert bundle.settings == {"within": "since 1 March 2025"}
    assert "two dockers" in taken["md"].text
    for reply in (gone, other):
        assert reply.status_code == 400 and "not kept here any more" in reply.json()["problem"]
