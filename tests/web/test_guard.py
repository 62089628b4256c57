"""The guard: what is refused, and what the headers of every reply say."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from rag.schema import Answer
from tests.scripted_answers import ARTICLES, SPAN, Scripted, Shelf, page_over, serving
from web import connection, guard, server
from web import queue as queues

ROOT = Path(__file__).parents[2]


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
        for path in """
            /docs /redoc /openapi.json /monitoring /monitoring/summary /login_check
            /gradio_api/openapi.json /gradio_api/runs /gradio_api/file=/etc/passwd
            /gradio_api/file/etc/passwd /gradio_api/proxy=https://evil.example/
            /gradio_api/upload_progress /gradio_api/vibe-code /gradio_api/mcp/sse
            /gradio_api/call/ask/1 /custom_component/1/client/component/index.js
            /svelte/ /../etc/passwd //etc/passwd /gradio_api/heartbeat/../upload
            /.env
        """.split()
    ]
    + [
        ("POST", path)
        for path in """
            /gradio_api/upload /gradio_api/run/ask /gradio_api/api/ask
            /gradio_api/call/ask /gradio_api/call/v2/ask
            /gradio_api/component_server /gradio_api/stream/1
            /gradio_api/process_recording /gradio_api/vibe-edit /login / /config
        """.split()
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
        for m, pattern in (("POST", guard.PAGE_POSTS), ("GET", guard.PAGE_GETS))
    }
    assert len(routes) > 80
    assert open_to["POST"] == {"/gradio_api/queue/join", "/gradio_api/cancel", "/gradio_api/reset"}
    assert open_to["GET"] == set(
        """
        / /config /theme.css /favicon.ico /manifest.json /assets/x1 /static/x1
        /svelte/x1 /gradio_api/info /gradio_api/startup-events /gradio_api/app_id
        /gradio_api/theme.css /gradio_api/queue/data /gradio_api/heartbeat/x1
    """.split()
    )


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


def ask(client: httpx.Client, path: str, question: str, model: str, session: str = "s1"):
    """Ask as a program would, past the page."""
    config = client.get("/config").json()
    asking = next(d["id"] for d in config["dependencies"] if d["api_name"] == "page")
    return client.post(
        path,
        json={
            "data": [question, model, ""],
            "fn_index": asking,
            "session_hash": session,
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


def wrong_passwords(address: str, times: int) -> list[int]:
    """The statuses of wrong passwords, each sent as if for another address."""
    packed = b64encode(b"any:wrong").decode()
    return [
        httpx.get(
            address,
            headers={"authorization": f"Basic {packed}", "x-forwarded-for": f"10.0.0.{n}"},
        ).status_code
        for n in range(times)
    ]


def test_whom_a_request_comes_from_is_believed_of_a_named_proxy_alone(monkeypatch):
    monkeypatch.delenv("WIRECHECK_PROXY", raising=False)
    served = page_over(Scripted(), hosts=("*",), password="word")
    with serving(served) as address:
        assert wrong_passwords(address, 7) == [401] * 5 + [429] * 2
    monkeypatch.setenv("WIRECHECK_PROXY", "127.0.0.1")
    with serving(page_over(Scripted(), hosts=("*",), password="word")) as address:
        assert wrong_passwords(address, 7) == [401] * 7


def test_no_forwarded_header_changes_what_the_page_is_told(client):
    plain = client.get("/config").json()["root"]
    forged = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "forwarded": "x"}
    assert client.get("/config", headers=forged).json()["root"] == plain


def sent_in_part(address: str, data: str) -> bytes:
    """What the server says to the beginning of a request, until it hangs up."""
    url = httpx.URL(address)
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        connection.sendall(data.replace("HERE", f"{url.host}:{url.port}").encode())
        return b"".join(iter(lambda: connection.recv(4096), b""))


HEAD = "POST /desk/stop HTTP/1.1\r\nHost: HERE\r\nContent-Length: 20\r\n"


@pytest.mark.parametrize(
    ("data", "said"), [("POST /desk/st", b""), (f'{HEAD}\r\n{{"turn', b"HTTP/1.1 408")]
)
def test_a_request_that_does_not_go_on_is_not_waited_for(monkeypatch, client, data, said):
    monkeypatch.setattr(connection, "MAX_HEAD", 0.5)
    monkeypatch.setattr(guard, "MAX_PAUSE", 0.5)
    begun = time.monotonic()
    told = sent_in_part(str(client.base_url), data)
    assert told.startswith(said) and bool(told) == bool(said) and time.monotonic() - begun < 9


def test_a_request_that_comes_slowly_but_steadily_is_answered(monkeypatch, client):
    monkeypatch.setattr(guard, "MAX_PAUSE", 0.5)
    url = client.base_url
    with socket.create_connection((url.host, url.port), timeout=10) as slow:
        slow.sendall(HEAD.replace("HERE", url.netloc.decode()).encode() + b"\r\n")
        for byte in b'{"turn": "t0123456"}':
            time.sleep(0.05)
            slow.sendall(bytes([byte]))
        assert slow.recv(100).startswith(b"HTTP/1.1 200")


def test_a_request_that_is_cut_off_leaves_no_traceback(tmp_path, caplog):
    with serving(page_over(Scripted(), uploads=tmp_path / "given")) as address:
        logging.getLogger("uvicorn").propagate = True
        for path in ("desk/files?name=a.txt", "desk/stop", "desk/model", "gradio_api/queue/join"):
            url = httpx.URL(address)
            with socket.create_connection((url.host, url.port)) as cut:
                head = f"POST /{path} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n"
                cut.sendall(f"{head}Content-Length: 5000\r\n\r\nabc".encode())
                time.sleep(0.2)
        assert httpx.get(f"{address}desk/corpora").status_code == 200
    assert not caplog.records
    assert not [p for p in (tmp_path / "given").rglob("*") if p.is_file()]


def test_questions_asked_through_abandoned_joins_are_stopped(monkeypatch):
    monkeypatch.setattr(queues, "UNHEARD", 0.2)

    def answer(question: str, *words: object, progress: Callable, **options: object) -> Answer:
        while question != SPAN.question:
            progress("drafting")
            time.sleep(0.02)
        return SPAN

    queue = queues.QuestionQueue(answer, Shelf(ARTICLES))
    served = page_over(answer, routes=server.routes_of(queue, "x"))
    with serving(served) as address, httpx.Client(base_url=address, timeout=60) as client:
        for n in range(queues.MAX_WAITING + 5):
            asked = ask(client, "/gradio_api/queue/join", f"q{n}", "none", session=f"left{n}")
            assert asked.status_code == 200
        most = len(queue.jobs)
        while queue.jobs:
            most = max(most, len(queue.jobs))
            time.sleep(0.01)
        assert 0 < most <= queues.MAX_OF_ONE
        monkeypatch.setattr(queues, "UNHEARD", 30.0)
        ask(client, "/gradio_api/queue/join", SPAN.question, "none")
        assert "two dockers" in outcome(client)["output"]["data"][0]["html"]
    assert not queue.streams
