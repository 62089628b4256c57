"""Addresses of our own that the page's script asks, beside Gradio's: all below /desk.

    GET  /desk/corpora                 what may be asked: names, outlets, dates
    GET  /desk/questions?corpus=       questions that may be asked about it
    GET  /desk/library?corpus=&q=      the list of reports, as HTML of our own
    GET  /desk/article?corpus=&id=     one article, as HTML of our own
    GET  /desk/proof?turn=T&as=        the answer on card T to take away: html, json or md
    POST /desk/stop       {"turn": T}  stop the question whose card is T
    POST /desk/model      {"model": M} whether model M, one of those offered, answers
    POST /desk/files?name=N            keep the body as file N            } only where articles
    POST /desk/indexing                index what was kept                } may be given
    GET  /desk/indexing                how far that is, and what came of it

A file that is not taken is told with its reason; what else can't be done is {"problem": one line}
with status 400.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from index.errors import SettingError
from web.article import article_page
from web.contained import contained, line_of
from web.guard import MAX_FILE
from web.library import Library
from web.render import render

if TYPE_CHECKING:
    from web.queue import QuestionQueue
    from web.uploads import Uploads

OWN = "own"
#: Makes questions about an index.
Suggest = Callable[[Any], Sequence[str]]
_MAX_QUERY = 200
#: As what an answer may be taken away, and what kind of file that is.
TAKEN = {"html": "text/html", "json": "application/json", "md": "text/markdown"}


class Corpus:
    """An index that can be asked. Its list and its questions are made once, when first wanted."""

    def __init__(self, name: str, index: Any, suggest: Suggest = lambda index: ()) -> None:
        self.name, self.index = name, index
        self.suggest, self._lock = suggest, Lock()
        self._library: Library | None = None
        self._questions: Sequence[str] | None = None

    @property
    def library(self) -> Library:
        """Its articles."""
        with self._lock:
            self._library = self._library or Library(self.index)
            return self._library

    @property
    def questions(self) -> Sequence[str]:
        """Questions that its reports are likely to answer."""
        with self._lock:
            if self._questions is None:
                self._questions = tuple(self.suggest(self.index))
            return self._questions

    def described(self) -> dict[str, Any]:
        """What the page's filters offer, JSON-ready."""
        library = self.library
        return {
            "name": self.name,
            "articles": len(self.index.articles),
            "reports": len(library.reports),
            "outlets": sorted(self.index.outlets, key=str.casefold),
            "first": library.first,
            "last": library.last,
        }


