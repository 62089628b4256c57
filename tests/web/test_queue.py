"""The queue: the order of questions, the cards that they get, and how they are stopped."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
from concurrent.futures import CancelledError, wait
from dataclasses import replace

import pytest

from index.errors import QuestionError, SettingError
from rag.schema import NEAREST, Answer
from tests.scripted_answers import DECLINED, QUOTE, SPAN, WRITTEN, Scripted, Shelf
from web import queue as queues
from web.queue import QuestionQueue
from web.within import Within


def shown(queue: QuestionQueue, question: str, **within: object) -> list[dict[str, str]]:
    """All cards that a question gets."""

    async def collect() -> list[dict[str, str]]:
        asked = queues.cards(queue, question, "none", json.dumps(within))
        return [card async for card in asked]

    return asyncio.run(collect())


def cards(queue: QuestionQueue, question: str, **within: object) -> list[str]:
    """The HTML of them."""
    return [card["html"] for card in shown(queue, question, **within)]


def ended(queue: QuestionQueue) -> None:
    """Wait until no question waits or is answered."""
    wait([job.future for job in queue.jobs], timeout=10)


class Slow:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), []

    def __call__(self, question: str, index: object, model: str, *, progress, **rest) -> Answer:
        self.asked.append(question)
        begun = time.monotonic()
        while not self.go.wait(0.02):
            progress("drafting")
            assert time.monotonic() - begun < 10
        return SPAN


# --- the queue -------------------------------------------------------------------------------------


def test_a_question_gets_a_card_that_says_what_is_done_and_then_its_answer():
    shown = cards(QuestionQueue(Scripted(seconds=0.4), Shelf()), SPAN.question)
    assert "Searching 4 reports" in shown[-2] and "pending" in shown[-2]
    assert "two dockers" in shown[-1] and "answered" in shown[-1]


def test_all_cards_of_a_question_have_one_name_and_two_questions_have_two():
    queue = QuestionQueue(Scripted(seconds=0.1), Shelf())
    first, second = ({card["turn"] for card in shown(queue, "q")} for _ in range(2))
    assert len(first) == len(second) == 1 and first != second


def test_an_error_of_ours_is_shown_in_its_own_words():
    html = cards(QuestionQueue(Scripted(), Shelf()), "no key")[-1]
    assert "model &#x27;far/one&#x27; wants a key: set FAR_API_KEY<" in html


def test_any_other_error_is_shown_as_a_name_that_the_log_explains(caplog):
    with caplog.at_level(logging.ERROR):
        shown = cards(QuestionQueue(Scripted(), Shelf()), "crash")[-1]
    assert "secret" not in shown and "Traceback" not in shown
    name = re.search(r"under ([0-9a-f]{8})\.", shown)[1]
    (record,) = caplog.records
    assert name in record.message and "secret path" in str(record.exc_info[1])


def test_a_question_too_long_is_never_asked():
    scripted = Scripted()
    (shown,) = cards(QuestionQueue(scripted, Shelf()), "why " * 25_000)
    assert "has 100,000 characters" in shown and not scripted.asked and len(shown) < 2000


def test_questions_are_answered_in_their_order_and_told_how_many_are_before_them():
    slow = Slow()
    queue = QuestionQueue(slow, Shelf())
    jobs = [queue.ask(f"q{n}", "none") for n in range(3)]
    while jobs[0].step != "drafting":
        time.sleep(0.01)
    assert [job.doing for job in jobs] == [
        "Drafting",
        "Waiting; 1 question before this one",
        "Waiting; 2 questions before this one",
    ]
    slow.go.set()
    assert [job.future.result(10) for job in jobs] == [SPAN] * 3
    assert slow.asked == ["q0", "q1", "q2"]


def test_too_many_questions_are_refused_with_a_line():
    slow = Slow()
    queue = QuestionQueue(slow, Shelf())
    jobs = [queue.ask("q", "none") for _ in range(queues.MAX_WAITING)]
    (shown,) = cards(queue, "one more")
    slow.go.set()
    assert "questions are waiting. Please ask again" in shown and len(jobs) == queues.MAX_WAITING


def test_a_question_that_nobody_waits_for_is_never_begun():
    slow = Slow()
    queue = QuestionQueue(slow, Shelf())
    first = queue.ask("first", "none")

    async def leave() -> None:
        waiting = queues.cards(queue, "left", "none")
        await anext(waiting)
        await waiting.aclose()

    asyncio.run(leave())
    slow.go.set()
    first.future.result(10)
    ended(queue)
    assert slow.asked == ["first"] and not queue.jobs


def test_warming_up_is_told_and_its_failure_too(caplog):
    for question, warmth in [
        (SPAN.question, "ready after 0 s"),
        ("no key", "model 'far/one' wants a key: set FAR_API_KEY"),
    ]:
        queue = QuestionQueue(Scripted(seconds=0.2), Shelf())
        queue.warm(question, "none")
        waiting = queue.ask("q", "none")
        assert queue.warmth == "loading the models"
        assert waiting.doing == "Loading the models, once after the start"
        waiting.future.result(10)
        assert queue.warmth == warmth and not queue.warming


def test_warming_up_waits_for_the_page_and_is_done_once():
    scripted = Scripted()
    queue = QuestionQueue(scripted, Shelf())
    queue.seen()
    queue.warm_when_seen(SPAN.question, "none")
    assert queue.warming and not scripted.asked
    queue.seen()
    queue.seen()
    ended(queue)
    assert [question for question, _ in scripted.asked] == [SPAN.question]
    assert queue.warmth == "ready after 0 s" and not queue.warming


# --- watching and stopping ------------------------------------------------------------------------


def test_sentences_are_shown_one_by_one_as_they_pass():
    shown = cards(QuestionQueue(Scripted(each=0.6), Shelf()), WRITTEN.question)
    first, second = (c.text for c in WRITTEN.claims)
    counts = [(first[:20] in html) + (second[:20] in html) for html in shown]
    assert {1, 2} <= set(counts) and counts == sorted(counts)


def test_a_step_that_is_told_again_and_again_makes_no_new_card():
    def reading(question, index, model, *, progress, on_judged, **rest) -> Answer:
        on_judged(replace(QUOTE.claims[0], remark=NEAREST))
        for _ in range(1000):
            progress("reading the reports")
            time.sleep(0.001)
        return SPAN

    shown = cards(QuestionQueue(reading, Shelf()), "q")
    read = [html for html in shown if "Reading the reports" in html]
    assert len(read) == 1 and "not an answer" in read[0] and QUOTE.claims[0].text[:20] in read[0]


def test_what_is_refused_is_never_on_a_pending_card():
    def refusing(question, index, model, *, on_judged, **rest) -> Answer:
        on_judged(SPAN.rejected[0])
        time.sleep(0.6)
        return SPAN

    pending = [html for html in cards(QuestionQueue(refusing, Shelf()), "q") if "pending" in html]
    assert pending and not any("Four dockers" in html for html in pending)


def stopped_after(queue: QuestionQueue, question: str, seconds: float) -> list[str]:
    """The cards of a question that is stopped by its card's name."""

    async def collect() -> list[str]:
        shown = []
        async for card in queues.cards(queue, question, "none"):
            shown.append(card["html"])
            if len(shown) == 1:
                asyncio.get_running_loop().call_later(seconds, queue.stop, card["turn"])
        return shown

    return asyncio.run(collect())


