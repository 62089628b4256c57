"""Questions in the order they come: answered in threads, watched and stoppable.

accepted -> QuestionQueue.ask -> Job (waits, is answered, or is stopped)
cards: what a page shows of one question, each card in place of the one before
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Lock, Thread, Timer
from typing import TYPE_CHECKING, Any, Protocol

from index.errors import SettingError, WirecheckError
from rag.deadline import question_seconds, too_late
from rag.models import EMBEDDED, NONE
from rag.question import MAX_CHARACTERS
from rag.schema import Claim, Rejection
from web import page
from web.contained import contained, line_of
from web.ledger import CopiesOf
from web.within import ALL, Within

if TYPE_CHECKING:
    from rag.schema import Answer

#: Questions that may wait at the same time; whoever asks the next one is told to try again. Gradio
#: runs 40 events at once: with more than that, nobody would be there to tell them. Of these, one
#: address may have so many.
MAX_WAITING, MAX_OF_ONE = 30, 10
#: Answers that are kept for follow-ups, of all pages together, and of one conversation.
MAX_KEPT, MAX_TURNS = 300, 4
#: How often a waiting page is told what is being done, in seconds.
POLL = 0.25
#: Seconds for which a question goes on whose page doesn't listen for its cards.
UNHEARD = 10.0
#: Seconds that a stopped answer has to end by itself. Then the next question begins beside it, but
#: no more than so many answers are left behind in this way.
GRACE, MAX_LEFT = 0.3, 4
#: Questions to one model elsewhere that are answered at once: they mostly wait for it.
ELSEWHERE = 4


class AnswerFn(Protocol):
    """What the page asks: `rag.answer`, or a scripted one in tests."""

    def __call__(
        self,
        question: str,
        index: Any,
        model: str,
        *,
        outlets: Sequence[str] | None,
        since: str | None,
        until: str | None,
        as_of: str | None,
        history: Sequence[Answer],
        progress: Callable[[str], None],
        on_judged: Callable[[Claim | Rejection], None],
    ) -> Answer:
        """The answer; what `progress` and `on_judged` raise ends it."""


@dataclass(frozen=True)
class Talk:
    """A conversation up to one card: its last answers, and what the last was asked within."""

    answers: tuple[Answer, ...] = ()
    within: Within = ALL


class _Stopped(Exception):
    """Raised inside an answer that nobody waits for, so that it ends."""


@dataclass(eq=False)
class Job:
    """One question in the queue; `turn` names its card and is known to its page alone."""

    queue: QuestionQueue
    within: Within
    client: str
    answer: Callable[[Job], Answer]
    model: str = ""
    turn: str = field(default_factory=lambda: f"t{secrets.token_hex(12)}")
    step: str = "starting"
    claims: list[Claim] = field(default_factory=list)
    stopped: bool = False
    ended: bool = False
    future: Future[Answer] = field(default_factory=Future)

    def told(self, step: str) -> None:
        """Note the step; raises _Stopped if the question was stopped."""
        self._go_on()
        self.step = step

    def judged(self, sentence: Claim | Rejection) -> None:
        """Keep a sentence if it passed its checks; raises _Stopped if the question was stopped."""
        self._go_on()
        if isinstance(sentence, Claim):
            self.claims.append(sentence)

    def _go_on(self) -> None:
        if self.stopped:
            raise _Stopped

    def stop(self) -> None:
        """Never begin it; or end it at its next step and free its worker after GRACE."""
        self.stopped = True
        if not (self.future.cancel() or self.future.done()):
            timer = Timer(GRACE, self.queue.leave, (self,))
            timer.daemon = True
            timer.start()

    @property
    def doing(self) -> str:
        """What is being done about it, in words."""
        jobs = self.queue.jobs[:]
        waits = self in jobs and not self.future.running()
        if waits and self.queue.warming:
            return "Loading the models, once after the start"
        before = jobs[: jobs.index(self)] if waits else []
        n = sum(job.model == self.model for job in before)
        if n == 0:  # Begun, or about to be.
            return self.step[:1].upper() + self.step[1:]
        return f"Waiting; {n} question{'' if n == 1 else 's'} before this one"


class QuestionQueue:
    """Answers questions in the order they come, in threads of its own.

    At a time it answers one of those to the model here, `ELSEWHERE` of those to one elsewhere, and
    `at_once` of those to none; so a model that hangs holds up nobody who asks another one, or none.
    """

    def __init__(self, answer_fn: AnswerFn, index: Any, at_once: int = 1) -> None:
        self.answer_fn, self.at_once = answer_fn, at_once
        self.seconds = question_seconds()
        #: What may be asked, by name; "" is what the server was started with.
        self.indexes: dict[str, Any] = {"": index}
        self.jobs: list[Job] = []
        #: How many streams of cards each page listens to, by the name that Gradio gives the page.
        self.streams: Counter[str] = Counter()
        #: Conversations by the card that ends them; only who knows its name can go on with one.
        self.talks: OrderedDict[str, Talk] = OrderedDict()
        self.warming, self.warmth = False, "ready"
        self._unwarmed: list[Callable[[], None]] = []
        self._lock, self._left = Lock(), 0
        self._busy: Counter[str] = Counter()

    def ask(self, question: str, model: str, within: Within = ALL, client: str = "") -> Job:
        """Queue a question of a client. Raises SettingError if there is no such corpus."""
        if within.corpus not in self.indexes:
            raise SettingError("there are no articles of your own yet: add some in the library")
        index, history = self.indexes[within.corpus], self._answers_before(within)

        def answer(job: Job) -> Answer:
            return self.answer_fn(
                question,
                index,
                model,
                outlets=within.outlets,
                since=within.since,
                until=within.until,
                as_of=within.as_of,
                history=history,
                progress=job.told,
                on_judged=job.judged,
            )

        job = Job(self, within, client, answer, model)
        job.future.add_done_callback(partial(self._done, job))
        self.jobs.append(job)
        self._begin()
        return job

    def _begin(self) -> None:
        """Begin what waits, while a worker of its model is free."""
        with self._lock:
            for job in self.jobs[:]:
                begun = job.ended or job.future.running() or job.future.done()
                most = {EMBEDDED: 1, NONE: self.at_once}.get(job.model, ELSEWHERE)
                free = self._busy[job.model] < most
                if free and not begun and job.future.set_running_or_notify_cancel():
                    self._busy[job.model] += 1
                    Thread(target=self._work, args=(job,), daemon=True, name="queue").start()

    def _work(self, job: Job) -> None:
        # The answer ends by itself at its next step; this is for a step that doesn't end.
        limit = Timer(self.seconds + 1, self.leave, (job, too_late(self.seconds)))
        limit.daemon = True
        limit.start()
        try:
            answer = contained(job.answer)(job)
        except _Stopped:
            self._end(job, partial(job.future.set_exception, _stopped()))
        except Exception as error:
            self._end(job, partial(job.future.set_exception, error))
        else:
            self._end(job, partial(job.future.set_result, answer))
        finally:
            limit.cancel()

    def _end(self, job: Job, tell: Callable[[], None], left: int = 0) -> None:
        """Free a question's worker and tell what came of it, unless that was done already."""
        with self._lock:
            late, job.ended = job.ended, True
            self._left += -1 if late else left
            self._busy[job.model] -= not late
        if not late:
            tell()
            self._begin()

    def leave(self, job: Job, why: WirecheckError | None = None) -> None:
        """Leave an answer that hasn't ended behind, and begin the next question."""
        if not job.ended and self._left < MAX_LEFT:
            self._end(job, partial(job.future.set_exception, why or _stopped()), left=1)

    def _done(self, job: Job, future: Future[Answer]) -> None:
        self.jobs.remove(job)
        if not future.cancelled() and future.exception() is None:
            answers = (*self._answers_before(job.within), future.result())
            self.talks[job.turn] = Talk(answers[-MAX_TURNS:], job.within)
            while len(self.talks) > MAX_KEPT:
                self.talks.popitem(last=False)

    def _answers_before(self, within: Within) -> tuple[Answer, ...]:
        return self.talks.get(within.after, Talk()).answers

    def close(self) -> None:
        """Stop all questions."""
        jobs = self.jobs[:]
        for job in jobs:
            job.stop()
        wait([job.future for job in jobs], timeout=2 * GRACE)

    def stop(self, turn: str) -> bool:
        """Stop the question whose card has this name; whether there was one."""
        jobs = [job for job in self.jobs[:] if job.turn == turn]
        for job in jobs:
            job.stop()
        return bool(jobs)

    def warm_when_seen(self, question: str, model: str) -> None:
        """Load the models when somebody first opens the page."""
        self._unwarmed.append(partial(self.warm, question, model))
        self.warming, self.warmth = True, "loading the models"

    def seen(self) -> None:
        """Somebody opened the page: load the models, if that waited for it."""
        with suppress(IndexError):
            self._unwarmed.pop()()

    def warm(self, question: str, model: str) -> None:
        """Load the models by asking a question before anybody else does."""
        self.warming, self.warmth = True, "loading the models"
        self.ask(question, model).future.add_done_callback(partial(self._warmed, time.monotonic()))

    def _warmed(self, begun: float, future: Future[Answer]) -> None:
        problem = "" if future.cancelled() else line_of(future.exception())
        self.warmth = problem or f"ready after {time.monotonic() - begun:.0f} s"
        self.warming = False


