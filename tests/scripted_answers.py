"""Articles of our own invention, and an answering function that knows a few questions by heart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from index import build_index, open_index
from index.errors import IndexMissing, ModelKeyMissing
from index.records import Article, Hit
from rag.schema import Answer, Citation, Claim, Evidence, Kind, Position, Rejection
from tests.fakes import TopicEncoder, at
from web import page, server
from web.access import HOST
from web.api import Api
from web.queue import AnswerFn, QuestionQueue
from web.ui import build_app, build_page
from web.uploads import Uploads

if TYPE_CHECKING:
    from fastapi import FastAPI

    from web.routes import Routes

HARBOUR = Article(
    "000_1538ab12ce41f0a7",
    "Harbour crane falls in night storm",
    "Harbour crane falls in night storm\n\nA crane came down at Quay 4 in Ostmere early on "
    "Tuesday. Port police said that two dockers were hurt.\n\n“Nobody was in the cabin,” harbour "
    "master Ines Tallow said. “We had cleared it at nine.”\n\nThe quay will stay closed for eleven "
    "days, she said. Ferries go from Quay 2 \N{FERRY} meanwhile.\n",
    "Ostmere Gazette",
    "2025-03-04",
    "https://ostmere-gazette.example/crane",
)
WIRE = Article(
    "h002_cd34",
    "Three hurt as crane collapses",
    "Three hurt as crane collapses\r\n\r\nThree dockers were hurt when a crane collapsed in the "
    "port of Ostmere, the ambulance service said on Tuesday.\r\nWinds had reached 110 kilometres "
    "an hour.\r\n" + "Trains ran late along the coast until noon.\r\n" * 40,
    "Northline Wire",
    "2025-03-04",
)
UNKNOWN = Article(
    "h003_ef56",
    "Storm notes",
    "Storm notes\n\nTwo dockers were hurt, according to port police. "
    "The crane was built in 1974.\n",
)
HEBREW = Article(
    "h004_aa78",
    "מנוף קרס בנמל",
    "מנוף קרס בנמל\n\nשני פועלים נפצעו, מסרה המשטרה ביום שלישי.\n",
    "Sahil News",
    "2025-03-05",
)
FERRIES = Article(
    "h005_bb90",
    "\N{FERRY} \N{WAVING WHITE FLAG} Ferries after the storm",
    "\N{SHIP}\N{SHIP} Ferries sail again from Quay 2, the port said \N{ANCHOR}\N{SPARKLES}. "
    "\N{MAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER} The timetable \N{CLOCK FACE NINE OCLOCK} "
    "is that of a Sunday.\n",
    "Ostmere Gazette",
    "2025-03-06",
)
ARTICLES = (HARBOUR, WIRE, UNKNOWN, HEBREW)


def cite(article: Article, words: str) -> Citation:
    """A citation of `words` where they first stand."""
    return Citation(at(article, words), 0.97)


def claim(text: str, *citations: Citation, kind: Kind = "written") -> Claim:
    """A claim that passed."""
    return Claim(text, citations, 0.97, (), kind)


TWO = (
    cite(HARBOUR, "Port police said that two dockers were hurt."),
    cite(UNKNOWN, "Two dockers were hurt, according to port police."),
    cite(HEBREW, "שני פועלים נפצעו, מסרה המשטרה ביום שלישי."),
)
THREE = (
    cite(
        WIRE,
        "Three dockers were hurt when a crane collapsed in the port of Ostmere, the "
        "ambulance service said on Tuesday.",
    ),
)
TRACE = {"model": "scripted", "seconds": 1.24}

SPAN = Answer(
    "How many dockers were hurt?",
    "answered",
    (claim("two dockers", *TWO, kind="span"), claim("Three dockers", *THREE, kind="span")),
    (
        Rejection("Four dockers were hurt.", "number", "the number 4 is not in what it cites"),
        Rejection(
            "“I saw it fall,” a witness said.",
            "not verbatim",
            "the words in quotation marks are not in what it cites",
        ),
    ),
    (
        Position(tuple(c.article_id for c in TWO), "differs", "two dockers", TWO),
        Position(("h002_cd34",), "differs", "Three dockers", THREE),
    ),
    note="The reports differ. Each value is in a report's own words, quoted beneath it.",
    trace=TRACE,
)
QUOTE = Answer(
    "What did the harbour master say?",
    "answered",
    tuple(
        claim(words, cite(HARBOUR, words), kind="quote")
        for words in (
            "“Nobody was in the cabin,” harbour master Ines Tallow said. “We had cleared it at nine.”",
            "The quay will stay closed for eleven days, she said.",
        )
    ),
    note="These are quotations: the reports' own sentences, word for word.",
    trace=TRACE,
)
WRITTEN = Answer(
    "What happened at the port?",
    "answered",
    (
        claim(
            "A crane came down in Ostmere's harbour during a storm.",
            cite(HARBOUR, "A crane came down at Quay 4 in Ostmere early on Tuesday."),
            *THREE,
        ),
        claim(
            "The wind blew at 110 kilometres an hour.",
            cite(WIRE, "Winds had reached 110 kilometres an hour."),
        ),
    ),
    note="Written by scripted; every sentence was checked against what it cites.",
    trace=TRACE,
)
DECLINED = Answer(
    "Who owns the crane?",
    "declined",
    evidence=tuple(
        Evidence(f"E{n}", Hit(c.passage, 0.4 / n, n))
        for n, c in enumerate((cite(UNKNOWN, "The crane was built in 1974."), THREE[0]), start=1)
    ),
    note="The reports don't answer this. Looked for: owns, crane. The nearest passages are below; "
    "they are not an answer.",
    trace=TRACE,
)
EMOJI = Answer(
    "Which timetable do the ferries keep?",
    "answered",
    (
        claim(
            "The ferries sail by the Sunday timetable.",
            cite(FERRIES, "the port said \N{ANCHOR}\N{SPARKLES}."),
            cite(FERRIES, "is that of a Sunday."),
        ),
    ),
    trace=TRACE,
)
ANSWERS = {a.question: a for a in (SPAN, QUOTE, WRITTEN, DECLINED, EMOJI)}


class Scripted:
    """Answers by heart, keeps what it was asked, raises on request."""

    def __init__(
        self, answers: Sequence[Answer] = (), seconds: float = 0.0, each: float = 0.0
    ) -> None:
        self.answers = ANSWERS | {a.question: a for a in answers}
        self.seconds, self.each = seconds, each
        self.filters: list[dict[str, object]] = []
        self.indexes: list[Any] = []
        self.asked: list[tuple[str, str]] = []

    def __call__(
        self,
        question: str,
        index: object,
        model: str,
        *,
        progress: Callable[[str], None],
        on_judged: Callable[[Claim | Rejection], None],
        **filters: object,
    ) -> Answer:
        """Give the answer known by heart, or a declined one."""
        self.asked.append((question, model))
        self.filters.append(filters)
        self.indexes.append(index)
        progress("searching 4 reports")
        time.sleep(self.seconds)
        if question == "no key":
            raise ModelKeyMissing("model 'far/one' wants a key: set FAR_API_KEY")
        if question == "crash":
            raise RuntimeError("secret path /srv/hidden/key.txt")
        found = self.answers.get(question)
        for claim in found.claims if found and self.each else ():
            on_judged(claim)
            progress("checking")
            time.sleep(self.each)
        return found or Answer(question, "declined", note="Nothing found.", trace=TRACE)


class Shelf:
    """An index of a few articles, as far as the page's lists read one."""

    def __init__(self, articles: Sequence[Article] = (), copies: Sequence[str] = ()) -> None:
        self.articles = {a.id: a for a in articles}
        self.outlets = [*{a.outlet: 0 for a in articles if a.outlet}]
        self.passages, self.generation, self.folder = (), 1, Path("night-desk")
        self.copies = list(copies)

    def generation_now(self) -> int:
        """Nothing is there any more."""
        raise IndexMissing("night-desk: no index there")

    def copies_of(self, article_id: str) -> tuple[str, ...]:
        """The original first."""
        return tuple(self.copies) if article_id in self.copies else (article_id,)

    def cluster_of(self, article_id: str) -> int:
        """The place of the original."""
        return list(self.articles).index(self.copies_of(article_id)[0])


