"""The server: puts the real parts together, and serves the page until it is stopped."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from index.engines import Address, Place
from index.errors import SettingError
from index.settings import value_of
from web import page
from web.access import (
    HOST,
    api_wanted,
    check_host,
    checked_root,
    hosts_of,
    may_upload,
    offered,
    proxies,
)
from web.api import Api
from web.current import watch
from web.queue import AnswerFn, QuestionQueue
from web.sample import SAMPLE, sample_index, suggested
from web.ui import build_app, build_page

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from index import Index
    from web.routes import Routes

PORT, PORTS_TRIED = 7860, 40
#: Seconds after which the models are loaded although nobody has opened the page.
UNSEEN = 10.0


def serve(
    index: str | Place | None = None,
    model: str | None = None,
    host: str = HOST,
    port: int | None = None,
    workers: int = 0,
    root_path: str = "",
) -> None:
    """Serve the page until it is stopped. No index: the sample articles.

    With `workers`, so many processes answer, else this one; a proxy has it below `root_path`.
    Raises WirecheckError if it can't be served.
    """
    from index import open_index
    from rag.models import check_model, default_model, is_embedded, load_in_background

    root_path, password = checked_root(root_path), value_of("WIRECHECK_PASSWORD")
    check_host(host, password)
    name = model or default_model()
    check_model(name)
    _end_cleanly()
    with listen(host, port) as listening, ExitStack() as ending:
        opened = open_index(index or sample_index())
        gold = [] if index else suggested(SAMPLE / "questions.jsonl")
        facts = facts_of(opened, "" if index else "sample articles")
        first = gold[0] if gold else "What happened?"
        answers = _in_workers(workers, opened, first, ending) if workers else answer_late
        queue = QuestionQueue(answers, opened, workers or 1)
        routes = ending.enter_context(closing(routes_of(queue, facts.name, gold)))
        if may_upload(host, password):
            accept_uploads(routes)
        watch(opened, open_index, routes.renew)
        routes.models, routes.probe = offered(name), _probe
        api = Api(queue, routes.models) if api_wanted() else None
        blocks = build_page(
            queue, lambda: facts_of(queue.indexes[""], facts.name), models=routes.models, api=api
        )
        served = build_app(
            blocks, routes, hosts=hosts_of(host), password=password, api=api, root_path=root_path
        )
        server = server_of(served)
        if is_embedded(name):
            load_in_background(lambda line: _say(f"wirecheck: {line}") if line else None)
        # Not now: loading the models would keep the first page waiting.
        queue.warm_when_seen(first, name)
        unseen = Timer(UNSEEN, queue.seen)
        unseen.daemon = True
        unseen.start()
        _say(f"Wirecheck is at {address_of(listening)} (Ctrl-C stops it)")
        server.run(sockets=[listening])


def _in_workers(number: int, index: Index, question: str, ending: ExitStack) -> AnswerFn:
    """Answers from processes apart, which `ending` ends; this process lends them its model."""
    from rag.lent_model import lend
    from rag.models import model_to_lend
    from web.workers import Workers

    if isinstance(index.folder, Address) and index.folder.file:
        raise SettingError(f"--workers: one process alone can open {index.folder}; use a server")
    workers = ending.enter_context(Workers(number, index, question))
    ending.enter_context(closing(lend(workers.model_socket, workers.key, model_to_lend)))
    return workers.answer


def _end_cleanly() -> None:
    """Leave nothing behind when told to end, or when the terminal is closed."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    if hasattr(signal, "SIGHUP"):
        # While it serves, uvicorn takes the one and not the other.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def routes_of(queue: QuestionQueue, name: str, questions: Sequence[str] = ()) -> Routes:
    """The page's own addresses; without `questions`, some are made from the reports."""
    from web.routes import Corpus, Routes

    return Routes(
        queue, Corpus(name, queue.indexes[""], (lambda index: questions) if questions else _suggest)
    )


def accept_uploads(routes: Routes) -> None:
    """Let articles be given on the page: to WIRECHECK_FILES, or to a folder of this run alone."""
    from index import build_index, open_index
    from web.uploads import Uploads

    folder = value_of("WIRECHECK_FILES")
    routes.uploads = Uploads(
        Path(folder) if folder else None,
        build_index,
        open_index,
        lambda index: routes.offer(index, _suggest),
    )


def _late(module: str, name: str) -> Callable[..., Any]:
    """A function that is imported when it is called: seconds that the page needn't wait for."""
    return lambda *words, **options: getattr(import_module(module), name)(*words, **options)


answer_late = _late("rag", "answer")
_suggest = _late("rag.suggest", "suggest")
_probe = _late("rag.probe", "probe")


def facts_of(index: Index, name: str) -> page.Facts:
    """What the status bar says."""
    size = len(index.articles), len(index.passages)
    return page.Facts(name or index.folder.name, *size, str(index.generation))


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
    """What serves the page, quietly. Raises SettingError if the proxies can't be read."""
    import uvicorn

    from web.connection import Connection

    believed = proxies()
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Connection,
            proxy_headers=bool(believed),
            forwarded_allow_ips=believed,
            log_level="warning",
            access_log=False,
            server_header=False,
            use_colors=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
        )
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
