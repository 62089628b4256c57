"""The server of the page: the guard, and how it starts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fakes import TopicEncoder
from scripted_answers import ARTICLES, Scripted, Shelf, page_over, serving

import app
import guard
import page
from desk import Desk, cards
from index import build_index, open_index
from index.errors import SettingError
from rag import models
from rag.local_model import Generated

ROOT = Path(__file__).parents[1]


# --- the page's first moment ----------------------------------------------------------------------


def test_models_are_loaded_once_the_page_has_been_opened():
    asked, looked = Scripted(), threading.Event()

    def answer(*words, **options):
        assert looked.wait(20)  # else the models are loaded before anybody sees that they are
        return asked(*words, **options)

    desk = Desk(answer, Shelf(ARTICLES))
    blocks = app.build_page(desk, page.Facts("night desk", 4, 9, "g1"), models=["none"])
    desk.warm_when_seen("What now?", "none")
    (opened,) = [
        told.fn for told in blocks.fns.values() if any(event == "load" for _, event in told.targets)
    ]
    assert not desk.jobs
    bar, timer = opened()
    assert "loading the models" in str(bar) and timer.active
    looked.set()
    desk.pool.shutdown()
    assert asked.asked == [("What now?", "none")]


@pytest.fixture
def fetching(monkeypatch) -> Iterator[threading.Event]:
    """The model in the box is on its way, until the event is set."""
    arrived = threading.Event()

    class Local:
        def generate(self, conversations, **options):
            return [Generated("", (), (), "stop") for _ in conversations]

    def load(tell):
        if tell:
            tell("fetching the language model", 2, 5)
            assert arrived.wait(20)
        return Local()

    monkeypatch.setattr(models, "load_local", load)
    monkeypatch.setattr(models, "_fetching", models._Fetching())
    models.load_in_background()
    until(lambda: "40 %" in models.loading())
    yield arrived
    arrived.set()


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for it."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds
        time.sleep(0.01)


def test_while_the_model_is_fetched_the_status_says_how_far_it_is(fetching):
    desk = Desk(Scripted(), Shelf(ARTICLES))
    blocks = app.build_page(desk, page.Facts("night desk", 4, 9, "g1"), models=["embedded"])
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
    desk = Desk(app._answer, open_index(tmp_path / "index"))

    def card() -> str:
        async def last() -> str:
            asked = cards(desk, "How many dockers were hurt?", "embedded")
            return [card["html"] async for card in asked][-1]

        return asyncio.run(last())

    said = "the language model isn&#x27;t ready yet (fetching the language model, 40 %)"
    told = card()
    assert said in told and "two dockers were hurt" in told and "model none" in told
    fetching.set()
    until(lambda: not models.loading())
    told = card()
    assert "ready yet" not in told and "model embedded" in told


# --- the guard ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def client(scripted: Scripted) -> Iterator[httpx.Client]:
    with serving(page_over(scripted)) as address, httpx.Client(base_url=address) as client:
        yield client


def test_every_reply_carries_the_headers(client):
    for path in ("/", "/theme.css", "/docs", "/gradio_api/upload"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "https:" not in policy and "*" not in policy
        assert "'unsafe-inline'" not in policy.split("style-src")[0]


def test_the_page_runs_its_own_scripts_alone(client):
    first, second = client.get("/"), client.get("/")
    (nonce,) = re.findall(r"'nonce-([^']+)'", first.headers["content-security-policy"])
    scripts = re.findall(r"<script[^>]*>", first.text)
    assert len(scripts) >= 5 and all(f'nonce="{nonce}"' in script for script in scripts)
    assert nonce not in second.text
    assert int(first.headers["content-length"]) == len(first.content)


NOT_THERE = (
    [
        ("GET", path)
        for path in (
            "/docs",
            "/redoc",
            "/openapi.json",
            "/monitoring",
            "/monitoring/summary",
            "/login_check",
            "/gradio_api/openapi.json",
            "/gradio_api/runs",
            "/gradio_api/file=/etc/passwd",
            "/gradio_api/file/etc/passwd",
            "/gradio_api/proxy=https://evil.example/",
            "/gradio_api/upload_progress",
            "/gradio_api/vibe-code",
            "/gradio_api/mcp/sse",
            "/gradio_api/call/ask/1",
            "/custom_component/1/client/component/index.js",
            "/svelte/",
            "/../etc/passwd",
            "//etc/passwd",
            "/gradio_api/heartbeat/../upload",
            "/.env",
        )
    ]
    + [
        ("POST", path)
        for path in (
            "/gradio_api/upload",
            "/gradio_api/run/ask",
            "/gradio_api/api/ask",
            "/gradio_api/call/ask",
            "/gradio_api/call/v2/ask",
            "/gradio_api/component_server",
            "/gradio_api/stream/1",
            "/gradio_api/process_recording",
            "/gradio_api/vibe-edit",
            "/login",
            "/",
            "/config",
        )
    ]
    + [("PUT", "/"), ("DELETE", "/"), ("OPTIONS", "/gradio_api/upload"), ("TRACE", "/")]
)


@pytest.mark.parametrize(("method", "path"), NOT_THERE)
def test_what_the_page_does_not_need_is_not_there(client, method, path):
    assert client.request(method, path, follow_redirects=False).status_code == 404


def routes_of(router) -> Iterator[tuple[str, str]]:
    """Every method and path of a router, those of the routers inside it too."""
    for route in router.routes:
        if inner := getattr(route, "original_router", None):
            yield from routes_of(inner)
        for method in getattr(route, "methods", None) or ():
            yield method, re.sub(r"\{[^}]*\}", "x1", route.path)


def test_every_route_of_gradios_is_either_needed_by_the_page_or_not_there():
    """The real table of routes: one that a new release adds is refused until somebody wants it."""
    served = page_over(Scripted())
    gradio = next(r.app for r in served.routes if getattr(r, "path", None) == "")
    routes = list(routes_of(gradio))
    open_to = {
        m: {path for method, path in routes if method == m and pattern.fullmatch(path)}
        for m, pattern in (("POST", guard._POST), ("GET", guard._GET))
    }
    assert len(routes) > 80
    assert open_to["POST"] == {"/gradio_api/queue/join", "/gradio_api/cancel", "/gradio_api/reset"}
    assert open_to["GET"] == {
        "/",
        "/config",
        "/theme.css",
        "/favicon.ico",
        "/manifest.json",
        "/assets/x1",
        "/static/x1",
        "/svelte/x1",
        "/gradio_api/info",
        "/gradio_api/startup-events",
        "/gradio_api/app_id",
        "/gradio_api/theme.css",
        "/gradio_api/queue/data",
        "/gradio_api/heartbeat/x1",
    }


def post(client: httpx.Client, body: bytes = b"{}", **headers: str) -> int:
    """The status of a question sent with these headers."""
    names = {k.replace("_", "-"): v for k, v in headers.items()}
    return client.post(
        "/gradio_api/queue/join",
        content=body,
        headers={"content-type": "application/json", **names},
    ).status_code


OWN, REFUSED = 422, 403  # 422: let through to Gradio, to whom an empty body says nothing


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://HERE"}, OWN),
        ({}, OWN),
        ({"sec_fetch_site": "same-origin"}, OWN),
        ({"origin": "https://evil.example"}, REFUSED),
        ({"origin": "null"}, REFUSED),
        ({"origin": "https://HERE"}, REFUSED),
        ({"origin": "http://127.0.0.1:1"}, REFUSED),
        ({"origin": "http://localhost"}, REFUSED),
        ({"origin": "http://evil.HERE"}, REFUSED),
        ({"sec_fetch_site": "cross-site"}, REFUSED),
        ({"sec_fetch_site": "same-site", "origin": "http://HERE"}, REFUSED),
        ({"host": "evil.example"}, 400),
        ({"host": "evil.example", "origin": "http://evil.example"}, 400),
    ],
)
def test_only_our_own_page_may_send(client, headers, status):
    here = client.base_url.netloc.decode()
    assert post(client, **{k: v.replace("HERE", here) for k, v in headers.items()}) == status


def test_no_other_origin_is_ever_named_as_allowed(client):
    for origin in ("https://evil.example", "null", "http://localhost:7860"):
        for method in ("GET", "OPTIONS"):
            reply = client.request(
                method,
                "/config",
                headers={"origin": origin, "access-control-request-method": "GET"},
            )
            assert "access-control-allow-origin" not in reply.headers


def test_a_body_is_capped_before_it_is_read(client):
    assert post(client, b'"' + b"x" * guard.MAX_BODY + b'"') == 413

    def drip() -> Iterator[bytes]:
        yield b"{}"

    chunked = client.post("/gradio_api/queue/join", content=drip())
    assert chunked.status_code == 411


def ask(client: httpx.Client, path: str, question: str, model: str):
    """Ask as a program would, past the page."""
    config = client.get("/config").json()
    asking = next(d["id"] for d in config["dependencies"] if d["api_name"] == "page")
    return client.post(
        path,
        json={
            "data": [question, model, ""],
            "fn_index": asking,
            "session_hash": "s1",
            "trigger_id": None,
        },
    )


def outcome(client: httpx.Client) -> dict:
    """What the server says at last of what was asked."""
    with client.stream("GET", "/gradio_api/queue/data?session_hash=s1") as stream:
        told = [json.loads(line[6:]) for line in stream.iter_lines() if line.strip()]
    (done,) = [message for message in told if message["msg"] == "process_completed"]
    return done


def test_no_program_asks_past_the_queue_or_with_a_model_that_is_not_offered(client, scripted):
    scripted.asked.clear()
    assert ask(client, "/gradio_api/run/predict", "q", "scripted").status_code == 404
    for question, model in [("wrong model", "openai/evil"), ("right model", "none")]:
        assert ask(client, "/gradio_api/queue/join", question, model).status_code == 200
        done = outcome(client)
        assert done["success"] is (model == "none")
        assert "Traceback" not in json.dumps(done) and str(ROOT) not in json.dumps(done)
    assert scripted.asked == [("right model", "none")]


def test_the_configuration_names_no_folder(client):
    config = client.get("/config").text
    assert str(ROOT) not in config and "site-packages" not in config


def test_a_password_is_wanted_and_cannot_be_tried_out():
    served = page_over(Scripted(), hosts=("*",), password="open sésame")

    def login(password: str) -> dict[str, str]:
        return {"authorization": "Basic " + b64encode(f"anyone:{password}".encode()).decode()}

    with serving(served) as address, httpx.Client(base_url=address) as client:
        asked = client.get("/")
        assert asked.status_code == 401 and "Basic" in asked.headers["www-authenticate"]
        for path in ("/theme.css", "/config", "/gradio_api/queue/data", "/gradio_api/heartbeat/x"):
            assert client.get(path).status_code == 401
        assert client.get("/", headers=login("open sésame")).status_code == 200
        for wrong in ("", "open", "open sésame ", "ö"):
            assert client.get("/", headers=login(wrong)).status_code == 401
        for broken in ("Basic", "Basic ???", "Bearer x"):
            client.get("/", headers={"authorization": broken})
        stopped = client.get("/", headers=login("open sésame"))
        assert stopped.status_code == 429 and stopped.headers["retry-after"] == "60"


# --- starting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "desk.example"])
def test_other_machines_are_let_in_only_on_purpose(monkeypatch, host):
    monkeypatch.delenv("WIRECHECK_OPEN", raising=False)
    with pytest.raises(SettingError, match="WIRECHECK_PASSWORD"):
        app.check_host(host, None)
    app.check_host(host, "secret")
    monkeypatch.setenv("WIRECHECK_OPEN", "1")
    app.check_host(host, None)


def test_the_models_to_choose_from_are_those_of_the_setting(monkeypatch):
    monkeypatch.delenv("WIRECHECK_MODELS", raising=False)
    assert app.offered("embedded") == ["embedded", "none"]
    monkeypatch.setenv("WIRECHECK_MODELS", "ollama/near, openai/far,,none")
    assert app.offered("embedded") == ["embedded", "ollama/near", "openai/far", "none"]
    assert app.offered("openai/far")[0] == "openai/far"
    monkeypatch.setenv("WIRECHECK_MODELS", "openai/\x1bfar")
    with pytest.raises(SettingError, match="no model's name"):
        app.offered("none")


def test_loopback_needs_no_password():
    for host in app.LOOPBACK:
        app.check_host(host, None)


def test_a_taken_port_is_passed_over_only_if_none_was_asked_for():
    with app.listen("127.0.0.1", None) as first, app.listen("127.0.0.1", None) as second:
        taken, other = first.getsockname()[1], second.getsockname()[1]
        assert app.PORT <= taken < other < app.PORT + app.PORTS_TRIED
        with pytest.raises(SettingError, match=f"can't listen at 127.0.0.1, port {taken}: "):
            app.listen("127.0.0.1", taken)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 65_536), ("127.0.0.1", -1), ("no.such.host.invalid", None)]
)
def test_what_cannot_be_listened_at_is_told_in_one_line(host, port):
    with pytest.raises(SettingError, match="can't listen at") as caught:
        app.listen(host, port)
    assert "\n" not in str(caught.value)


def test_the_address_can_be_typed_into_a_browser():
    with socket.create_server(("0.0.0.0", 0)) as listening:
        port = listening.getsockname()[1]
        assert app.address_of(listening) == f"http://127.0.0.1:{port}/"


def test_the_shortest_question_of_each_kind_is_suggested(tmp_path):
    gold = tmp_path / "questions.jsonl"
    rows = [("multi", "Aaa?"), ("quote", "B?"), ("multi", "Cc?"), ("conflict", "D?"), ("odd", "E?")]
    rows += [("quote", "b"), ("quote", "b?"), ("conflict", "D")]
    gold.write_text("\n".join(json.dumps({"kind": k, "question": q}) for k, q in rows) + "\n")
    assert app.suggested(gold) == ["D?", "Cc?", "B?"]
    assert app.suggested(tmp_path / "none.jsonl") == []


def test_the_status_is_read_off_the_index(tmp_path):
    (tmp_path / "articles").mkdir()
    for article in ARTICLES:
        (tmp_path / "articles" / f"{article.id}.txt").write_text(article.text, encoding="utf-8")
    build_index([tmp_path / "articles"], tmp_path / "night-desk", encoder=TopicEncoder())
    opened = open_index(tmp_path / "night-desk", TopicEncoder())
    assert app.facts_of(opened, "") == page.Facts("night-desk", 4, len(opened.passages), "1")
    assert app.facts_of(opened, "sample articles").name == "sample articles"


def test_the_real_page_over_the_sample_articles_starts_answers_and_stops(tmp_path):
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "WIRECHECK_MODEL": "none"}
    process = subprocess.Popen(
        [sys.executable, ROOT / "app.py"], env=env, text=True, stderr=subprocess.PIPE
    )
    try:
        lines = []
        while not lines or "Wirecheck is at" not in lines[-1]:
            lines.append(process.stderr.readline())
            assert process.poll() is None and len(lines) < 50, lines
        with httpx.Client(base_url=re.search(r"http://\S+", lines[-1])[0], timeout=90) as client:
            assert "sample articles" in client.get("/").text
            ask(client, "/gradio_api/queue/join", "How deep is the lake?", "none")
            card = outcome(client)["output"]["data"][0]["html"]
        assert 'class="turn answered"' in card or 'class="turn declined"' in card
        assert "model none" in card
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[1]
    assert process.returncode == 0 and "Traceback" not in rest


def test_importing_the_page_imports_no_gradio():
    code = "import app, sys; sys.exit(bool({'gradio', 'torch', 'fastapi'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_a_problem_at_the_start_is_one_line_and_exit_code_2(tmp_path, capsys):
    assert app.main(index=tmp_path / "nowhere") == 2
    assert app.main(index=tmp_path, host="0.0.0.0") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("wirecheck: ") for line in lines)
