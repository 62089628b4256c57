"""The Gradio page: builds the real parts, serves them on loopback, draws what `rag` returns."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from functools import wraps
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

import look
import page
import script
from desk import MAX_WAITING, Desk, cards, line_of
from guard import Guard
from index.errors import SettingError, WirecheckError
from programs import Programs
from rag.question import MAX_CHARACTERS

if TYPE_CHECKING:
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    from doors import Doors
    from index import Index
    from rag.schema import Answer

HOST, PORT, PORTS_TRIED = "127.0.0.1", 7860, 40
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAMPLE = Path(__file__).parent / "eval" / "sample"
#: A question of each of these kinds is suggested over the sample articles.
SUGGESTED_KINDS = ("conflict", "multi", "quote", "temporal")
#: Seconds after which the models are loaded although nobody has opened the page.
UNSEEN = 10.0

#: No news to its makers, and no table of all questions ever asked, which nobody here reads.
_GRADIO = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
}

# --- the page -------------------------------------------------------------------------------------


def build_page(
    desk: Desk,
    facts: page.Facts,
    *,
    models: Sequence[str] = ("embedded", "none"),
    programs: Programs | None = None,
) -> gr.Blocks:
    """The page over a desk. The first of `models` is chosen; `programs` are doors for them."""
    os.environ.update(_GRADIO)
    import gradio as gr
    from gradio.events import api

    from rag.models import loading

    def status() -> tuple[str, gr.Timer]:
        desk.seen()
        doing = loading()
        told = f"language model: {doing}" if doing else desk.warmth
        return page.status_bar(facts, told), gr.Timer(active=desk.warming or bool(doing))

    blocks: gr.Blocks = gr.Blocks(title="Wirecheck", analytics_enabled=False)
    with blocks:
        _html(page.MASTHEAD, "masthead")
        # The frame stays as it is; the script appends cards to it. With "${value}" in it, Gradio
        # would send and draw the whole conversation again for every answer.
        conversation = gr.HTML(
            html_template=page.FRAME,
            js_on_load=script.SCRIPT,
            apply_default_css=False,
            elem_id="conversation",
        )
        box, button, clear = _question_row()
        _html(page.WITHIN, "within-row")
        _html(page.SUGGESTIONS, "suggestions-row")
        with gr.Row(elem_id="foot"):
            bar = _html(page.status_bar(facts, desk.warmth), "status-bar")
            chosen = gr.Dropdown(
                list(models),
                value=models[0],
                label="Model",
                elem_id="model",
                filterable=False,
                container=False,
                min_width=0,
            )
            _html(page.TEST, "test-row")
            timer = gr.Timer(1, active=False)
        # Its value is set by the script at the moment of asking.
        within = gr.Textbox(visible=False)
        # The desk keeps the queue, so that whoever waits is told so: here all may begin at once.
        gr.on(
            [box.submit, button.click],
            _asking(desk),
            [box, chosen, within],
            [conversation, box],
            js=script.ASKED,
            concurrency_limit=None,
            show_progress="hidden",
            api_name="page",  # or it would take the name of the door for programs
            api_visibility="private",
        )
        clear.click(None, js=script.CLEAR, api_visibility="private")
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
        for function in programs.functions if programs else ():
            # Not queued, as above; and MCP then calls it here, not over HTTP with no password.
            api(_told(function), api_name=function.__name__, queue=False)
    blocks.queue(default_concurrency_limit=4, max_size=4 * MAX_WAITING, api_open=False)
    blocks.state_session_capacity = 500
    return blocks


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its errors as those of Gradio that a program is told."""
    import gradio as gr

    @wraps(function)
    async def told(*args: Any) -> Any:
        try:
            return await function(*args)
        except Exception as error:  # Ours says what to do; of any other, only the log tells more.
            raise gr.Error(line_of(error), print_exception=False) from None

    return told


def _asking(desk: Desk) -> Callable[[str, str, str], AsyncIterator[tuple[Any, Any]]]:
    """What a question sets going: its cards, and an empty box for the next one."""
    import gradio as gr

    async def ask(question: str, model: str, within: str) -> AsyncIterator[tuple[Any, Any]]:
        if not question.strip():
            return
        cleared: Any = ""
        async for card in cards(desk, question.strip(), model, within or ""):
            yield card, cleared
            cleared = gr.skip()

    return ask


def _html(markup: str, name: str) -> gr.HTML:
    import gradio as gr

    return gr.HTML(markup, apply_default_css=False, elem_id=name)


def _question_row() -> tuple[gr.Textbox, gr.Button, gr.Button]:
    """The question's box, and the buttons beside it."""
    import gradio as gr

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
        return (
            box,
            gr.Button("Ask", elem_id="ask", min_width=0),
            gr.Button("Clear", elem_id="clear", min_width=0),
        )


