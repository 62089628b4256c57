"""Fit what says that a reading answers (`rag/evidence.json`, "reading") on public data.

    python -m eval.train.fit_reading --data BENCH --rows FILE [--each 40]
        [--write rag/evidence.json]

Of each source, passages of as many questions as are asked are a corpus, each a report of its own;
each question is asked of its corpus, and again without the passage that answers it. A reading is
right if it comes from that passage and shares an answer's words. RAMDocs' questions come with their
own documents: there, what a document was labelled with is right, planted or not. Readings are kept
in FILE, which a later run goes on from. Prints figures with each source left out of the fit in
turn, then the weights and the two thresholds that all sources together give.

--write leaves the thresholds of answering as they were, "answers" and, where the search says that
the question is addressed, "answers_addressed". Public questions are put in the words of the
passage; the threshold that they give declines more than two in five answerable questions of
`eval/sample/questions.jsonl`. Those that ship decline about one in eight of those.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.bootstrap import auroc
from eval.files import data_parser, index_of, read_lines, read_sets
from eval.train.calibrate import rounded
from eval.wording import bare_words, f1
from index import Article, Index, load_encoder
from rag.asking import Model
from rag.evidence import find_evidence
from rag.models import EMBEDDED, load_model
from rag.question import analyse
from rag.read import SIGNALS, Reading, read, windows
from rag.reader import load_reader

SEED = 20261129
SETS = ("squad2_halfdev", "squadshifts_new_wiki", "qed_nq_dev", "qamr_wikinews")
#: Words that a passage has at least, and at most.
LENGTHS = 12, 220
#: Readings that share so much of an answer's words (F1) are right, or hold it whole.
ENOUGH = 0.5
#: Share of questions whose right reading is there that may be declined all the same.
DECLINED = 0.05
#: Share of wrong readings that may stand beside a right one.
BESIDE = 0.12


@dataclass(frozen=True)
class Asked:
    """A question, and per report (by ID) the texts that are right in it; none elsewhere."""

    source: str
    question: str
    right: dict[str, list[str]]


def corpora(data: Path, each: int) -> Iterator[tuple[str, dict[str, str], list[Asked]]]:
    """Name, reports by ID, and questions, of each corpus."""
    for name in SETS:
        yield _from_spans(name, data, each)
    yield _from_clapnq(data, each)
    yield from _from_ramdocs(data, each)


def _from_spans(name: str, data: Path, each: int) -> tuple[str, dict[str, str], list[Asked]]:
    read = read_sets(data / "qa_span.jsonl.gz", (name,), "dev")
    rows = [r for r in read if LENGTHS[0] <= len(r["passage"].split()) <= LENGTHS[1]]
    random.Random(SEED).shuffle(rows)
    kept: dict[str, dict[str, Any]] = {}
    unanswered = 0
    for row in rows:
        few = bool(row["answers"]) or unanswered < each // 3
        if len(kept) < each and few and row["passage"] not in kept:
            kept[row["passage"]] = row
            unanswered += not row["answers"]
    reports = {f"p{n:03}": passage for n, passage in enumerate(kept)}
    asked = [
        Asked(name, row["question"], {key: [a["text"] for a in row["answers"]]})
        for key, row in zip(reports, kept.values(), strict=True)
    ]
    return name, reports, asked


def _from_clapnq(data: Path, each: int) -> tuple[str, dict[str, str], list[Asked]]:
    rows = read_lines(data / "clapnq_answerable_dev.jsonl")
    random.Random(SEED).shuffle(rows)
    reports, asked = {}, []
    for n, row in enumerate(rows[:each]):
        passage = row["passages"][0]
        reports[f"p{n:03}"] = f"{passage['title']}\n\n{passage['text']}"
        right = [s for out in row["output"] for s in out.get("selected_sentences") or []]
        asked.append(Asked("clapnq", row["input"], {f"p{n:03}": right}))
    return "clapnq", reports, asked


def _from_ramdocs(data: Path, each: int) -> Iterator[tuple[str, dict[str, str], list[Asked]]]:
    for row in read_lines(data / "ramdocs_dev.jsonl")[:: max(1, 256 // each)]:
        reports = {f"d{n:02}": d["text"] for n, d in enumerate(row["documents"])}
        right = {
            f"d{n:02}": [d["answer"]]
            for n, d in enumerate(row["documents"])
            if d["type"] != "noise"
        }
        yield "ramdocs", reports, [Asked("ramdocs", row["question"], right)]


def readings_of(asked: Asked, index: Index, model: Model) -> dict[str, Any]:
    """A row: the question, and of each reading its signals and whether it is right."""
    question = analyse(asked.question)
    found = find_evidence(question, index, load_reader())
    readings = read(question, windows(found, index.cluster_of), model)
    return {
        "source": asked.source,
        "question": asked.question,
        "readings": [
            {
                "report": r.article.id,
                "words": r.words.text,
                "signals": list(r.signals),
                "right": is_right(r, asked),
            }
            for r in readings
        ],
    }


def is_right(reading: Reading, asked: Asked) -> bool | None:
    """Whether a reading is an answer; None where another report says the same by chance."""
    shares = [share(reading, text) for text in asked.right.get(reading.article.id, ())]
    if shares:
        return max(shares) >= ENOUGH
    everywhere = [share(reading, text) for texts in asked.right.values() for text in texts]
    return None if max(everywhere, default=0.0) >= ENOUGH else False


def share(reading: Reading, answer: str) -> float:
    """0..1: F1 of the words; 1.0 where one holds the other, or its sentence is the answer."""
    ours, theirs = (bare_words(t) for t in (reading.words.text, answer))
    if not ours or not theirs:
        return 0.0
    if f" {' '.join(theirs)} " in f" {' '.join(ours)} ":
        return 1.0
    if len(theirs) > len(ours) and f" {' '.join(ours)} " in f" {' '.join(theirs)} ":
        return 1.0 if len(theirs) > 8 else len(ours) / len(theirs)
    return f1(reading.words.text, answer)


# --- the fit -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One question's readings: a row a reading of `SIGNALS`, and whether each is right."""

    source: str
    signals: np.ndarray
    right: np.ndarray