class Routes:
    """The addresses, over the corpora by their keys, the queue and the files.

    The corpus that is served has the key "".
    """

    def __init__(
        self, queue: QuestionQueue, served: Corpus, uploads: Uploads | None = None
    ) -> None:
        self.queue, self.uploads = queue, uploads
        self.corpora = {"": served}
        #: The models that may be asked, and what asks one for a word; see `rag.probe`.
        self.models: Sequence[str] = ()
        self.probe: Callable[[str], str] | None = None
        self._probing = Lock()

    def offer(self, index: Any, suggest: Suggest) -> None:
        """Offer an index of the articles that were given on the page."""
        self.queue.indexes[OWN] = index
        self.corpora[OWN] = Corpus("your articles", index, suggest)

    def renew(self, index: Any) -> None:
        """Serve a newer generation; what has begun goes on with the one before."""
        served = self.corpora[""]
        self.queue.indexes[""] = index
        self.corpora[""] = Corpus(served.name, index, served.suggest)

    def close(self) -> None:
        """Stop all questions, and remove what was given to this run alone."""
        self.queue.close()
        if self.uploads is not None:
            self.uploads.close()

    def listed(self) -> list[Route]:
        """All addresses; those for files only where files may be given."""
        told = {
            "corpora": self._corpora,
            "questions": self._questions,
            "library": self._reports,
            "article": self._article,
            "proof": self._proof,
        }
        routes = [Route(f"/desk/{name}", _answering(what)) for name, what in told.items()]
        routes.append(Route("/desk/stop", self._stop, methods=["POST"]))
        routes.append(Route("/desk/model", self._test, methods=["POST"]))
        if self.uploads is not None:
            routes += [
                Route("/desk/files", self._take, methods=["POST"]),
                Route("/desk/indexing", _answering(self._index), methods=["POST"]),
                Route("/desk/indexing", _answering(self._indexing)),
            ]
        return routes

    def _corpus(self, request: Request) -> Corpus:
        found = self.corpora.get(request.query_params.get("corpus", ""))
        if found is None:
            raise SettingError("there is no such corpus")
        return found

    def _corpora(self, request: Request) -> Response:
        rows = [{"key": key, **corpus.described()} for key, corpus in self.corpora.items()]
        return JSONResponse({"corpora": rows, "files": self.uploads is not None})

    def _questions(self, request: Request) -> Response:
        return JSONResponse({"questions": list(self._corpus(request).questions)})

    def _reports(self, request: Request) -> Response:
        query = request.query_params.get("q", "")[:_MAX_QUERY]
        library = self._corpus(request).library
        found, complete = library.find(query), library.complete
        return HTMLResponse(render("library.html", found=found, complete=complete))

    def _article(self, request: Request) -> Response:
        articles = self._corpus(request).index.articles
        article = articles.get(request.query_params.get("id", ""))
        if article is None:
            raise SettingError("there is no such article")
        return HTMLResponse(article_page(article, {}))

    def _proof(self, request: Request) -> Response:
        # Late: an answer is there, so what these import has been imported.
        from rag.bundle import encoded, markdown_of

        talk = self.queue.talks.get(request.query_params.get("turn", ""))
        kind = request.query_params.get("as", "")
        if talk is None or kind not in TAKEN:
            raise SettingError("that answer is not kept here any more; ask again")
        answer = talk.answers[-1]
        if kind == "md":
            body = markdown_of(answer).encode("utf-8", "replace")
        else:
            body = encoded(answer, f".{kind}", datetime.now(UTC), {"within": talk.within.told})
        name = {"content-disposition": f'attachment; filename="wirecheck-answer.{kind}"'}
        return Response(body, media_type=TAKEN[kind], headers=name)

    async def _test(self, request: Request) -> Response:
        model = await _named(request, "model")
        if self.probe is None or model not in self.models:
            return _problem("no such model is offered here")
        # One at a time: each of these may cost something.
        if not self._probing.acquire(blocking=False):
            return JSONResponse({"answers": False, "line": "A model is being tested already."})
        try:
            line = await run_in_threadpool(contained(self.probe), model)
            return JSONResponse({"answers": True, "line": line})
        except Exception as error:  # That it doesn't answer is an outcome, told in a line.
            return JSONResponse({"answers": False, "line": line_of(error)})
        finally:
            self._probing.release()

    async def _stop(self, request: Request) -> Response:
        turn = await _named(request, "turn")
        if turn is None:
            return _problem("no question is named")
        return JSONResponse({"stopped": isinstance(turn, str) and self.queue.stop(turn)})

    async def _take(self, request: Request) -> Response:
        assert self.uploads is not None
        name = request.query_params.get("name", "")
        try:
            await self.uploads.take(name, request.stream(), MAX_FILE)
        except SettingError as error:
            # A file that is not taken is an outcome; as an error, browsers would log it as one.
            return JSONResponse({"kept": False, "problem": str(error)})
        return JSONResponse({"kept": True, "problem": ""})

    def _index(self, request: Request) -> Response:
        assert self.uploads is not None
        self.uploads.start()
        return self._indexing(request)

    def _indexing(self, request: Request) -> Response:
        assert self.uploads is not None
        return JSONResponse(self.uploads.told())


async def _named(request: Request, name: str) -> Any:
    """The value of this name in the body, an object of JSON; None if there is none."""
    try:
        return (await request.json())[name]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _problem(line: str) -> Response:
    return JSONResponse({"problem": line}, 400)


def _answering(told: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    """Answer in a thread, since that may take a while. An error is told in one line."""

    async def answered(request: Request) -> Response:
        try:
            return await run_in_threadpool(contained(told), request)
        except Exception as error:  # Ours says what to do; of any other, only the log tells more.
            return _problem(line_of(error))

    return answered