def _stopped() -> SettingError:
    return SettingError("the question was stopped")


async def cards(
    queue: QuestionQueue,
    question: str,
    model: str,
    within: str = "",
    client: str = "",
    page_name: str = "",
) -> AsyncIterator[dict[str, str]]:
    """The cards that a question gets, one after the other, each in place of the one before.

    `within` is the JSON of a `Within`, `client` the address that asks. `page_name` is the page's
    in `QuestionQueue.streams`: its question is stopped if it doesn't listen.
    """
    try:
        job = accepted(queue, question, model, Within.parsed(within), client)
    except SettingError as error:
        turn = f"t{secrets.token_hex(12)}"
        yield {"turn": turn, "html": page.error_card(turn, question, str(error))}
        return
    shown: tuple[str, int] = ("", 0)
    answered, heard = asyncio.wrap_future(job.future), time.monotonic()
    # What has begun says at once what it does.
    await asyncio.wait({answered}, timeout=POLL / 10)
    try:
        while not (answered.done() or job.stopped) and time.monotonic() - heard < UNHEARD:
            if not page_name or queue.streams[page_name]:
                heard = time.monotonic()
            if (job.doing, len(job.claims)) != shown:
                shown = job.doing, len(job.claims)
                html = page.pending_card(job.turn, question, shown[0], job.claims[: shown[1]])
                yield {"turn": job.turn, "html": html}
            await asyncio.wait({answered}, timeout=POLL)
    finally:
        if not answered.done():
            job.stop()  # Its page is gone, or wants no more: nobody will read it.
            answered.cancel()
        elif not answered.cancelled():
            answered.exception()  # Or asyncio reports it as never looked at.
    yield {"turn": job.turn, "html": _last_card(job, question)}


