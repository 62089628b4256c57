"""The Gradio page: builds the real parts, serves them on loopback, draws what `rag` returns."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import socket
import sys
import time
from base64 import b64decode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import look
import page
from index.errors import SettingError, WirecheckError
from rag.question import MAX_CHARACTERS

if TYPE_CHECKING:
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from index import Index
    from rag.schema import Answer

HOST, PORT, PORTS_TRIED = "127.0.0.1", 7860, 40
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAMPLE = Path(__file__).parent / "eval" / "sample"
MAX_BODY = 64 * 1024
#: Questions that may wait at the same time; whoever asks the next one is told to try again. Gradio
#: runs 40 events at once: with more than that, nobody would be there to tell them.
MAX_WAITING = 30
#: Wrong passwords that one address may send in a minute.
MAX_WRONG = 5
#: A question of each of these kinds is suggested over the sample articles.
SUGGESTED_KINDS = ("conflict", "multi", "quote", "temporal")
#: How often a waiting page is told what is being done, in seconds.
POLL = 0.25

#: No news to its makers, and no table of all questions ever asked, which nobody here reads.
_GRADIO = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
}

log = logging.getLogger("wirecheck.app")


# --- answering ----------------------------------------------------------------------------------


class AnswerFn(Protocol):
    """What the page asks: `rag.answer`, or a scripted one in tests."""

    def __call__(
        self, question: str, index: Any, model: str, *, progress: Callable[[str], None]
    ) -> Answer:
        """The answer; `progress` is told each step in words."""


class Desk:
    """Answers questions in the order they come, `workers` at a time, in threads of its own."""

    def __init__(self, answer_fn: AnswerFn, index: Any, workers: int = 1) -> None:
        self.answer_fn, self.index = answer_fn, index
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="desk")
        self.jobs: list[Job] = []
        self.warming, self.warmth = False, "ready"

    def ask(self, question: str, model: str) -> Job:
        """Queue a question."""
        job = Job(self)
        self.jobs.append(job)
        job.future = self.pool.submit(
            self.answer_fn, question, self.index, model, progress=partial(setattr, job, "step")
        )
        job.future.add_done_callback(lambda _: self.jobs.remove(job))
        return job

    def warm(self, question: str, model: str) -> None:
        """Load whatever an answer needs, by asking a question before anybody else does."""
        self.warming, self.warmth = True, "loading the models"
        self.ask(question, model).future.add_done_callback(partial(self._warmed, time.monotonic()))

    def _warmed(self, begun: float, future: Future[Answer]) -> None:
        problem = problem_of(future)
        self.warmth = problem or f"ready after {time.monotonic() - begun:.0f} s"
        self.warming = False


class Job:
    """One question at the desk."""

    future: Future[Answer]

    def __init__(self, desk: Desk) -> None:
        self.desk, self.step = desk, "starting"

    @property
    def doing(self) -> str:
        """What is being done about it, in words."""
        before = self.desk.jobs[:]
        if self not in before or self.future.running():
            return self.step[:1].upper() + self.step[1:]
        if self.desk.warming:
            return "Loading the models, once after the start"
        n = before.index(self)
        return f"Waiting; {n} question{'' if n == 1 else 's'} before this one"


def problem_of(future: Future[Answer]) -> str:
    """Why there is no answer, in a line fit for a user; empty if there is one.

    Whatever Wirecheck didn't raise itself may hold paths or keys: it goes to the log alone, under
    a name by which it can be found there.
    """
    error = future.exception()
    if error is None or isinstance(error, WirecheckError):
        return str(error or "")
    name = secrets.token_hex(4)
    log.error("error %s", name, exc_info=error)
    return f"Something went wrong here. The server's log tells more, under {name}."


async def cards(desk: Desk, question: str, model: str) -> AsyncIterator[dict[str, str]]:
    """The cards that a question gets, one after the other, each in place of the one before."""
    turn, refusal = f"t{secrets.token_hex(6)}", ""
    if len(question) > MAX_CHARACTERS:
        refusal = (
            f"The question has {len(question):,} characters; "
            f"at most {MAX_CHARACTERS:,} are allowed."
        )
    elif len(desk.jobs) >= MAX_WAITING:
        refusal = f"{len(desk.jobs)} questions are waiting. Please ask again in a minute."
    if refusal:
        yield {"turn": turn, "html": page.error_card(turn, question, refusal)}
        return
    job, shown = desk.ask(question, model), ""
    try:
        answered = asyncio.wrap_future(job.future)
        while not answered.done():
            if job.doing != shown:
                shown = job.doing
                yield {"turn": turn, "html": page.pending_card(turn, question, shown)}
            await asyncio.wait({answered}, timeout=POLL)
    finally:
        job.future.cancel()  # Its page is gone: don't begin what nobody will read.
    answered.exception()  # Or asyncio reports it as never looked at.
    problem = problem_of(job.future)
    yield {
        "turn": turn,
        "html": page.error_card(turn, question, problem)
        if problem
        else page.answer_card(turn, job.future.result()),
    }


# --- the page -------------------------------------------------------------------------------------


def build_page(
    desk: Desk,
    facts: page.Facts,
    *,
    questions: Sequence[str] = (),
    models: Sequence[str] = ("embedded", "none"),
) -> gr.Blocks:
    """The page over a desk. The first of `models` is chosen; `questions` are suggested."""
    os.environ.update(_GRADIO)
    import gradio as gr

    async def ask(question: str, model: str) -> AsyncIterator[tuple[Any, Any]]:
        if not question.strip():
            return
        cleared: Any = ""
        async for card in cards(desk, question.strip(), model):
            yield card, cleared
            cleared = gr.skip()

    def status() -> tuple[str, Any]:
        return page.status_bar(facts, desk.warmth), gr.Timer(active=desk.warming)

    blocks: gr.Blocks = gr.Blocks(title="Wirecheck", analytics_enabled=False)
    with blocks:
        gr.HTML(page.MASTHEAD, elem_id="masthead", apply_default_css=False)
        # The frame stays as it is; the script appends cards to it. With "${value}" in it, Gradio
        # would send and draw the whole conversation again for every answer.
        conversation = gr.HTML(
            html_template=page.FRAME,
            js_on_load=look.SCRIPT,
            apply_default_css=False,
            elem_id="conversation",
        )
        with gr.Row(elem_id="ask-row"):
            box = gr.Textbox(
                label="Question",
                show_label=False,
                container=False,
                lines=1,
                max_lines=6,
                max_length=MAX_CHARACTERS,
                scale=1,
                autofocus=True,
                elem_id="question",
                placeholder="Ask about the reports",
            )
            button = gr.Button("Ask", elem_id="ask", min_width=0)
            clear = gr.Button("Clear", elem_id="clear", min_width=0)
        with gr.Column(elem_id="suggestions", visible=bool(questions)):
            gr.HTML(page.el("p", "For instance"), apply_default_css=False, elem_id="for-instance")
            suggestions = [gr.Button(question) for question in questions]
        with gr.Row(elem_id="foot"):
            bar = gr.HTML(
                page.status_bar(facts, desk.warmth), apply_default_css=False, elem_id="status-bar"
            )
            chosen = gr.Dropdown(
                list(models),
                value=models[0],
                label="Model",
                elem_id="model",
                filterable=False,
                container=False,
                min_width=0,
            )
            timer = gr.Timer(1, active=False)

        # The desk keeps the queue, so that whoever waits is told so: here all may begin at once.
        gr.on(
            [box.submit, button.click],
            ask,
            [box, chosen],
            [conversation, box],
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        for suggestion in suggestions:
            suggestion.click(None, suggestion, js=look.ASK, api_visibility="private")
        clear.click(None, js=look.CLEAR, api_visibility="private")
        # Not queued: when a queued event ends, Gradio's client may close the stream that a question
        # asked at that moment is waiting on.
        gr.on(
            [timer.tick, blocks.load],
            status,
            None,
            [bar, timer],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
    blocks.queue(default_concurrency_limit=4, max_size=4 * MAX_WAITING, api_open=False)
    blocks.state_session_capacity = 500
    return blocks


def theme() -> gr.themes.Base:
    """System fonts only; the colours are those of `look.CSS`."""
    import gradio as gr
    from gradio.themes.utils.fonts import Font

    return gr.themes.Base(
        font=[Font("system-ui"), Font("sans-serif")],
        font_mono=[Font("ui-monospace"), Font("monospace")],
    )


def build_app(
    blocks: gr.Blocks, *, hosts: Sequence[str] = LOOPBACK, password: str | None = None
) -> FastAPI:
    """The page behind its guard. `hosts` are the names under which it may be asked for."""
    import gradio as gr
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Without one of ours, Gradio's own CORS answers every foreign origin with credentials allowed.
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(Guard, password=password)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=theme(),
        head=look.HEAD,
        show_error=False,
        allowed_paths=[],
        max_file_size="1kb",
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
    )
    return app


# --- the guard ------------------------------------------------------------------------------------

#: All that the page itself asks for; any other address, Gradio's or not, is not there.
_GET = re.compile(
    r"/(|config|theme\.css|favicon\.ico|manifest\.json|(assets|static|svelte)/.+"
    r"|gradio_api/(info|startup-events|app_id|theme\.css|queue/data|heartbeat/\w+))"
)
_POST = re.compile(r"/gradio_api/(queue/join|run/predict|cancel|reset)")
#: 'unsafe-eval': Gradio compiles the (constant) template of each gr.HTML in the browser.
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Refuses whatever our own page never sends, and says in headers what a browser may do.

    Pure ASGI and outermost, so that refusals carry the headers too.
    """

    def __init__(self, app: ASGIApp, password: str | None = None) -> None:
        self.app, self.password = app, password
        self.wrong: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        nonce = secrets.token_urlsafe(18)
        send = _with_headers(send, nonce)
        status = self._refusal(scope, headers)
        if status:
            return await _refuse(send, status)
        if scope["path"] == "/":
            # Compressed, it could not be given its nonce.
            scope["headers"] = [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]
            send = _with_nonce(send, nonce)
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> int:
        """The status with which to refuse, or 0."""
        if self.password:
            status = self._login(scope, headers.get("authorization", ""))
            if status:
                return status
        reading = scope["method"] in ("GET", "HEAD")
        if not (_GET if reading else _POST).fullmatch(scope["path"]):
            return 404
        # A length that was not announced can't be trusted to end.
        if "transfer-encoding" in headers:
            return 411
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return 413
        return 0 if reading or _same_origin(scope, headers) else 403

    def _login(self, scope: Scope, given: str) -> int:
        """401 without the password, 429 after too many wrong ones, else 0. Any user name does."""
        address = (scope.get("client") or ("unknown",))[0]
        recent = self.wrong.get(address, deque(maxlen=MAX_WRONG))
        now = time.monotonic()
        if len(recent) == MAX_WRONG and now - recent[0] < 60:
            return 429
        if hmac.compare_digest(_password(given).encode(), (self.password or "").encode()):
            self.wrong.pop(address, None)
            return 0
        if given:
            if len(self.wrong) > 10_000:
                self.wrong.clear()
            recent.append(now)
            self.wrong[address] = recent
        return 401


