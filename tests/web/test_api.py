"""What programs call: Gradio's API and MCP, each called over HTTP by its own client."""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from index import build_index, open_index
from rag.schema import Answer
from tests.fakes import TopicEncoder
from tests.scripted_answers import HARBOUR, SPAN, Scripted, page_over, serving
from web.guard import PROGRAMS as PROGRAMS_OPEN
from web.queue import QuestionQueue
from web.routes import Corpus, Routes

PROGRAMS = Path(__file__).parents[2] / "docs" / "page-and-api.md"
TOOLS = {"ask", "search", "article"}


@pytest.fixture(scope="module")
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def address(scripted: Scripted) -> Iterator[str]:
    with serving(page_over(scripted, programs=True)) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False, analytics_enabled=False)


def over_mcp(address: str, name: str = "", headers: dict[str, str] | None = None, **given: Any):
    """The tools' names; or what a call of one gives: whether it failed, and its text."""

    async def talk():
        url = f"{address}gradio_api/mcp/"
        async with (
            httpx.AsyncClient(headers=headers, timeout=30) as http,
            streamable_http_client(url, http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            if not name:
                return (await session.list_tools()).tools
            result = await session.call_tool(name, given)
            return result.isError, result.content[0].text

    return asyncio.run(talk())


def test_gradios_client_gets_an_answer_an_article_and_the_reasons(client, scripted):
    told = json.loads(client.predict(SPAN.question, api_name="/ask"))
    assert Answer.from_dict(told) == SPAN
    assert scripted.asked[-1] == (SPAN.question, "scripted")
    told = client.predict(
        SPAN.question,
        model="none",
        outlets=["Sahil News"],
        since="2025-03-01",
        until="",
        as_of="2025-04-01",
        api_name="/ask",
    )
    assert Answer.from_dict(json.loads(told)) == SPAN and scripted.asked[-1][1] == "none"
    assert scripted.filters[-1] == {
        "outlets": ("Sahil News",),
        "since": "2025-03-01",
        "until": None,
        "as_of": "2025-04-01",
        "history": (),
    }
    article = json.loads(client.predict(HARBOUR.id, api_name="/article"))
    assert article["text"] == HARBOUR.text and article["outlet"] == HARBOUR.outlet


def test_passages_are_searched(tmp_path):
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "a1.txt").write_text("Museum opens\n\nThe museum of storms opened.")
    (articles / "a2.txt").write_text("Bank closes\n\nA bank closed.")
    build_index([articles], tmp_path / "index", encoder=TopicEncoder())
    index = open_index(tmp_path / "index", TopicEncoder())
    routes = Routes(QuestionQueue(Scripted(), index), Corpus("x", index))
    with serving(page_over(Scripted(), routes=routes, programs=True)) as address:
        failed, text = over_mcp(address, "search", query="museum", k=1)
        refused, line = over_mcp(address, "search", query="museum", k=0)
    assert not failed and refused and "k is 0: give a number from 1 to 50" in line
    (hit,) = json.loads(text)
    assert hit["article_id"] == "a1" and 0 < hit["score"] <= 1.01
    assert hit["text"] == index.articles["a1"].text[hit["start"] : hit["end"]]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"question": "no key"}, "model 'far/one' wants a key: set FAR_API_KEY"),
        ({"question": "q", "model": "far/one"}, "no such model is offered here"),
        ({"question": "q" * 8001}, "has 8,001 characters"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(client, address, given, line):
    with pytest.raises(AppError, match=line):
        client.predict(**given, api_name="/ask")
    failed, text = over_mcp(address, "ask", **given)
    assert failed and line in text


@pytest.mark.parametrize(
    ("function", "given", "line"),
    [
        ("ask", {"question": 7}, "question is 7: give a text"),
        ("ask", {"question": "q", "since": ["x"]}, 'since is ["x"]: give a text'),
        ("ask", {"question": "q", "outlets": [7]}, "outlets is [7]: give a list of texts"),
        ("ask", {"question": "q", "outlets": "x"}, 'outlets is "x": give a list of texts'),
        ("ask", {"question": "q", "outlets": ["x"] * 501}, "outlets has 501 names: give up to 500"),
        ("search", {"query": "q", "k": True}, "k is true: give a whole number"),
        ("search", {"query": "q", "k": "ten"}, 'k is "ten": give a whole number'),
        ("article", {"article_id": [1]}, "article_id is [1]: give a text"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_named(client, address, function, given, line):
    with pytest.raises(AppError, match=re.escape(line)):
        client.predict(**given, api_name=f"/{function}")
    failed, text = over_mcp(address, function, **given)
    assert failed and line in text


def test_what_is_not_ours_to_tell_is_not_told(client, address):
    with pytest.raises(AppError, match="The server's log tells more"):
        client.predict("crash", api_name="/ask")
    failed, text = over_mcp(address, "ask", question="crash")
    assert failed and "secret" not in text and "server's log" in text


def test_everybody_is_answered_after_a_question_or_a_search_raised_anything():
    def breaking(question: str, *words: Any, **options: Any) -> Answer:
        if question == "break":
            raise BaseException("a panic")
        return SPAN

    with serving(page_over(breaking, programs=True)) as address:
        for name, given in (("ask", {"question": "break"}), ("search", {"query": "q"})):
            failed, text = over_mcp(address, name, **given)
            assert failed and "server's log" in text
        failed, text = over_mcp(address, "ask", question=SPAN.question)
        assert not failed and Answer.from_dict(json.loads(text)) == SPAN
        client = Client(address, verbose=False, analytics_enabled=False)
        with pytest.raises(AppError, match="server's log"):
            client.predict("break", api_name="/ask")
        assert client.predict(SPAN.question, api_name="/ask")


def test_an_mcp_client_finds_the_tools_and_calls_them(address, scripted):
    tools = over_mcp(address)
    assert {tool.name for tool in tools} == TOOLS
    (ask,) = [tool for tool in tools if tool.name == "ask"]
    assert "every sentence cites what supports it" in ask.description
    assert set(ask.inputSchema["properties"]) == {
        "question",
        "model",
        "outlets",
        "since",
        "until",
        "as_of",
    }
    failed, text = over_mcp(address, "ask", question=SPAN.question, outlets=["Sahil News"])
    assert not failed and Answer.from_dict(json.loads(text)) == SPAN
    assert scripted.filters[-1]["outlets"] == ("Sahil News",)
    failed, text = over_mcp(address, "article", article_id="nowhere")
    assert failed and "there is no such article" in text


def test_the_examples_of_the_docs_run(address, scripted, capsys):
    blocks = re.findall(r"```python\n(.*?)```", PROGRAMS.read_text(encoding="utf-8"), re.DOTALL)
    examples = [block for block in blocks if "http://127.0.0.1:7860/" in block]
    for example in examples:
        exec(example.replace("http://127.0.0.1:7860/", address), {"__name__": "example"})
    asked = [question for question, _ in scripted.asked[-2:]]
    assert len(examples) == 2 and asked == ["How long did the talks last?"] * 2
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["outcome"] == "declined"


def test_programs_need_the_password_too(scripted):
    with serving(page_over(scripted, programs=True, password="word")) as address:
        packed = b64encode(b"any:word").decode()
        headers = {"authorization": f"Basic {packed}"}
        failed, _ = over_mcp(address, "ask", headers, question=SPAN.question)
        asked = Client(address, httpx_kwargs={"auth": ("any", "word")}, verbose=False)
        assert asked.predict(SPAN.question, api_name="/ask")
        assert not failed
        assert httpx.post(f"{address}gradio_api/mcp/", json={}).status_code == 401


def test_without_the_setting_there_nothing_can_be_called(scripted):
    with serving(page_over(scripted)) as address, httpx.Client(base_url=address) as client:
        assert client.post("/gradio_api/mcp/", json={}).status_code == 404
        assert client.post("/gradio_api/call/ask", json={"data": ["q"]}).status_code == 404
        assert not client.get("/gradio_api/info").json()["named_endpoints"]


def test_another_pages_script_may_not_use_them(address):
    foreign = {"origin": "https://evil.example"}
    for path in ("mcp/", "call/ask"):
        reply = httpx.post(f"{address}gradio_api/{path}", json={"data": []}, headers=foreign)
        assert reply.status_code == 403


def test_too_few_values_are_told_and_not_kept_in_the_log(address, caplog, capfd):
    with httpx.Client(base_url=address) as client:
        sent = client.post("/gradio_api/call/ask", json={"data": ["a private question"]})
        came = client.get(f"/gradio_api/call/ask/{sent.json()['event_id']}").text
    assert "has 1 values: give 6, null for what is left out" in came
    printed = "".join(capfd.readouterr()) + caplog.text
    assert "private" not in printed and "Traceback" not in printed


def test_a_function_that_is_not_there_is_not_found(address):
    assert set(PROGRAMS_OPEN) == TOOLS
    assert httpx.post(f"{address}gradio_api/call/page", json={"data": ["q"]}).status_code == 404
