"""The journal: nothing is scored twice, whatever ends a run, and nothing foreign is taken over."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from eval.journal import FILE_NAME, opened
from eval.run import Kept, System, run
from index.errors import SettingError
from rag.schema import Answer
from tests.eval.test_run import MATERIAL, questions, right


def count(folder: Path) -> int:
    database = sqlite3.connect(folder / FILE_NAME)
    (found,) = database.execute("SELECT count(*) FROM records").fetchone()
    database.close()
    return int(found)


def test_records_are_there_again_when_it_is_opened_again(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.add("a", {"n": 1, "words": "“déjà”\u2028"})
        journal.add("b", {"n": 2})
        assert journal.get("b") == {"n": 2} and journal.get("c") is None
        journal.add("b", {"n": 3})
    with opened(tmp_path) as journal:
        assert journal.get("a") == {"n": 1, "words": "“déjà”\u2028"}
        assert journal.get("b") == {"n": 3}
    with opened(tmp_path, fresh=True) as journal:
        assert journal.get("a") is None
    assert count(tmp_path) == 0


def test_two_runs_at_one_folder_are_refused(tmp_path: Path) -> None:
    again = f"from eval.journal import opened; from pathlib import Path; opened(Path({str(tmp_path)!r})).__enter__()"
    for _ in range(2):  # The second time there is a file already.
        with opened(tmp_path):
            with pytest.raises(SettingError, match="another run is writing to"), opened(tmp_path):
                pass
            done = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True)
            assert "another run is writing to" in done.stderr


@pytest.mark.parametrize("changed", ["settings", "question", "gold"])
def test_another_setting_question_or_gold_is_asked_again(tmp_path: Path, changed: str) -> None:
    asked: list[str] = []

    def ask(question: str) -> Answer:
        asked.append(question)
        return right(question)

    first, *others = questions()
    with opened(tmp_path) as journal:
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
        with opened(tmp_path) as journal:
            kept = Kept(journal, {})
            run(questions(), System(ask), MATERIAL, kept=kept)
            outcomes.append(kept.record(questions()[1])["score"]["outcome"])
    assert outcomes == ["failed", "failed", "declined", "declined"]


KILLED = """
import sys, time
sys.path[:0] = {path!r}
from dataclasses import replace
from pathlib import Path
from eval.journal import opened
from eval.run import Kept, System, run
from tests.eval.test_run import MATERIAL, questions, right

def ask(question):
    with open({log!r}, "a") as log:
        log.write(question + "\\n")
    time.sleep(0.001)
    return right(question)

many = [replace(q, id=f"{{n}}-{{q.id}}", question=f"{{q.question}} {{n}}") for n in range(60) for q in questions()]
with opened(Path({folder!r})) as journal:
    print("began", flush=True)
    scores = run(many, System(ask), MATERIAL, kept=Kept(journal, {{}}), jobs={jobs})
    print(sum(row.right_outcome for row in scores), len(scores), flush=True)
"""


def test_a_run_that_is_killed_again_and_again_scores_nothing_twice(tmp_path: Path) -> None:
    jobs = 3
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
    assert count(tmp_path) == 180, "a question was not kept"
    asked = log.read_text().splitlines()
    assert len(set(asked)) == 180
    # Those under way at a kill, and no others, were asked again.
    assert len(asked) <= 180 + kills * jobs