def test_a_stopped_question_lets_the_next_one_begin_at_once():
    slow = Slow()
    queue = QuestionQueue(slow, Shelf())
    shown = stopped_after(queue, "endless", 0.1)
    assert "Stopped." in shown[-1] and "pending" not in shown[-1]
    following, begun = queue.ask("next", "none"), time.monotonic()
    while "next" not in slow.asked:
        assert time.monotonic() - begun < 2
        time.sleep(0.01)
    assert [job.turn for job in queue.jobs] == [following.turn]
    slow.go.set()
    assert following.future.result(10) == SPAN


def test_an_answer_that_does_not_heed_the_stop_holds_the_next_question_up_for_a_second_at_most():
    go, asked = threading.Event(), []

    def deaf(question, index, model, **rest) -> Answer:
        asked.append(question)
        assert question != "deaf" or go.wait(20)
        return SPAN

    queue = QuestionQueue(deaf, Shelf())
    left = [queue.ask("deaf", "none") for _ in range(queues.MAX_LEFT + 1)]
    for job in left:
        while not job.future.running():
            time.sleep(0.01)
        begun = time.monotonic()
        job.stop()
        if job is not left[-1]:
            with pytest.raises(SettingError, match="was stopped"):
                job.future.result(10)
            assert time.monotonic() - begun < 1
    following = queue.ask("next", "none")
    time.sleep(2 * queues.GRACE)
    assert "next" not in asked, "no more than MAX_LEFT are left behind"
    go.set()
    assert following.future.result(10) == SPAN and queue.jobs == []
    assert queue.ask("another", "none").future.result(10) == SPAN


