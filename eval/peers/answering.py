"""Answers of LlamaIndex, LangChain, Haystack and paper-qa, scored beside Wirecheck's.

    uv sync --link-mode copy --group peers
    uv run --no-sync python -m eval.peers.answering --index DIR --questions FILE --out DIR \
        [--limit N] [--only NAME ...]

Everybody gets the same articles, the bundled encoder, the embedded language model (400 tokens a
reply, the likeliest token each time) and this machine, one after the other, each in a process of
its own. Each peer runs as it comes, NAME, and at the better of the settings that we tried,
NAME_best: passages that the encoder reads whole, and fewer of them, which a small model follows
better; `eval/peers/answerers.py` has what that means for each. Wirecheck runs with its default
model.

A peer's marks become citations of the passages that they name. A reply that says in its own words
that the sources don't tell counts as declined. Seconds are a question's, articles being indexed
before; memory is the process's, the harness and Wirecheck's index included, which every peer pays
alike.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval.figures import Figure
from eval.gold import read_gold
from eval.judges import OWN
from eval.peers.answerers import INDEX, PEERS
from eval.report import read_report
from eval.robustness import drawn
from index.commandline import ended
from index.errors import SettingError

OURS = "wirecheck"
#: Figures of the table: name in the report, heading.
SHOWN = {
    "citation_recall": "cit. recall",
    "citation_precision": "cit. prec.",
    "valid_citations": "valid",
    "nuggets": "nuggets",
    "complete": "complete",
    "declined_right": "decl. right",
    "declined_wrong": "decl. wrong",
    "seconds": "seconds",
    "memory_mb": "MB",
    "failed": "failed",
}


def main(words: Sequence[str] | None = None) -> int:
    """Score each system in a process of its own and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--index", type=Path, required=True)
    add("--questions", type=Path, required=True)
    add("--out", type=Path, required=True, help="a folder for the reports")
    add("--limit", type=int, help="so many drawn questions only")
    add("--judge", default=OWN)
    add("--only", nargs="+", choices=(OURS, *PEERS), default=(OURS, *PEERS))
    options = parser.parse_args(words)
    questions = _drawn(options)
    for name in options.only:
        _score(name, questions, options)
    print(table({name: read_report(options.out / name) for name in options.only}))
    return 0


def _drawn(options: argparse.Namespace) -> Path:
    """A file with the drawn questions' lines, beside the reports."""
    wanted = {q.id for q in drawn(read_gold(options.questions), options.limit)}
    lines = options.questions.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.strip() and json.loads(line)["id"] in wanted]
    options.out.mkdir(parents=True, exist_ok=True)
    path: Path = options.out / "questions.jsonl"
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return path


def _score(name: str, questions: Path, options: argparse.Namespace) -> None:
    peer = f"eval.peers.answerers:{name}"
    system = ["--model", "embedded"] if name == OURS else ["--system", peer]
    words = ["--index", options.index, "--questions", questions, "--judge", options.judge]
    settings = {
        INDEX: str(options.index.resolve()),
        "HF_HUB_OFFLINE": "1",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "ANONYMIZED_TELEMETRY": "False",
    }
    command = [sys.executable, "-m", "wirecheck", "eval", *words, *system]
    done = subprocess.run(
        [*command, "--report", options.out / name],
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
    )
    if done.returncode:
        raise SettingError(f"{name} could not be scored: `wirecheck eval` ended with 2")


def table(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """A Markdown table: a row for each system, a column for each figure."""
    rows = [["system", *SHOWN.values()], ["---"] * (len(SHOWN) + 1)]
    for name, report in reports.items():
        figures = report["summary"]["figures"]
        rows.append([_label(name), *(_shown(Figure(**figures[figure])) for figure in SHOWN)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _label(name: str) -> str:
    packages = ("wirecheck",) if name == OURS else PEERS[name].packages
    settings = {} if name == OURS else PEERS[name].settings
    parts = [", ".join(f"{package} {version(package)}" for package in packages)]
    parts += [", ".join(f"{k} {v}" for k, v in settings.items())] if settings else []
    return f"{name} ({'; '.join(parts)})"


def _shown(figure: Figure) -> str:
    if figure.value is None:
        return "-"
    return f"{figure:.0f}" if figure.value >= 100 else f"{figure:.2f}"


if __name__ == "__main__":
    sys.exit(ended(main))
