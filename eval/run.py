"""Ask gold questions, score the answers, report: `wirecheck eval`.

read_gold -> open or build the index -> run -> summarise -> tables, report.json, report.html, bars
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from eval.agreement import agreement_of
from eval.compare import comparison
from eval.gold import GoldQuestion, read_gold, stories_of
from eval.journal import Journal
from eval.judges import NAMES, OWN, LLMJudge, load_judge
from eval.judging import Judge
from eval.metrics import (
    BARS,
    Material,
    Summary,
    misses,
    score,
    score_failure,
    summarise,
    values_of,
)
from eval.report import REPORT_FORMAT, JudgeNote, check_writable, read_report, table, write_reports
from eval.retrieval import RANKED, Rank
from eval.scores import QuestionScore
from eval.systems import load_system
from index.errors import (
    IndexProblem,
    ModelKeyMissing,
    ModelUnknown,
    SettingError,
    WirecheckError,
)
from index.records import Article, Passage
from rag.schema import Answer

SAMPLE = Path(__file__).parent / "sample"
SAMPLE_ARTICLES = SAMPLE / "articles"
SAMPLE_QUESTIONS = SAMPLE / "questions.jsonl"

#: The folders whose files decide what is answered and how it is scored.
_PROGRAM = ("index", "rag", "prompts", "eval")
#: What is wrong with the settings rather than with one question: no use in asking the next one.
_UNUSABLE = (ModelUnknown, ModelKeyMissing, IndexProblem, SettingError)
#: The packages whose versions change what is measured.
_PACKAGES = (
    "wirecheck",
    "sentence-transformers",
    "transformers",
    "torch",
    "faiss-cpu",
    "pystemmer",
    "spacy",
    "litellm",
    "numpy",
)


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
        answer = None
        if self.answer is not None:
            answer = self.answer.to_dict()
            for article in answer["articles"].values():
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
        key = self._key(gold)
        if key not in self._journal:
            return None
        found = QuestionScore.from_dict(self._journal.get(key)["score"])
        return None if found.outcome == "failed" else found

    def record(self, gold: GoldQuestion) -> dict[str, Any]:
        """What `Result.to_dict` made of it. Raises KeyError where it isn't known."""
        return self._journal.get(self._key(gold))

    def add(self, result: Result) -> None:
        """Keep a result, on the disk when this returns."""
        self._journal.add(self._key(result.gold), result.to_dict())

    def _key(self, gold: GoldQuestion) -> str:
        return _hash([asdict(gold), self._settings])


class Parts(NamedTuple):
    """What `main` puts together; tests give their own."""

    build: Callable[[Sequence[Path], Path], Any]
    open: Callable[[Path], Any]
    answer: Callable[..., Answer]


Progress = Callable[[int, int, Result], None]


def run(
    questions: Sequence[GoldQuestion],
    system: System,
    material: Material,
    progress: Progress | None = None,
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
    _refuse_unknown_articles(questions, material.articles)
    stories = dict(zip((q.id for q in questions), stories_of(questions), strict=True))
    known = ((gold.id, kept.score(gold)) for gold in questions) if kept is not None else ()
    scores = {name: found for name, found in known if found is not None}
    pending = [gold for gold in questions if gold.id not in scores]
    ask = partial(_ask, stories, system, material)
    for result in _each(pending, ask, jobs):
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


def _refuse_unknown_articles(
    questions: Sequence[GoldQuestion], articles: Mapping[str, Article]
) -> None:
    unknown = sorted({name for gold in questions for name in gold.article_ids} - set(articles))
    if unknown:
        named = ", ".join(unknown[:10]) + (", ..." if len(unknown) > 10 else "")
        raise SettingError(
            f"the gold questions name {len(unknown)} article(s) that the index lacks: {named}; "
            "give the questions that belong to these articles (--questions)"
        )


def _ask(
    stories: Mapping[str, str | None],
    system: System,
    material: Material,
    gold: GoldQuestion,
    *,
    first: bool = False,
) -> Result:
    story = stories[gold.id]
    start = time.perf_counter()
    seconds = None
    try:
        answer = system.answer(gold.question)
        seconds = time.perf_counter() - start
        _check_json(answer)
        ranking = None if system.rank is None else system.rank(gold.question)
        scored = score(gold, answer, material, ranking, story=story, seconds=seconds)
        # After scoring: a judge's model is resident, too.
        scored = replace(scored, memory_mb=peak_memory_mb())
    except Exception as error:
        if first and isinstance(error, _UNUSABLE):
            raise
        seconds = time.perf_counter() - start if seconds is None else seconds
        memory = peak_memory_mb()
        failed = score_failure(
            gold,
            _told(error),
            story=story,
            seconds=seconds,
            memory_mb=memory,
            graded=material.grade is not None,
        )
        return Result(gold, None, failed)
    return Result(gold, answer, scored)


def _check_json(answer: Answer) -> None:
    """Raise where an answer couldn't go into a report, before its question counts as answered."""
    if not isinstance(answer, Answer):
        raise TypeError(f"the answer is a {type(answer).__name__}, not an Answer")
    json.dumps(answer.to_dict(), ensure_ascii=False, allow_nan=False).encode()


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, WirecheckError) else f"{type(error).__name__}: {text}"