def page_over(
    answer_fn: AnswerFn,
    questions: Sequence[str] = ("What now?",),
    *,
    uploads: Path | None = None,
    routes: Routes | None = None,
    programs: bool = False,
    **build: Any,
) -> FastAPI:
    """The whole page over the articles of our own invention; `uploads` is a folder for files."""
    queue = (
        routes.queue
        if routes
        else QuestionQueue(answer_fn, Shelf(ARTICLES, copies=[HARBOUR.id, UNKNOWN.id]))
    )
    routes = routes or server.routes_of(queue, "night desk", questions)
    if uploads is not None:
        routes.uploads = Uploads(
            uploads,
            partial(build_index, encoder=TopicEncoder()),
            partial(open_index, encoder=TopicEncoder()),
            partial(routes.offer, suggest=lambda index: ["What did the museum do?"]),
        )
    facts = page.Facts("night desk", 4, 9, "g1")
    routes.models = routes.models or ["scripted", "none"]
    routes.probe = routes.probe or probed
    offered = Api(queue, routes.models) if programs else None
    blocks = build_page(queue, lambda: facts, models=routes.models, api=offered)
    return build_app(blocks, routes, api=offered, **build)


def probed(model: str) -> str:
    """The scripted model answers, no other does."""
    if model != "scripted":
        raise ModelKeyMissing("model 'far/one' needs a key: set FAR_API_KEY")
    return f"{model} answers, in 0.1 s."


@contextmanager
def serving(served: FastAPI) -> Iterator[str]:
    """The address of the page, served on a free port of loopback."""
    listening, running = server.listen(HOST, 0), server.server_of(served)
    thread = Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield server.address_of(listening)
    finally:
        running.should_exit = True
        thread.join(10)
        listening.close()
