"""The journal: nothing is scored twice, whatever ends a run, and nothing foreign is taken over."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eval.journal import Journal
from eval.metrics import Material
from eval.run import Kept, System, run
from index.errors import SettingError
from rag.schema import Answer
from tests.eval.test_run import CORPUS, MATERIAL, questions, right


def keys(folder: Path) -> list[str]:
    lines = (folder / "journal.jsonl").read_bytes().splitlines()
    return [json.loads(line)["key"] for line in lines]


def test_records_are_there_again_when_it_is_opened_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add("a", {"n": 1, "words": "“déjà”\u2028"})
        journal.add("b", {"n": 2})
        assert "a" in journal and "c" not in journal
        assert journal.get("b") == {"n": 2}
    with Journal(tmp_path) as journal:
        assert journal.get("a") == {"n": 1, "words": "“déjà”\u2028"}
        journal.add("c", {"n": 3})
        assert [journal.get(key)["n"] for key in "abc"] == [1, 2, 3]
    with Journal(tmp_path, fresh=True) as journal:
        assert "a" not in journal
    assert (tmp_path / "journal.jsonl").read_bytes() == b""


def test_a_last_line_torn_anywhere_is_dropped_and_the_rest_kept(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add("a", {"n": 1})
        journal.add("b", {"words": "déjà"})
    whole = (tmp_path / "journal.jsonl").read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        (tmp_path / "journal.jsonl").write_bytes(whole[:cut])
        with Journal(tmp_path) as journal:
            assert "a" in journal and "b" not in journal
            journal.add("c", {"n": 3})
        assert keys(tmp_path) == ["a", "c"]


def test_a_spoilt_line_within_costs_only_itself(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for key in "abc":
            journal.add(key, {"of": key})
    lines = (tmp_path / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for spoilt in (b"\0" * 20 + b"\n", b"[]\n", b'{"key": "b"}\n', b'{"key": "b", "record": 3}\n'):
        (tmp_path / "journal.jsonl").write_bytes(lines[0] + spoilt + lines[2])
        with Journal(tmp_path) as journal:
            assert ["a" in journal, "b" in journal, "c" in journal] == [True, False, True]
            assert journal.get("c") == {"of": "c"}


def test_two_runs_at_one_folder_are_refused(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(SettingError, match="another run is writing to"):
        Journal(tmp_path)
    with Journal(tmp_path):
        pass


def test_a_journal_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match=r"can't keep the journal .*: No such file"):
        Journal(tmp_path / "absent")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with Journal(tmp_path) as journal:
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(SettingError, match="No space left on device; give --report"):
            journal.add("a", {})
        assert "a" not in journal


# --- runs that go on --------------------------------------------------------------------------


def test_only_what_is_new_is_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(question: str) -> Answer:
        asked.append(question)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return right(question)

    with Journal(tmp_path) as journal, pytest.raises(KeyboardInterrupt):
        run(questions(), System(ask), MATERIAL, kept=Kept(journal, {}))
    with Journal(tmp_path) as journal:
        scores = run(questions(), System(ask), MATERIAL, kept=Kept(journal, {}))
    texts = [q.question for q in questions()]
    assert asked == [texts[0], texts[1], texts[1], texts[2]]
    assert [row.to_dict() for row in scores] == [
        {**row.to_dict(), "seconds": s.seconds, "memory_mb": s.memory_mb}
        for row, s in zip(run(questions(), System(right), MATERIAL), scores, strict=True)
    ]


@pytest.mark.parametrize("changed", ["settings", "question", "gold"])
def test_another_setting_question_or_gold_is_asked_again(tmp_path: Path, changed: str) -> None:
    asked: list[str] = []

    def ask(question: str) -> Answer:
        asked.append(question)
        return right(question)

    first, *others = questions()
    with Journal(tmp_path) as journal:
        run([first, *others], System(ask), MATERIAL, kept=Kept(journal, {"model": "a"}))
        asked.clear()
        if changed == "question":
            first = replace(first, question=first.question + " Really, how long?")
        if changed == "gold":
            first = replace(first, forbid=("41 days",))
        settings = {"model": "b" if changed == "settings" else "a"}
        run([first, *others], System(ask), MATERIAL, kept=Kept(journal, settings))
    assert len(asked) == (3 if changed == "settings" else 1)


def test_what_failed_is_asked_again_and_the_last_result_counts(tmp_path: Path) -> None:
    def down(question: str) -> Answer:
        if "built" in question:
            raise OSError("the network is down")
        return right(question)

    outcomes = []
    for ask in (down, down, right, down):
        with Journal(tmp_path) as journal:
            kept = Kept(journal, {})
            run(questions(), System(ask), MATERIAL, kept=kept)
            outcomes.append(kept.record(questions()[1])["score"]["outcome"])
    assert outcomes == ["failed", "failed", "declined", "declined"]
    assert len(keys(tmp_path)) == 3 + 1 + 1, "the two that were right are asked once"


KILLED = """
import sys, time
sys.path[:0] = {path!r}
from dataclasses import replace
from pathlib import Path
from eval.journal import Journal
from eval.run import Kept, System, run
from tests.eval.test_run import MATERIAL, questions, right