def peak_memory_mb() -> float | None:
    """The highest resident memory of this process so far, in 10^6 bytes; None where not known."""
    try:
        # Not ru_maxrss: on Linux that starts from the peak of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    except (OSError, StopIteration):
        return _peak_from_rusage()


def _peak_from_rusage() -> float | None:
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `wirecheck eval` to `parser`."""
    parser.add_argument(
        "--index",
        metavar="DIR",
        type=Path,
        help="the index to ask; without it one is built for the run",
    )
    parser.add_argument(
        "--articles",
        metavar="DIR",
        type=Path,
        help="the articles to build it from (default: the sample articles)",
    )
    parser.add_argument(
        "--questions",
        metavar="FILE",
        type=Path,
        default=SAMPLE_QUESTIONS,
        help="gold questions, JSON lines or .csv (default: those of the sample articles)",
    )
    parser.add_argument(
        "--model",
        metavar="M",
        help="as LiteLLM names it, or embedded, or none (default: as configured)",
    )
    parser.add_argument(
        "--system",
        metavar="S",
        help="ask another system and score it alike: module:function, an OpenAI-compatible address "
        "as https://host/v1#MODEL, or a command, which gets the question on standard input or "
        "where {question} stands (eval/systems.py says what it answers); what it answered is known "
        "again by its name, so give --fresh once it has changed",
    )
    parser.add_argument(
        "--judge",
        metavar="NAME",
        default=OWN,
        help=f"who says whether what is cited supports a sentence: {NAMES}; llm:MODEL grades the "
        "answers, too (default: %(default)s)",
    )
    parser.add_argument(
        "--report",
        metavar="DIR",
        type=Path,
        help="write report.json and report.html into this folder; a run that was interrupted goes "
        "on where it was when the same command is given again",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="ask all questions, also those scored before"
    )
    parser.add_argument(
        "--jobs", metavar="N", type=int, default=1, help="questions at a time (default 1)"
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        type=Path,
        help="compare two reports, each a report.json or its folder, and ask nothing: what B "
        "gained on A, with a paired test, and each question won and lost",
    )
    parser.add_argument(
        "--fail-under",
        metavar="NAME=VALUE,...",
        default="",
        help=f"exit with 1 if a figure misses its bar; figures: {', '.join(BARS)}; "
        "a bar is an upper one for " + ", ".join(n for n, m in BARS.items() if m.better == "lower"),
    )


def main(
    options: argparse.Namespace | Sequence[str] | None = None, parts: Parts | None = None
) -> int:
    """Run `wirecheck eval` with parsed options, or with arguments (None: the process's own).

    Returns the exit code: 0, 1 if a figure misses its bar, 2 for what the caller must mend, told
    in one line on stderr, 130 if it was interrupted.
    """
    if not isinstance(options, argparse.Namespace):
        parser = argparse.ArgumentParser(
            prog="wirecheck eval",
            description="Score the answers to "
            "gold questions: nuggets, citations, refusals, seconds.",
            epilog="Evaluations of their own, each with its --help: --checker, --judge-agreement, "
            "--robustness, --check-gold FILE, --make-gold ARTICLES.",
        )
        add_options(parser)
        options = parser.parse_args(options)
    try:
        return _evaluate(options, parts)
    except WirecheckError as error:
        print(f"wirecheck eval: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = "; the same command goes on from here" if options.report else ""
        print(f"\nwirecheck eval: stopped{kept}", file=sys.stderr)
        return 130


def _evaluate(options: argparse.Namespace, parts: Parts | None) -> int:
    if options.compare is not None:
        _print(comparison(*map(read_report, options.compare)))
        return 0
    if options.jobs < 1:
        raise SettingError(f"--jobs is {options.jobs}; give a whole number from 1 on")
    if options.system and options.model:
        raise SettingError("give --system or --model, not both")
    if options.fresh and options.report is None:
        raise SettingError("--fresh goes with --report: without it nothing is kept")
    bars = parse_bars(options.fail_under)
    questions = read_gold(options.questions)
    if options.report is not None:
        check_writable(options.report)
    judge = load_judge(options.judge)
    summary = _measure(options, questions, judge, parts or _real_parts())
    missed = list(misses(summary, bars))
    for line in missed:
        print(f"wirecheck eval: {line}", file=sys.stderr)
    return 1 if missed else 0


def _measure(
    options: argparse.Namespace, questions: Sequence[GoldQuestion], judge: Judge, parts: Parts
) -> Summary:
    """Run, print the tables, and write the reports if a folder is given."""
    note = JudgeNote(judge.name, agreement_of(judge))
    with ExitStack() as stack:
        folder = options.report
        # Before the index is built: two runs at one folder must not cost minutes to be refused.
        journal = stack.enter_context(Journal(folder, fresh=options.fresh)) if folder else None
        index = stack.enter_context(_index(options, parts))
        system, material = _system(options, index, parts), _material(index, judge)
        kept = Kept(journal, _settings(options, index, judge)) if journal else None
        _tell_kept(questions, kept)
        scores = run(questions, system, material, _show_progress, jobs=options.jobs, kept=kept)
        summary = summarise(scores)
        _print(table(summary, scores, note))
        if folder is not None and kept is not None:
            head = _report_head(options, questions, index, summary, note)
            for path in write_reports(folder, head, lambda: map(kept.record, questions)):
                print(f"report: {path}", file=sys.stderr)
    return summary


def _tell_kept(questions: Sequence[GoldQuestion], kept: Kept | None) -> None:
    known = sum(kept is not None and kept.score(gold) is not None for gold in questions)
    if known:
        print(
            f"{known} of {len(questions)} questions were scored before, with the same settings, "
            "and are not asked again (--fresh begins anew)",
            file=sys.stderr,
        )


def _system(options: argparse.Namespace, index: Any, parts: Parts) -> System:
    def ask(question: str) -> Answer:
        return parts.answer(question, index=index, model=options.model)

    def rank(question: str) -> list[Passage]:
        return [hit.passage for hit in index.search(question, RANKED)]

    if options.system:
        # What it searches with, if at all, is its own affair.
        return System(load_system(options.system, index))
    return System(ask, rank if hasattr(index, "search") else None)


def _material(index: Any, judge: Judge) -> Material:
    """What the index knows; of one that isn't Wirecheck's, its articles alone."""
    copies_of, passages_of = (getattr(index, n, None) for n in ("copies_of", "passages_of"))
    grade = judge.grade if isinstance(judge, LLMJudge) else None
    return Material(index.articles, judge, copies_of, passages_of, grade)


def _settings(options: argparse.Namespace, index: Any, judge: Judge) -> dict[str, Any]:
    """All that makes an answer or its score another one, JSON-ready."""
    rows = [(a.id, a.sha256, a.outlet, a.published) for a in index.articles.values()]
    return {
        "model": options.model,
        "system": options.system,
        "judge": [judge.name, getattr(judge, "fingerprint", None)],
        "articles": _hash(sorted(rows, key=lambda row: row[0])),
        "encoder": getattr(getattr(index, "encoder", None), "fingerprint", None),
        "program": _program_hash(),
        "versions": _versions(),
        # Not where vectors are cached: that changes no answer.
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith("WIRECHECK_") and not name.startswith("WIRECHECK_CACHE")
        },
    }


def program_files(root: Path) -> list[Path]:
    """Every file that an answer, or a figure about it, may depend on, in a fixed order."""
    found = (p for part in _PROGRAM for p in (root / part).rglob("*") if p.is_file())
    return sorted(p for p in found if "__pycache__" not in p.parts)


def _program_hash() -> str:
    """A hash of this program's files: what another version of it said is not measured again."""
    root = Path(__file__).parent.parent
    found = hashlib.sha256()
    for path in program_files(root):
        found.update(f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n".encode())
        # Weights, tens of megabytes, are told by their size and the hash that stands beside them.
        if path.suffix != ".safetensors":
            found.update(path.read_bytes())
    return found.hexdigest()


def parse_bars(text: str) -> dict[str, float]:
    """`name=value,...` as a table; "" is none.

    Raises SettingError for an unknown name, a name given twice, and a value that is no number or,
    for a share, not 0..1.
    """
    bars: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (part.strip() for part in item.partition("="))
        if name not in BARS:
            raise SettingError(f"--fail-under: no figure {name!r}; use one of {', '.join(BARS)}")
        if name in bars:
            raise SettingError(f"--fail-under: {name} is given twice; give it once")
        bars[name] = _bar(name, value)
    return bars


def _bar(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise SettingError(f"--fail-under: {name}={text} is no bar; write a number, as {name}=0.8")
    if BARS[name].unit == "share" and value > 1:
        raise SettingError(f"--fail-under: {name}={text} is over 1; shares are 0..1, as 0.8")
    return value


def _real_parts() -> Parts:
    # Not at the top: they load the encoder's library, and most faults of usage show without it.
    from index import build_index, open_index
    from rag import answer

    return Parts(build_index, open_index, answer)


@contextmanager
def _index(options: argparse.Namespace, parts: Parts) -> Iterator[Any]:
    """The index that was named, or one built in a temporary folder."""
    if options.index is not None:
        if options.articles is not None:
            raise SettingError("give --index or --articles, not both")
        yield parts.open(options.index)
        return
    with tempfile.TemporaryDirectory(prefix="wirecheck-eval-", ignore_cleanup_errors=True) as made:
        report = parts.build([options.articles or SAMPLE_ARTICLES], Path(made) / "index")
        for row in report.skipped:
            print(f"skipped {row.path}: {row.reason}", file=sys.stderr)
        yield parts.open(Path(made) / "index")


def _show_progress(done: int, total: int, result: Result) -> None:
    line = (
        f"[{done:{len(str(total))}}/{total}] {result.score.id}: {result.score.outcome}, "
        f"{result.score.seconds or 0:.1f} s"
    )
    if sys.stderr.isatty():
        ending = "\n" if done == total else ""
        print(f"\r{line}\x1b[K", end=ending, file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def _print(text: str) -> None:
    # A terminal that can't show a character of some answer must not end the run in a traceback.
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def _report_head(
    options: argparse.Namespace,
    questions: Sequence[GoldQuestion],
    index: Any,
    summary: Summary,
    note: JudgeNote,
) -> dict[str, Any]:
    """All of a report but its questions."""
    return {
        "format": REPORT_FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": options.model,
        "system": options.system,
        "judge": asdict(note),
        "settings": {
            "index": _path(options.index),
            "articles": _path(options.articles),
            "questions": _path(options.questions),
            "questions_sha256": _hash([asdict(gold) for gold in questions]),
            "generation": getattr(index, "generation", None),
            "jobs": options.jobs,
            "fail_under": options.fail_under,
        },
        "versions": _versions(),
        "summary": summary.to_dict(),
    }


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _versions() -> dict[str, str | int | None]:
    versions: dict[str, str | int | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "processor": _processor()}
    return {**versions, **machine}


def _processor() -> str | None:
    """The processor's name as the system tells it; None where it doesn't."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or None
