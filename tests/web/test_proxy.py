"""The page behind a proxy that takes a prefix off: everything works below it, and streams."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urljoin

import httpx
import pytest
import uvicorn
from gradio_client import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from index.errors import SettingError
from rag.schema import Answer
from tests.browsing import browser, needs_chromium, reading
from tests.scripted_answers import SPAN, Scripted, page_over, serving
from tests.web.test_api import over_mcp
from web import access, server

__all__ = ["browser"]
PREFIX, NAME = "/wirecheck", "news.example"
STATIC = Path(__file__).parents[2] / "web" / "static"


@contextmanager
def proxied(address: str) -> Iterator[str]:
    """The address of a proxy on another port that has the page below PREFIX, as docs/serving.md."""
    behind = httpx.AsyncClient(base_url=address, timeout=60)

    async def passed_on(request: Request) -> Response:
        headers = {k: v for k, v in request.headers.items() if k != "connection"}
        headers |= {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "http"}
        url = httpx.URL("/" + request.path_params["path"], query=request.url.query.encode())
        asked = behind.build_request(
            request.method, url, headers=headers, content=await request.body()
        )
        reply = await behind.send(asked, stream=True)
        passed = {k: v for k, v in reply.headers.items() if k != "transfer-encoding"}

        async def pieces():
            try:
                async for piece in reply.aiter_raw():
                    yield piece
            finally:
                await reply.aclose()

        return StreamingResponse(pieces(), reply.status_code, passed)

    route = Route(PREFIX + "/{path:path}", passed_on, methods=["GET", "POST", "DELETE", "OPTIONS"])
    config = uvicorn.Config(Starlette(routes=[route]), log_level="warning")
    running, listening = uvicorn.Server(config), server.listen(access.HOST, 0)
    thread = Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield server.address_of(listening).rstrip("/") + PREFIX + "/"
    finally:
        running.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture(scope="module")
def scripted() -> Scripted:
    return Scripted(seconds=0.1, each=0.4)


@pytest.fixture(scope="module")
def address(scripted: Scripted) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WIRECHECK_PROXY", "127.0.0.1")
        patch.setenv("WIRECHECK_HOSTS", NAME)
        page = page_over(
            scripted, programs=True, root_path=PREFIX, hosts=access.hosts_of(access.HOST)
        )
        with serving(page) as behind, proxied(behind) as before:
            yield before


@pytest.fixture(scope="module")
def client(address) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


def test_the_page_and_all_that_it_names_are_below_the_prefix(client, address):
    page = client.get("")
    assert page.status_code == 200
    named = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    ours = {
        urljoin(address, name)
        for name in named
        if not name.startswith("data:") and not re.match(r"https?://(?!127)", name)
    }
    assert len(ours) > 3 and all(url.startswith(address) for url in ours), ours
    for url in ours:
        assert client.get(url).status_code == 200, url
    assert client.get("config").json()["root"] == address.rstrip("/")


def test_the_script_names_its_own_addresses_relative_to_the_page():
    for script in STATIC.glob("*.js"):
        assert not re.search(r"""["'`(]/(desk|gradio_api)""", script.read_text("utf-8")), script


def test_the_pages_own_addresses_are_there(client, address):
    assert client.get("desk/corpora").json()["corpora"][0]["name"] == "night desk"
    assert "<ul" in client.get("desk/library", params={"corpus": "", "q": "crane"}).text
    own = {"origin": address.removesuffix(PREFIX + "/")}
    assert client.post("desk/stop", json={"turn": "t"}, headers=own).json() == {"stopped": False}
    foreign = {"origin": "https://evil.example"}
    assert client.post("desk/stop", json={"turn": "t"}, headers=foreign).status_code == 403