def accepted(queue: QuestionQueue, question: str, model: str, within: Within, client: str) -> Job:
    """A client's question in the queue; raises SettingError if it can't be taken."""
    if len(question) > MAX_CHARACTERS:
        raise SettingError(
            f"The question has {len(question):,} characters; "
            f"at most {MAX_CHARACTERS:,} are allowed."
        )
    if len(queue.jobs) >= MAX_WAITING:
        raise SettingError(
            f"{len(queue.jobs)} questions are waiting. Please ask again in a minute."
        )
    if client and sum(job.client == client for job in queue.jobs) >= MAX_OF_ONE:
        raise SettingError(f"{MAX_OF_ONE} questions from your address are waiting already.")
    return queue.ask(question, model, within, client)


def _last_card(job: Job, question: str) -> str:
    if job.stopped:
        return page.stopped_card(job.turn, question, job.claims)
    problem = line_of(job.future.exception())
    if problem:
        return page.error_card(job.turn, question, problem)
    index = job.queue.indexes[job.within.corpus]
    return page.answer_card(job.turn, job.future.result(), job.within.told, _copies_in(index))


def _copies_in(index: Any) -> CopiesOf:
    """Which files are one report; a file that was replaced meanwhile is one by itself."""

    def copies_of(article_id: str) -> Sequence[str]:
        known = article_id in index.articles
        return index.copies_of(article_id) if known else (article_id,)

    return copies_of