def ask(question):
    with open({log!r}, "a") as log:
        log.write(question + "\\n")
    time.sleep(0.001)
    return right(question)

many = [replace(q, id=f"{{n}}-{{q.id}}", question=f"{{q.question}} {{n}}") for n in range(60) for q in questions()]
with Journal(Path({folder!r})) as journal:
    print("began", flush=True)
    scores = run(many, System(ask), MATERIAL, kept=Kept(journal, {{}}), jobs={jobs})
    print(sum(row.right_outcome for row in scores), len(scores), flush=True)
"""


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_run_that_is_killed_again_and_again_scores_nothing_twice(
    tmp_path: Path, jobs: int
) -> None:
    log = tmp_path / "asked.txt"
    program = KILLED.format(
        path=[str(Path(__file__).parents[2])], log=str(log), folder=str(tmp_path), jobs=jobs
    )
    rng, kills, ended = random.Random(jobs), 0, ""
    while not ended:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "began\n"
        time.sleep(rng.uniform(0.0, 0.25))
        if kills < 4:
            child.send_signal(signal.SIGKILL)
        ended = child.communicate(timeout=60)[0]
        kills += child.returncode == -signal.SIGKILL
    assert kills >= 1, "the run was over before it could be killed"
    assert ended == "180 180\n"
    found = keys(tmp_path)
    assert len(found) == len(set(found)) == 180, "a question was scored twice, or not at all"
    asked = log.read_text().splitlines()
    assert len(set(asked)) == 180
    # Those under way at a kill, and no others, were asked again.
    assert len(asked) <= 180 + kills * jobs


def test_a_run_of_500_questions_holds_no_answers_in_memory(tmp_path: Path) -> None:
    def ask(question: str) -> Answer:
        return replace(right(question), note=question * 2000)

    def sizes() -> Iterator[int]:
        many = [
            replace(q, id=f"{n}-{q.id}", question=f"{q.question} {n}")
            for n in range(167)
            for q in questions()
        ]
        found: list[int] = []

        def progress(done: int, *_: object) -> None:
            if done % 100 == 0:
                found.append(tracemalloc.get_traced_memory()[0])

        with Journal(tmp_path) as journal:
            kept = Kept(journal, {})
            run(many, System(ask), Material(CORPUS.articles), progress, kept=kept)
            assert len(kept.record(many[-1])["answer"]["note"]) > 40_000
        yield from found

    tracemalloc.start()
    try:
        first, *_, last = sizes()
    finally:
        tracemalloc.stop()
    # 400 answers of over 40 kB each would be 16 MB; scores and places are a few kB a question.
    assert last - first < 3_000_000