def test_cards_come_through_as_they_are_made(client, scripted):
    config = client.get("config").json()
    (number,) = [d["id"] for d in config["dependencies"] if d["api_name"] == "page"]
    data = [SPAN.question, "scripted", "{}"]
    body = {"data": data, "fn_index": number, "session_hash": "abc"}
    assert client.post("gradio_api/queue/join", json=body).status_code == 200
    came = []
    with client.stream("GET", "gradio_api/queue/data", params={"session_hash": "abc"}) as stream:
        for line in stream.iter_lines():
            if '"process_generating"' in line or '"process_completed"' in line:
                came.append(time.monotonic())
            if '"process_completed"' in line:
                break
    assert len(came) > 2 and came[-1] - came[0] > 0.5
    assert scripted.asked[-1] == (SPAN.question, "scripted")


def test_programs_ask_below_the_prefix(address):
    asked = Client(address, verbose=False, analytics_enabled=False)
    told = json.loads(asked.predict(SPAN.question, api_name="/ask"))
    assert Answer.from_dict(told) == SPAN
    failed, text = over_mcp(address, "ask", question=SPAN.question)
    assert not failed and Answer.from_dict(json.loads(text)) == SPAN


def test_it_answers_to_the_names_it_was_given_and_to_no_other(client):
    own = {"host": NAME, "origin": f"http://{NAME}"}
    assert client.get("desk/corpora", headers=own).status_code == 200
    assert client.post("desk/stop", json={"turn": "t"}, headers=own).status_code == 200
    assert client.get("config", headers=own).json()["root"] == f"http://{NAME}{PREFIX}"
    assert client.get("desk/corpora", headers={"host": "evil.example"}).status_code == 400


def test_the_limit_of_one_address_is_that_of_the_reader_and_not_of_the_proxy(monkeypatch):
    monkeypatch.setenv("WIRECHECK_PROXY", "127.0.0.1")
    scripted, clients = Scripted(), []
    page = page_over(scripted, programs=True)
    monkeypatch.setattr("web.api.accepted", lambda *asked: clients.append(asked[-1]) or _refused())
    with serving(page) as behind:
        headers = {"x-forwarded-for": "203.0.113.7"}
        failed, _ = over_mcp(behind, "ask", headers, question="q")
    assert failed and clients == ["203.0.113.7"]


def _refused():
    raise SettingError("enough")


def test_a_name_lets_other_machines_in_only_on_purpose(monkeypatch):
    monkeypatch.setenv("WIRECHECK_HOSTS", f"{NAME}, desk.example")
    monkeypatch.delenv("WIRECHECK_OPEN", raising=False)
    with pytest.raises(SettingError, match=f"{NAME} would let other machines ask, with no pass"):
        access.check_host("127.0.0.1", None)
    access.check_host("127.0.0.1", "secret")
    assert not access.may_upload("127.0.0.1", None) and access.may_upload("127.0.0.1", "secret")
    assert access.hosts_of("127.0.0.1") == (*access.LOOPBACK, NAME, "desk.example")
    for wrong in ("*", "http://news.example", "news.example:80", "a b"):
        monkeypatch.setenv("WIRECHECK_HOSTS", wrong)
        with pytest.raises(SettingError, match=r"WIRECHECK_HOSTS: .* give names such as"):
            access.named_hosts()


def test_a_prefix_is_a_path():
    assert access.checked_root("/wirecheck/") == "/wirecheck" and access.checked_root("") == ""
    for wrong in ("wirecheck", "https://news.example/x", "/a b", "/a//b", "/<x>"):
        with pytest.raises(SettingError, match="give a path such as /wirecheck"):
            access.checked_root(wrong)


@needs_chromium
def test_in_a_browser_everything_works_and_nothing_is_asked_beside_the_prefix(browser, address):
    with reading(browser, address) as reader:
        reader.ask(SPAN.question)
        assert "two dockers" in reader.turn.inner_text()
        reader.page.click("[data-view=library]")
        reader.page.locator("#library [data-open]").first.click()
        reader.page.locator("#article-panel .sheet h2").first.wait_for()