def cases_of(rows: Iterable[dict[str, Any]]) -> Iterator[Case]:
    """Each question with all its readings, and once more without the right ones."""
    for row in rows:
        kept = [r for r in row["readings"] if r["right"] is not None]
        for some in (kept, [r for r in kept if not r["right"]]):
            if not some or (some is not kept and len(some) == len(kept)):
                continue
            signals = np.array([r["signals"] for r in some])
            yield Case(row["source"], signals, np.array([r["right"] for r in some]))


def fit(cases: Sequence[Case]) -> Any:
    """A logistic model of scikit-learn."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    table = np.vstack([c.signals for c in cases])
    labels = np.concatenate([c.right for c in cases])
    return LogisticRegression(C=1.0, max_iter=2000).fit(table, labels)


def sure(case: Case, model: Any) -> Any:
    """0..1 for each reading."""
    return model.predict_proba(case.signals)[:, 1]


def thresholds(cases: Sequence[Case], model: Any) -> tuple[float, float]:
    """How sure the surest reading must be, and one beside it."""
    best, beside = [], []
    for case in cases:
        if case.right.any():
            values = sure(case, model)
            best.append(values[case.right].max())
            beside += list(values[~case.right])
    return float(np.quantile(best, DECLINED)), float(np.quantile(beside, 1 - BESIDE))


def report(cases: Sequence[Case]) -> None:
    """Print, for each source, what a fit on the others gives."""
    for source in dict.fromkeys(c.source for c in cases):
        others = [c for c in cases if c.source != source]
        model = fit(others)
        answer, beside = thresholds(others, model)
        own = [(c, sure(c, model)) for c in cases if c.source == source]
        there = [(c, values) for c, values in own if c.right.any()]
        labels = np.concatenate([c.right for c, _ in own])
        values = np.concatenate([v for _, v in own])
        alone = auroc(labels, np.concatenate([c.signals[:, 0] for c, _ in own]))
        declined, wrongly = (
            [v.max() < answer for c, v in own if c.right.any() == right] for right in (False, True)
        )
        wrong, right = (
            [x >= beside for c, v in there for x in v[(v < v.max()) & (c.right == kind)]]
            for kind in (False, True)
        )
        print(
            f"{source:22} n={len(own):3} AUROC {auroc(labels, values):.3f}, of the model's "
            f"yes alone {alone:.3f}; best is right "
            f"{_share([bool(c.right[v.argmax()]) for c, v in there]):.2f}; declined, without "
            f"{_share(declined):.2f}, with {_share(wrongly):.2f}; beside it, wrong "
            f"{_share(wrong):.2f}, right {_share(right):.2f}"
        )


def _share(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")


def main() -> None:
    """Read, fit, print, and with --write put the weights in their file."""
    parser = data_parser(__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="keeps the readings")
    parser.add_argument("--each", type=int, default=40, help="questions of a source")
    parser.add_argument("--write", type=Path, help="the JSON file to write")
    given = parser.parse_args()
    gather(given.data, given.rows, given.each)
    cases = list(cases_of(read_lines(given.rows)))
    report(cases)
    model = fit(cases)
    answer, beside = thresholds(cases, model)
    fitted = {
        "bias": round(float(model.intercept_[0]), 4),
        **rounded(SIGNALS, model.coef_[0]),
        "answers": round(answer, 4),
        "beside": round(beside, 4),
    }
    print(json.dumps(fitted, indent=2))
    if given.write:
        kept = json.loads(given.write.read_text(encoding="utf-8"))
        own = {name: kept["reading"][name] for name in ("answers", "answers_addressed")}
        kept["reading"] = {**fitted, **own}
        given.write.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def gather(data: Path, rows: Path, each: int) -> None:
    """Append to `rows` the readings that it lacks."""
    rows.touch()
    known = {(r["source"], r["question"]) for r in read_lines(rows)}
    model, encoder = load_model(EMBEDDED), load_encoder()
    with rows.open("a", encoding="utf-8") as out:
        for source, reports, asked in corpora(data, each):
            todo = [a for a in asked if (source, a.question) not in known]
            if not todo:
                continue
            articles = [Article(key, "", text) for key, text in reports.items()]
            with tempfile.TemporaryDirectory() as folder:
                index = index_of(articles, Path(folder), encoder)
                for item in todo:
                    out.write(json.dumps(readings_of(item, index, model)) + "\n")
                    out.flush()


if __name__ == "__main__":
    main()