def test_a_model_that_hangs_holds_up_nobody_who_asks_another():
    slow = Slow()

    def asked(question, index, model, **rest) -> Answer:
        return SPAN if model in ("none", "far/two") else slow(question, index, model, **rest)

    queue = QuestionQueue(asked, Shelf())
    hung = [queue.ask("hung", "far/one") for _ in range(queues.ELSEWHERE + 1)]
    hung.append(queue.ask("hung", "embedded"))
    for model in ("none", "far/two"):
        assert queue.ask("next", model).future.result(5) == SPAN
    assert [job.future.running() for job in hung] == [True] * 4 + [False, True]
    assert hung[4].doing.startswith("Waiting; 4 questions")
    slow.go.set()
    assert [job.future.result(10) for job in hung] == [SPAN] * 6


def test_a_question_that_does_not_end_is_left_behind_after_its_time(monkeypatch):
    monkeypatch.setenv("WIRECHECK_SECONDS", "0.1")
    go = threading.Event()

    def deaf(question, index, model, **rest) -> Answer:
        assert question != "deaf" or go.wait(20)
        return SPAN

    queue = QuestionQueue(deaf, Shelf())
    job, following = queue.ask("deaf", "none"), queue.ask("next", "none")
    with pytest.raises(QuestionError, match=r"more than 0\.1 seconds"):
        job.future.result(10)
    assert following.future.result(10) == SPAN
    go.set()


def test_whatever_an_answer_raises_the_next_question_is_answered(caplog):
    class Panic(BaseException):
        pass

    def breaking(question, index, model, **rest) -> Answer:
        if question in raised:
            raise raised[question]
        return SPAN

    raised = {
        type(error).__name__: error
        for error in (
            Panic("/srv/hidden"),
            SystemExit(3),
            KeyboardInterrupt(),
            StopIteration(),
            asyncio.CancelledError(),
            CancelledError(),
            GeneratorExit(),
        )
    }
    queue = QuestionQueue(breaking, Shelf())
    for name in raised:
        shown = cards(queue, name)[-1]
        assert "Not answered" in shown and "server&#x27;s log" in shown and "hidden" not in shown
        assert "two dockers" in cards(queue, "next")[-1]


def test_one_address_may_not_fill_the_queue():
    slow = Slow()
    queue = QuestionQueue(slow, Shelf())
    for _ in range(queues.MAX_OF_ONE):
        queues.accepted(queue, "q", "none", Within(), "10.0.0.1")
    with pytest.raises(SettingError, match="10 questions from your address are waiting"):
        queues.accepted(queue, "q", "none", Within(), "10.0.0.1")
    assert queues.accepted(queue, "q", "none", Within(), "10.0.0.2") in queue.jobs
    queue.close()
    assert queue.jobs == []