def _password(authorization: str) -> str:
    """The password in a header of HTTP's basic scheme, or nothing."""
    scheme, _, packed = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(packed, validate=True).decode().partition(":")[2]
    except (Base64Error, UnicodeDecodeError):
        return ""


def _same_origin(scope: Scope, headers: dict[str, str]) -> bool:
    """A browser names the page that sends: ours, or none where nothing but ours could send."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin == f"{scope['scheme']}://{headers.get('host', '')}"


def _with_headers(send: Send, nonce: str) -> Send:
    extra = [
        (k.encode(), v.encode())
        for k, v in {**_HEADERS, "content-security-policy": _POLICY.format(nonce=nonce)}.items()
    ]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return sent


def _with_nonce(send: Send, nonce: str) -> Send:
    """Mark the scripts that the page was made with, so that no other inline script can run."""
    held: list[Message] = []

    async def sent(message: Message) -> None:
        if message["type"] not in ("http.response.start", "http.response.body"):
            return
        held.append(message)
        if message["type"] == "http.response.start" or message.get("more_body"):
            return
        body = b"".join(m.get("body", b"") for m in held[1:])
        body = re.sub(rb"<script(?=[\s>])", b'<script nonce="%s"' % nonce.encode(), body)
        headers = [(k, v) for k, v in held[0]["headers"] if k != b"content-length"]
        await send({**held[0], "headers": [*headers, (b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    return sent


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Wirecheck", charset="UTF-8"'))
    if status == 429:
        headers.append((b"retry-after", b"60"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"Refused ({status}).\n".encode()})


# --- starting -------------------------------------------------------------------------------------


def main(
    index: str | Path | None = None,
    model: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> int:
    """Serve the page until it is stopped; returns an exit code. No index: the sample articles."""
    try:
        _serve(index, model, host or HOST, port)
    except WirecheckError as error:
        _say(f"wirecheck: {error}")
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _serve(index: str | Path | None, model: str | None, host: str, port: int | None) -> None:
    from index import open_index
    from rag.llm import check_model, default_model

    password = os.environ.get("WIRECHECK_PASSWORD")
    check_host(host, password)
    name = model or default_model()
    check_model(name)
    with listen(host, port) as listening:
        opened = open_index(index or sample_index())
        questions = [] if index else suggested(SAMPLE / "questions.jsonl")
        desk = Desk(_answer, opened)
        blocks = build_page(
            desk,
            facts_of(opened, "" if index else "sample articles"),
            questions=questions,
            models=[*{name: 0, "embedded": 0, "none": 0}],
        )
        server = server_of(build_app(blocks, hosts=_hosts(host), password=password))
        # Not before: it would keep Gradio's slow import waiting, and with it the first page.
        desk.warm(questions[0] if questions else "What happened?", name)
        _say(f"Wirecheck is at {address_of(listening)} (Ctrl-C stops it)")
        server.run(sockets=[listening])


def _answer(question: str, index: Any, model: str, *, progress: Callable[[str], None]) -> Answer:
    # Late: it imports torch, seconds that the page needn't wait for.
    from rag import answer

    return answer(question, index, model, progress=progress)


def sample_index() -> Path:
    """The index of the sample articles, in this user's cache; built if it isn't there."""
    from platformdirs import user_cache_path

    from index import build_index

    articles = SAMPLE / "articles"
    # The folder's own name in it: two installations must not rewrite one another's index.
    name = hashlib.sha256(str(articles.resolve()).encode()).hexdigest()[:8]
    folder = user_cache_path("wirecheck") / f"sample-{name}"
    build_index([articles], folder, progress=_progress)
    return folder


def _progress(done: int, total: int, what: str) -> None:
    """One line that counts, and only for what takes its time."""
    if what == "embedding" and total:
        end = "\n" if done == total else "\r"
        sys.stderr.write(f"Indexing the sample articles, once: passage {done} of {total}{end}")


def suggested(path: Path) -> list[str]:
    """The shortest question of each of a few kinds from a gold file; none without the file."""
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    rows.sort(key=lambda row: -len(row["question"]))
    shortest = {row["kind"]: row["question"] for row in rows}
    return [shortest[kind] for kind in SUGGESTED_KINDS if kind in shortest]


def facts_of(index: Index, name: str) -> page.Facts:
    """What the status bar says."""
    return page.Facts(
        name or Path(index.folder).name,
        len(index.articles),
        len(index.passages),
        str(index.generation),
    )


def check_host(host: str, password: str | None) -> None:
    """Refuse to serve other machines without a password, unless told to."""
    if host in LOOPBACK or password or os.environ.get("WIRECHECK_OPEN") == "1":
        return
    raise SettingError(
        f"{host} would let other machines ask, with no password: set "
        "WIRECHECK_PASSWORD, or WIRECHECK_OPEN=1 if that is what you want"
    )


def _hosts(host: str) -> Sequence[str]:
    """Names to answer to. Off loopback nobody can list them: there the password protects."""
    return LOOPBACK if host in LOOPBACK else ("*",)


def listen(host: str, port: int | None) -> socket.socket:
    """A listening socket at the port that was asked for, or at the first free one from 7860 on."""
    wanted = range(PORT, PORT + PORTS_TRIED) if port is None else [port]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in wanted:
        try:
            return socket.create_server((host, number), family=family)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            if number == wanted[-1] or getattr(error, "errno", None) != errno.EADDRINUSE:
                raise SettingError(f"can't listen at {host}, port {number}: {reason}") from error
    raise AssertionError("no port to try")


def address_of(listening: socket.socket) -> str:
    """The address to type into a browser."""
    host, port = listening.getsockname()[:2]
    name = {"0.0.0.0": HOST, "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/"


def server_of(app: FastAPI) -> uvicorn.Server:
    """What serves the page, quietly."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
        )
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    # The options are the command's own, so that `python app.py` and `wirecheck app` can't differ.
    from wirecheck import main as command

    sys.exit(command(["app", *sys.argv[1:]]))
