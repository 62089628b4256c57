"""Questions answered in processes apart: their words arrive, and no asker is lost with a process.

The workers are real processes whose answers are known (`tests.answering_worker`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from index.errors import ModelKeyMissing, QuestionError, SettingError
from tests import answering_worker
from tests.scripted_answers import SPAN
from web import queue as queues
from web.queue import QuestionQueue
from web.within import Within
from web.workers import ROOT, Workers

SHELF = answering_worker.Opened("night-desk")


def command(log: Path) -> list[str]:
    return [sys.executable, "-m", "tests.answering_worker", str(log)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[tuple[Workers, Path]]:
    """Two workers, and what they note."""
    log = tmp_path_factory.mktemp("workers") / "log"
    with Workers(2, SHELF, "warm", command(log)) as two:
        until(lambda: len(two.pids) == 2)
        assert len(noted(log, "warm")) == 2
        yield two, log


@pytest.fixture
def workers(pair) -> Workers:
    until(lambda: len(pair[0].pids) == 2)
    return pair[0]


@pytest.fixture
def log(pair) -> Path:
    """The notes, of this test alone."""
    pair[1].write_text("", "utf-8")
    Path(f"{pair[1]}.go").unlink(missing_ok=True)
    return pair[1]


def until(holds: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_deep_folder_for_temporary_files_is_passed_over(tmp_path, monkeypatch):
    deep = tmp_path / "d" / ("e" * 80)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with Workers(0, SHELF, "warm") as none:
        assert not none.folder.is_relative_to(deep) and none.folder.stat().st_mode & 0o77 == 0
    assert not none.folder.exists()
    monkeypatch.setattr("tempfile.tempdir", "/var/tmp")
    with Workers(0, SHELF, "warm") as none:
        assert none.folder.parent == Path("/var/tmp")


def noted(log: Path, word: str) -> list[int]:
    """The processes that noted this word, in their order."""
    lines = log.read_text("utf-8").splitlines()
    return [int(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{word} ")]


def asked(workers: Workers, question: str):
    """What an asker gets: the answer, the steps and the sentences told on the way."""
    steps: list[str] = []
    judged: list[str] = []
    answer = workers.answer(
        question,
        SHELF,
        "none",
        outlets=("Sahil News",),
        since=None,
        until=None,
        as_of=None,
        history=(SPAN,),
        progress=steps.append,
        on_judged=lambda one: judged.append(one.text),
    )
    return answer, steps, judged


def test_an_answer_its_steps_and_sentences_come_from_another_process(workers):
    answer, steps, judged = asked(workers, "what fell?")
    pid, *told = answer.note.split(" ", 1)
    assert int(pid) in workers.pids and told == ["night-desk none ('Sahil News',) 1"]
    assert steps == ["searching"]
    assert judged == ["A crane fell in Ostmere.", "Two dockers were hurt."]
    assert answer.claims == (answering_worker.claim("Two dockers were hurt."),)


def test_errors_of_ours_come_as_they_are_and_others_for_the_log(workers):
    with pytest.raises(ModelKeyMissing, match="wants a key: set FAR_API_KEY"):
        asked(workers, "no key")
    with pytest.raises(RuntimeError, match=r"(?s)in another process: Traceback.*secret path"):
        asked(workers, "crash")


def test_one_queue_has_both_work_at_once_and_its_limits_hold_for_both_together(
    workers, log, monkeypatch
):
    monkeypatch.setattr(queues, "MAX_WAITING", 4)
    monkeypatch.setattr(queues, "MAX_OF_ONE", 3)
    queue = QuestionQueue(workers.answer, SHELF, at_once=2)
    ask = lambda client: queues.accepted(queue, "slow", "none", Within(), client)  # noqa: E731
    jobs = [ask("10.0.0.1") for _ in range(3)]
    until(lambda: len(noted(log, "slow")) == 2)
    with pytest.raises(SettingError, match="3 questions from your address are waiting already"):
        ask("10.0.0.1")
    jobs.append(ask("10.0.0.2"))
    with pytest.raises(SettingError, match=r"4 questions are waiting\. Please ask again"):
        ask("10.0.0.3")
    assert jobs[2].doing == "Waiting; 2 questions before this one"
    time.sleep(0.2)
    assert sorted(noted(log, "slow")) == sorted(workers.pids)
    Path(f"{log}.go").touch()
    assert all(job.future.result(10).outcome == "answered" for job in jobs)
    assert len(noted(log, "slow")) == 4 and not queue.jobs


def test_a_question_whose_worker_is_killed_is_asked_of_another_and_both_work_again(workers, log):
    queue = QuestionQueue(workers.answer, SHELF, at_once=2)
    jobs = [queue.ask("slow", "none") for _ in range(2)]
    until(lambda: len(noted(log, "slow")) == 2)
    killed, other = noted(log, "slow")
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(noted(log, "slow")) == 3)
    until(lambda: len(workers.pids) == 2)
    assert killed not in workers.pids and other in workers.pids
    Path(f"{log}.go").touch()
    for job in jobs:
        assert job.future.result(10).outcome == "answered"
        told = [claim.text for claim in job.claims]
        assert told == ["A crane fell in Ostmere.", "Two dockers were hurt."]
    later = [queue.ask("after", "none").future.result(10) for _ in range(4)]
    assert all(answer.outcome == "answered" for answer in later)


def test_whoever_asks_is_told_that_it_is_asked_anew(workers, log):
    answer, steps, judged = asked(workers, "die once")
    assert steps == [
        "searching",
        "asking anew: the process that was at it ended",
        "searching",
    ]
    assert answer.outcome == "answered" and len(judged) == 2
    first, second = noted(log, "die once")
    assert first != second


def test_a_question_that_kills_its_worker_again_gets_a_line_and_kills_no_third(workers, log):
    with pytest.raises(QuestionError, match="ended, twice: ask again") as caught:
        asked(workers, "die")
    assert "\n" not in str(caught.value) and len(noted(log, "die")) == 2
    assert asked(workers, "next")[0].outcome == "answered"


def test_a_stopped_question_ends_in_its_worker_too(workers, log):
    queue = QuestionQueue(workers.answer, SHELF, at_once=2)
    job = queue.ask("slow", "none")
    until(lambda: len(noted(log, "slow")) == 1)
    assert queue.stop(job.turn)
    until(lambda: noted(log, "stopped") == noted(log, "slow"))
    assert asked(workers, "next")[0].outcome == "answered"


def test_a_worker_that_hangs_is_ended_and_its_asker_is_told(workers, log, monkeypatch):
    monkeypatch.setattr("web.workers.SILENT", 0.5)
    monkeypatch.setattr(workers, "seconds", 0.5)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(asked, workers, "slow")
        until(lambda: len(noted(log, "slow")) == 1)
        (pid,) = noted(log, "slow")
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(QuestionError, match=r"took more than 0\.5 seconds and was ended"):
            hanging.result(20)
    monkeypatch.setattr(workers, "seconds", 60)
    until(lambda: len(workers.pids) == 2)
    assert pid not in workers.pids and asked(workers, "next")[0].outcome == "answered"


def test_without_a_worker_that_can_be_asked_there_is_a_line(monkeypatch):
    monkeypatch.setattr("web.workers.PATIENCE", 0.5)
    with (
        Workers(1, SHELF, "warm", [sys.executable, "-c", "raise SystemExit(3)"]) as none,
        pytest.raises(QuestionError, match="no process is there that answers"),
    ):
        asked(none, "what fell?")


def test_workers_end_with_the_process_that_started_them_however_it_ends(tmp_path):
    code = (
        "import time; from tests.web.test_workers import *; from pathlib import Path\n"
        f"w = Workers(2, SHELF, 'warm', command(Path({str(tmp_path / 'log')!r})))\n"
        "until(lambda: len(w.pids) == 2); print(*w.pids, flush=True); time.sleep(60)"
    )
    page = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        pids = [int(word) for word in page.stdout.readline().split()]
        assert len(pids) == 2 and all(Path(f"/proc/{pid}").exists() for pid in pids)
    finally:
        page.kill()
        page.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_many_questions_at_once_each_get_their_own_answer(workers):
    with ThreadPoolExecutor(8) as pool:
        questions = [f"question {n}" for n in range(40)]
        answers = [*pool.map(lambda q: asked(workers, q)[0], questions)]
    assert [a.question for a in answers] == questions
    assert {int(a.note.split()[0]) for a in answers} == {*workers.pids}