def test_a_question_whose_page_does_not_listen_is_stopped(monkeypatch):
    monkeypatch.setattr(queues, "UNHEARD", 0.3)
    queue = QuestionQueue(Slow(), Shelf())

    async def last(page_name: str) -> str:
        asked = queues.cards(queue, "q", "none", page_name=page_name)
        return [card["html"] async for card in asked][-1]

    async def both() -> None:
        queue.streams["listening"] = 1
        heard = asyncio.create_task(last("listening"))
        assert "Stopped." in await last("gone")
        assert not heard.done()
        queue.streams["listening"] = 0
        assert "Stopped." in await heard

    asyncio.run(both())


def test_a_question_stopped_while_it_waits_is_never_begun():
    slow = Slow()
    queue = QuestionQueue(slow, Shelf())
    first = queue.ask("first", "none")
    shown = stopped_after(queue, "second", 0.1)
    assert "Waiting; 1 question" in shown[0] and "Stopped." in shown[-1]
    slow.go.set()
    first.future.result(10)
    ended(queue)
    assert slow.asked == ["first"]


def test_a_stopped_question_keeps_the_sentences_that_had_passed():
    shown = stopped_after(QuestionQueue(Scripted(each=4.0), Shelf()), WRITTEN.question, 0.5)
    assert WRITTEN.claims[1].text[:20] not in shown[-1]
    assert "had been checked" in shown[-1] and "crane came down" in shown[-1]


def test_only_who_knows_the_card_can_stop_its_question():
    slow = Slow()
    queue = QuestionQueue(slow, Shelf())
    job = queue.ask("q", "none")
    assert not queue.stop("t0") and not job.stopped
    assert queue.stop(job.turn) and job.stopped


# --- asking within --------------------------------------------------------------------------------


def test_filters_reach_the_answer_and_are_told_on_the_card():
    scripted = Scripted()
    days = {"since": "2025-03-04", "as_of": "2025-04-01"}
    html = cards(QuestionQueue(scripted, Shelf()), "q", outlets=["Sahil News"], **days)[-1]
    asked = {"outlets": ("Sahil News",), "since": "2025-03-04", "until": None, "history": ()}
    asked["as_of"] = "2025-04-01"
    assert scripted.filters == [asked]
    assert "asked within outlets Sahil News; since 4 March 2025; as of 1 April 2025" in html


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[]",
        '{"outlets": "all"}',
        '{"outlets": [1]}',
        '{"since": 3}',
        '{"corpus": {"a": 1}}',
        json.dumps({"outlets": ["x"] * 501}),
        "[" * 40_000,
    ],
)
def test_filters_that_the_page_would_not_send_are_refused(text):
    with pytest.raises(SettingError, match="reload the page"):
        Within.parsed(text)


def test_a_corpus_that_is_not_there_is_told_in_a_line():
    (html,) = cards(QuestionQueue(Scripted(), Shelf()), DECLINED.question, corpus="own")
    assert "no articles of your own yet" in html


def asked_after(queue: QuestionQueue, question: str, after: str) -> str:
    """The name of the card of a question that follows the card of that name."""
    return shown(queue, question, after=after)[-1]["turn"]


def test_a_question_goes_on_with_the_conversation_whose_last_card_it_names():
    scripted = Scripted()
    queue = QuestionQueue(scripted, Shelf())
    first = asked_after(queue, SPAN.question, "")
    second = asked_after(queue, WRITTEN.question, first)
    asked_after(queue, "why?", second)
    asked_after(queue, "why?", "t0123")
    told = [[a.question for a in f["history"]] for f in scripted.filters]
    assert told == [[], [SPAN.question], [SPAN.question, WRITTEN.question], []]


def test_only_the_last_turns_of_the_last_conversations_are_kept(monkeypatch):
    monkeypatch.setattr(queues, "MAX_KEPT", 2)
    monkeypatch.setattr(queues, "MAX_TURNS", 1)
    scripted = Scripted()
    queue = QuestionQueue(scripted, Shelf())
    after = first = asked_after(queue, SPAN.question, "")
    for _ in range(3):
        after = asked_after(queue, WRITTEN.question, after)
    assert len(queue.talks) == 2 and first not in queue.talks
    assert [len(f["history"]) for f in scripted.filters] == [0, 1, 1, 1]
