"""Ask gold questions, score the answers, report: `wirecheck eval`.

read_gold -> open or build the index -> run -> summarise -> table, report.json, bars
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
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from eval.gold import GoldQuestion, read_gold
from eval.metrics import BARS, QuestionScore, Summary, misses, score, score_failure, summarise
from eval.report import check_writable, table, write_report
from index.errors import (
    IndexProblem,
    ModelKeyMissing,
    ModelUnknown,
    SettingError,
    WirecheckError,
)
from index.records import Article
from rag.schema import Answer

SAMPLE = Path(__file__).parent / "sample"
SAMPLE_ARTICLES = SAMPLE / "articles"
SAMPLE_QUESTIONS = SAMPLE / "questions.jsonl"
REPORT_FORMAT = 1

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


class Corpus(Protocol):
    """What a run needs of an index."""

    @property
    def articles(self) -> Mapping[str, Article]:
        """Its articles, by ID."""
        ...


@dataclass(frozen=True)
class Result:
    """One question, its score, and the answer; None where none came, with `score.error` why."""

    gold: GoldQuestion
    answer: Answer | None
    score: QuestionScore


class Parts(NamedTuple):
    """What `main` puts together; tests give their own."""

    build: Callable[[Sequence[Path], Path], Any]
    open: Callable[[Path], Any]
    answer: Callable[..., Answer]


def run(
    questions: Sequence[GoldQuestion],
    index: Corpus,
    answer_fn: Callable[[str], Answer],
    progress: Callable[[int, int, Result], None] | None = None,
) -> list[Result]:
    """Ask `answer_fn` each question and score what it returns, in the order given.

    A question at which `answer_fn` raises, or returns what can't be scored or written as JSON, is
    recorded as failed and counts as wrong; the run goes on. `progress` is called after each
    question with how many are done, how many there are, and the result.

    Raises SettingError before anything is asked when a question names articles that the index
    lacks, and the error of the first question where that says that the model, the index or a
    setting can't be used at all.
    """
    _refuse_unknown_articles(questions, index.articles)
    results: list[Result] = []
    for gold in questions:
        results.append(_ask(gold, index.articles, answer_fn, first=not results))
        if progress is not None:
            progress(len(results), len(questions), results[-1])
    return results


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
    gold: GoldQuestion,
    articles: Mapping[str, Article],
    answer_fn: Callable[[str], Answer],
    *,
    first: bool,
) -> Result:
    start = time.perf_counter()
    try:
        answer = answer_fn(gold.question)
        seconds = time.perf_counter() - start
        _check_json(answer)
        scored = score(gold, answer, articles, seconds=seconds, memory_mb=peak_memory_mb())
    except Exception as error:
        if first and isinstance(error, _UNUSABLE):
            raise
        seconds = time.perf_counter() - start
        return Result(
            gold,
            None,
            score_failure(gold, _told(error), seconds=seconds, memory_mb=peak_memory_mb()),
        )
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
        help="gold questions, JSON lines (default: those of the sample articles)",
    )
    parser.add_argument(
        "--model",
        metavar="M",
        help="as LiteLLM names it, or embedded, or none (default: as configured)",
    )
    parser.add_argument(
        "--report", metavar="DIR", type=Path, help="write report.json into this folder"
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
    in one line on stderr.
    """
    if not isinstance(options, argparse.Namespace):
        parser = argparse.ArgumentParser(
            prog="wirecheck eval",
            description="Score the answers to "
            "gold questions: nuggets, citations, refusals, seconds.",
        )
        add_options(parser)
        options = parser.parse_args(options)
    try:
        return _evaluate(options, parts)
    except WirecheckError as error:
        print(f"wirecheck eval: {error}", file=sys.stderr)
        return 2


def _evaluate(options: argparse.Namespace, parts: Parts | None) -> int:
    bars = parse_bars(options.fail_under)
    questions = read_gold(options.questions)
    if options.report is not None:
        check_writable(options.report)
    results = _run(options, questions, parts or _real_parts())
    scores = [result.score for result in results]
    summary = summarise(scores)
    _print(table(summary, scores))
    if options.report is not None:
        path = write_report(options.report, _report(options, results, summary))
        print(f"report: {path}", file=sys.stderr)
    missed = list(misses(summary, bars))
    for line in missed:
        print(f"wirecheck eval: {line}", file=sys.stderr)
    return 1 if missed else 0


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


def _run(
    options: argparse.Namespace, questions: Sequence[GoldQuestion], parts: Parts
) -> list[Result]:
    with _index(options, parts) as index:

        def ask(question: str) -> Answer:
            return parts.answer(question, index=index, model=options.model)

        return run(questions, index, ask, _show_progress)


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


def _report(
    options: argparse.Namespace, results: Sequence[Result], summary: Summary
) -> dict[str, Any]:
    return {
        "format": REPORT_FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": options.model,
        "settings": {
            "index": _path(options.index),
            "articles": _path(options.articles),
            "questions": _path(options.questions),
            "questions_sha256": _hash([asdict(result.gold) for result in results]),
            "fail_under": options.fail_under,
        },
        "versions": _versions(),
        "summary": summary.to_dict(),
        "questions": [_result_to_dict(result) for result in results],
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
    return {**versions, "machine": platform.machine(), "cores": os.cpu_count()}


def _result_to_dict(result: Result) -> dict[str, Any]:
    """Without the articles' texts, which their hashes stand for."""
    answer = None
    if result.answer is not None:
        answer = result.answer.to_dict()
        for article in answer["articles"].values():
            del article["text"]
    return {"gold": asdict(result.gold), "answer": answer, "score": asdict(result.score)}
