"""Ask gold questions and score the answers, each kept on the disk as soon as it is there."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from eval.gold import GoldQuestion, stories_of
from eval.journal import Journal
from eval.metrics import Material, score, score_failure, values_of
from eval.retrieval import Rank
from eval.scores import QuestionScore
from eval.systems import told_of
from index.errors import (
    IndexProblem,
    ModelKeyMissing,
    ModelUnknown,
    SettingError,
)
from rag.schema import Answer

SAMPLE = Path(__file__).parent / "sample"
SAMPLE_ARTICLES = SAMPLE / "articles"
SAMPLE_QUESTIONS = SAMPLE / "questions.jsonl"

#: What is wrong with the settings rather than with one question: no use in asking the next one.
_UNUSABLE = (ModelUnknown, ModelKeyMissing, IndexProblem, SettingError)


@dataclass(frozen=True)
class System:
    """What is measured: how it answers and, where it tells, the passages it finds, best first."""

    answer: Callable[[str], Answer]
    rank: Rank | None = None


@dataclass(frozen=True)
class Result:
    """One question, its score, and the answer; None where none came, with `score.error` why."""

    gold: GoldQuestion
    answer: Answer | None
    score: QuestionScore

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the articles' texts, which their hashes stand for."""
        answer = None if self.answer is None else self.answer.to_dict()
        for article in answer["articles"].values() if answer else ():
            del article["text"]
        return {
            "gold": asdict(self.gold),
            "answer": answer,
            "score": self.score.to_dict(),
            "values": values_of(self.score),
        }


class Kept:
    """Results kept in a journal under a hash of the question and of all that answers it."""

    def __init__(self, journal: Journal, settings: Mapping[str, Any]) -> None:
        """`settings` is JSON-ready and holds whatever makes an answer or a score another one."""
        self._journal = journal
        self._settings = settings

    def score(self, gold: GoldQuestion) -> QuestionScore | None:
        """Its score; None where it isn't known, or failed: what broke then may work now."""
        found = self._journal.get(self._key(gold))
        known = QuestionScore.from_dict(found["score"]) if found else None
        return known if known and known.outcome != "failed" else None

    def record(self, gold: GoldQuestion) -> dict[str, Any]:
        """What `Result.to_dict` made of a question that was asked."""
        return self._journal.get(self._key(gold)) or {}

    def add(self, result: Result) -> None:
        """Keep a result, on the disk when this returns."""
        self._journal.add(self._key(result.gold), result.to_dict())

    def _key(self, gold: GoldQuestion) -> str:
        return hash_of([asdict(gold), self._settings])


def hash_of(value: object) -> str:
    """A hash of what is JSON-ready."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def run(
    questions: Sequence[GoldQuestion],
    system: System,
    material: Material,
    progress: Callable[[int, int, Result], None] | None = None,
    *,
    jobs: int = 1,
    kept: Kept | None = None,
) -> list[QuestionScore]:
    """Ask `system` each question and score what it returns; the scores are in the order given.

    A question at which the system raises, or returns what can't be scored or written as JSON, is
    recorded as failed and counts as wrong; the run goes on. What `kept` knows is not asked again,
    unless it failed, and each result is kept as soon as it is there; answers are not held in
    memory. `jobs` questions are asked at a time, from the second on. `progress` is called after
    each question with how many are done, how many there are, and the result.

    Raises SettingError before anything is asked when a question names articles that the index
    lacks, and the error of the first question where that says that the model, the index or a
    setting can't be used at all.
    """
    unknown = sorted({n for gold in questions for n in gold.article_ids} - set(material.articles))
    if unknown:
        named = ", ".join(unknown[:10]) + (", ..." if len(unknown) > 10 else "")
        raise SettingError(
            f"the gold questions name {len(unknown)} article(s) that the index lacks: {named}; "
            "give the questions that belong to these articles (--questions)"
        )
    stories = dict(zip((q.id for q in questions), stories_of(questions), strict=True))
    known = ((gold.id, kept.score(gold)) for gold in questions) if kept is not None else ()
    scores = {name: found for name, found in known if found is not None}
    pending = [gold for gold in questions if gold.id not in scores]
    for result in _each(pending, partial(_ask, stories, system, material), jobs):
        if kept is not None:
            kept.add(result)
        scores[result.gold.id] = result.score
        if progress is not None:
            progress(len(scores), len(questions), result)
    return [scores[gold.id] for gold in questions]


def _each(
    pending: Sequence[GoldQuestion], ask: Callable[..., Result], jobs: int
) -> Iterator[Result]:
    """Results as they come. The first question is alone: it loads the models, or shows a fault."""
    if pending:
        yield ask(pending[0], first=True)
    if jobs == 1:
        yield from map(ask, pending[1:])
        return
    with ThreadPoolExecutor(jobs) as pool:
        waiting: set[Future[Result]] = set()
        for gold in pending[1:]:
            if len(waiting) == jobs:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            waiting.add(pool.submit(ask, gold))
        yield from (future.result() for future in as_completed(waiting))


def _ask(
    stories: Mapping[str, str | None],
    system: System,
    material: Material,
    gold: GoldQuestion,
    *,
    first: bool = False,
) -> Result:
    start = time.perf_counter()
    seconds, answer = None, None
    try:
        given = system.answer(gold.question)
        seconds = time.perf_counter() - start
        _check_json(given)
        ranking = None if system.rank is None else system.rank(gold.question)
        scored = score(gold, given, material, ranking)
        answer = given
    except Exception as error:
        if first and isinstance(error, _UNUSABLE):
            raise
        scored = score_failure(gold, told_of(error), graded=material.grade is not None)
    took = time.perf_counter() - start if seconds is None else seconds
    # After scoring: a judge's model is resident, too.
    memory = peak_memory_mb()
    return Result(
        gold, answer, replace(scored, story=stories[gold.id], seconds=took, memory_mb=memory)
    )


def _check_json(answer: object) -> None:
    """Raise where an answer couldn't go into a report, before its question counts as answered."""
    if not isinstance(answer, Answer):
        raise TypeError(f"the answer is a {type(answer).__name__}, not an Answer")
    json.dumps(answer.to_dict(), ensure_ascii=False, allow_nan=False).encode()


def peak_memory_mb() -> float | None:
    """The highest resident memory of this process so far, in 10^6 bytes; None where not known."""
    try:
        # Not ru_maxrss: on Linux that starts from the peak of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    except (OSError, StopIteration):
        if sys.platform != "darwin":
            return None
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