def theme() -> gr.themes.Base:
    """System fonts only; the colours are those of `look.CSS`."""
    import gradio as gr
    from gradio.themes.utils.fonts import Font

    return gr.themes.Base(
        font=[Font("system-ui"), Font("sans-serif")],
        font_mono=[Font("ui-monospace"), Font("monospace")],
    )


def build_app(
    blocks: gr.Blocks,
    doors: Doors,
    *,
    hosts: Sequence[str] = LOOPBACK,
    password: str | None = None,
    programs: bool = False,
) -> FastAPI:
    """The page behind its guard. `hosts` are the names under which it may be asked for.

    `programs`: they may ask, too, through Gradio's API and over MCP.
    """
    import gradio as gr
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.routes.extend(doors.routes())
    # Without one of ours, Gradio's own CORS answers every foreign origin with credentials allowed.
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    giving = doors.given is not None
    app.add_middleware(Guard, password=password, giving=giving, programs=programs)
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
        mcp_server=programs,
        pwa=False,
    )
    return app


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
    from rag.models import check_model, default_model, is_embedded, load_in_background

    password = os.environ.get("WIRECHECK_PASSWORD")
    check_host(host, password)
    name = model or default_model()
    check_model(name)
    with listen(host, port) as listening:
        opened = open_index(index or sample_index())
        gold = [] if index else suggested(SAMPLE / "questions.jsonl")
        facts = facts_of(opened, "" if index else "sample articles")
        desk = Desk(_answer, opened)
        doors = doors_of(desk, facts.name, gold)
        if may_give(host, password):
            open_to_files(doors)
        doors.models, doors.probe = offered(name), _probe
        programs = Programs(desk, doors.models) if api_wanted() else None
        blocks = build_page(desk, facts, models=doors.models, programs=programs)
        served = build_app(
            blocks, doors, hosts=_hosts(host), password=password, programs=programs is not None
        )
        server = server_of(served)
        if is_embedded(name):
            load_in_background(lambda problem: _say(f"wirecheck: {problem}") if problem else None)
        # Not now: loading the models would keep the first page waiting.
        desk.warm_when_seen(gold[0] if gold else "What happened?", name)
        unseen = Timer(UNSEEN, desk.seen)
        unseen.daemon = True
        unseen.start()
        _say(f"Wirecheck is at {address_of(listening)} (Ctrl-C stops it)")
        try:
            with closing(doors):
                server.run(sockets=[listening])
        finally:
            unseen.cancel()


def api_wanted() -> bool:
    """Whether programs may ask: WIRECHECK_API is 1, or 0 or not set. Raises SettingError else."""
    value = os.environ.get("WIRECHECK_API", "").strip() or "0"
    if value not in ("0", "1"):
        raise SettingError(f"WIRECHECK_API is {value!r}: set 1 to let programs ask, or 0")
    return value == "1"


def offered(chosen: str) -> list[str]:
    """The models to choose from: `chosen` first, then those of WIRECHECK_MODELS, then our own.

    Raises SettingError for what can't be a model's name. Whether one answers is tested on the page:
    its server may still have to be started.
    """
    from rag.llm import check_name

    listed = [name.strip() for name in os.environ.get("WIRECHECK_MODELS", "").split(",")]
    names = [name for name in listed if name]
    for name in names:
        check_name(name)
    return [*dict.fromkeys([chosen, *names, "embedded", "none"])]


def _probe(model: str) -> str:
    # Late, as in `_answer`.
    from rag.probe import probe

    return probe(model)


def doors_of(desk: Desk, name: str, questions: Sequence[str] = ()) -> Doors:
    """The page's own addresses; without `questions`, some are made from the reports."""
    from doors import Corpus, Doors

    return Doors(
        desk, Corpus(name, desk.indexes[""], (lambda index: questions) if questions else _suggest)
    )


def open_to_files(doors: Doors) -> None:
    """Let articles be given on the page: to WIRECHECK_FILES, or to a folder of this run alone."""
    from given import Given
    from index import build_index, open_index

    folder = os.environ.get("WIRECHECK_FILES")
    doors.given = Given(
        Path(folder) if folder else None,
        build_index,
        open_index,
        lambda index: doors.offer(index, _suggest),
    )


def may_give(host: str, password: str | None) -> bool:
    """Whether articles may be given on the page: not where anybody at all may come."""
    return host in LOOPBACK or bool(password)


def _suggest(index: Any) -> Sequence[str]:
    # Late, as in `_answer`.
    from rag.suggest import suggest

    return suggest(index)


def _answer(question: str, index: Any, model: str, **options: Any) -> Answer:
    # Late: it imports torch, seconds that the page needn't wait for.
    from rag import answer

    return answer(question, index, model, **options)


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
    """The shortest question of each of a few kinds from a gold file; none without the file.

    Some gold questions are search words, as people type them: those are no example to follow.
    """
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    rows = [r for r in rows if r["question"][:1].isupper() and r["question"].endswith("?")]
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
