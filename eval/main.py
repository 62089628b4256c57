"""Ask gold questions, score the answers, report: `wirecheck eval`.

read_gold -> open or build the index -> run -> summarise -> tables, report.json, report.html, bars
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from eval.agreement import agreement_of
from eval.compare import comparison
from eval.figures import JudgeNote
from eval.gold import GoldQuestion, read_gold
from eval.journal import opened
from eval.judges import NAMES, OWN, LLMJudge, load_judge
from eval.judging import Judge
from eval.metrics import BARS, Material, Summary, misses, summarise
from eval.provenance import settings_of, versions
from eval.report import REPORT_FORMAT, read_report, write_reports
from eval.report_text import table
from eval.retrieval import RANKED
from eval.run import SAMPLE_ARTICLES, SAMPLE_QUESTIONS, Kept, Result, System, hash_of, run
from eval.systems import load_system
from index.commandline import positive
from index.engines import place_of
from index.errors import SettingError
from rag.schema import Answer


class Parts(NamedTuple):
    """What `main` puts together; tests give their own."""

    build: Callable[[Sequence[Path], Path], Any]
    open: Callable[[Path], Any]
    answer: Callable[..., Answer]


def build_parser() -> argparse.ArgumentParser:
    """The options of `wirecheck eval`."""
    parser = argparse.ArgumentParser(
        prog="wirecheck eval",
        description="Score the answers to gold questions: nuggets, citations, refusals, seconds.",
        epilog="Evaluations of their own, each with its --help: --checker, --judge-agreement, "
        "--robustness, --check-gold FILE, --make-gold ARTICLES.",
    )
    add = parser.add_argument
    add(
        "--index",
        metavar="DIR",
        type=place_of,
        help="the index to ask; else one is built for the run",
    )
    add("--articles", metavar="DIR", type=Path, help="what to build it from (default: the sample)")
    add(
        "--questions",
        metavar="FILE",
        type=Path,
        default=SAMPLE_QUESTIONS,
        help="gold questions, JSON lines or .csv (default: those of the sample articles)",
    )
    add_asked(parser)
    add(
        "--report",
        metavar="DIR",
        type=Path,
        help="write report.json and report.html into this folder; a run that was interrupted goes "
        "on where it was when the same command is given again",
    )
    add("--fresh", action="store_true", help="ask all questions, also those scored before")
    add("--jobs", metavar="N", type=positive, default=1, help="questions at a time (default 1)")
    add(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        type=Path,
        help="compare two reports, each a report.json or its folder, and ask nothing: what B "
        "gained on A, with a paired test, and each question won and lost",
    )
    add(
        "--fail-under",
        metavar="NAME=VALUE,...",
        default="",
        help=f"exit with 1 if a figure misses its bar; figures: {', '.join(BARS)}; "
        "a bar is an upper one for " + ", ".join(n for n, m in BARS.items() if m.better == "lower"),
    )
    return parser


def add_asked(parser: argparse.ArgumentParser) -> None:
    """Let a command say who is asked, we with a model or another system, and who judges."""
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--model",
        metavar="M",
        help="as LiteLLM names it, or embedded, or none (default: as configured)",
    )
    asked.add_argument(
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


def main(words: Sequence[str], parts: Parts | None = None) -> int:
    """Run `wirecheck eval`; 0, or 1 if a figure misses its bar.

    Raises WirecheckError for what the caller must mend.
    """
    options = build_parser().parse_args(words)
    if options.compare is not None:
        print(comparison(*map(read_report, options.compare)))
        return 0
    if options.fresh and options.report is None:
        raise SettingError("--fresh goes with --report: without it nothing is kept")
    bars = parse_bars(options.fail_under)
    questions = read_gold(options.questions)
    try:
        summary = _measure(options, questions, load_judge(options.judge), parts or _real_parts())
    except KeyboardInterrupt:
        if options.report:
            print("\nthe same command goes on from here", file=sys.stderr)
        raise
    missed = list(misses(summary, bars))
    for line in missed:
        print(f"wirecheck eval: {line}", file=sys.stderr)
    return 1 if missed else 0


def parse_bars(text: str) -> dict[str, float]:
    """`name=value,...` as a table; "" is none.

    Raises SettingError for an unknown name, and a value that is no number or, for a share, not
    0..1.
    """
    bars: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, given = (part.strip() for part in item.partition("="))
        if name not in BARS:
            raise SettingError(f"--fail-under: no figure {name!r}; use one of {', '.join(BARS)}")
        try:
            bars[name] = float(given)
        except ValueError:
            bars[name] = math.nan
        most = 1 if BARS[name].unit == "share" else sys.float_info.max
        if not 0 <= bars[name] <= most:
            raise SettingError(
                f"--fail-under: {name}={given} is no bar; write a number, and of a share one from "
                f"0 to 1, as {name}=0.8"
            )
    return bars


def _measure(
    options: argparse.Namespace, questions: Sequence[GoldQuestion], judge: Judge, parts: Parts
) -> Summary:
    """Run, print the tables, and write the reports if a folder is given."""
    note = JudgeNote(judge.name, agreement_of(judge))
    folder: Path | None = options.report
    kept: Kept | None = None
    with ExitStack() as stack:
        if folder:
            # Before the index is built: what can't be written must not cost minutes to be refused.
            folder.mkdir(parents=True, exist_ok=True)
            journal = stack.enter_context(opened(folder, fresh=options.fresh))
        index = stack.enter_context(_index(options, parts))
        system, material = _system(options, index, parts), _material(index, judge)
        if folder:
            kept = Kept(journal, settings_of(options, index, judge))
            _tell_kept(questions, kept)
        scores = run(questions, system, material, _show_progress, jobs=options.jobs, kept=kept)
        summary = summarise(scores)
        print(table(summary, scores, note))
        if folder and kept:
            head = _report_head(options, questions, index, summary, note)
            for path in write_reports(folder, head, lambda: map(kept.record, questions)):
                print(f"report: {path}", file=sys.stderr)
    return summary


def _tell_kept(questions: Sequence[GoldQuestion], kept: Kept) -> None:
    if known := sum(kept.score(gold) is not None for gold in questions):
        print(
            f"{known} of {len(questions)} questions were scored before, with the same settings, "
            "and are not asked again (--fresh begins anew)",
            file=sys.stderr,
        )


def _system(options: argparse.Namespace, index: Any, parts: Parts) -> System:
    if options.system:
        # What it searches with, if at all, is its own affair.
        return System(load_system(options.system, index))
    return System(
        lambda question: parts.answer(question, index=index, model=options.model),
        (lambda question: [hit.passage for hit in index.search(question, RANKED)])
        if hasattr(index, "search")
        else None,
    )


def _material(index: Any, judge: Judge) -> Material:
    """What the index knows; of one that isn't Wirecheck's, its articles alone."""
    copies_of, passages_of = (getattr(index, n, None) for n in ("copies_of", "passages_of"))
    grade = judge.grade if isinstance(judge, LLMJudge) else None
    return Material(index.articles, judge, copies_of, passages_of, grade)


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


def _real_parts() -> Parts:
    # Not at the top: they load the encoder's library, and most faults of usage show without it.
    from index import build_index, open_index
    from rag import answer

    return Parts(build_index, open_index, answer)


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


def _report_head(
    options: argparse.Namespace,
    questions: Sequence[GoldQuestion],
    index: Any,
    summary: Summary,
    note: JudgeNote,
) -> dict[str, Any]:
    """All of a report but its questions."""
    paths = {name: getattr(options, name) for name in ("index", "articles", "questions")}
    return {
        "format": REPORT_FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": options.model,
        "system": options.system,
        "judge": asdict(note),
        "settings": {
            **{name: None if path is None else str(path) for name, path in paths.items()},
            "questions_sha256": hash_of([asdict(gold) for gold in questions]),
            "generation": getattr(index, "generation", None),
            "jobs": options.jobs,
            "fail_under": options.fail_under,
        },
        "versions": versions(),
        "summary": summary.to_dict(),
    }
