"""How well the reader reads, on passages that it was not trained on.

    python -m eval.train.measure_reader --data BENCH_FOLDER

Span F1 (word overlap with the best of the annotators' answers, as SQuAD's evaluation defines it)
where there is an answer; accuracy of "no answer" and "answered" by the sign of the best span's
margin; AUROC of that margin.
"""

from __future__ import annotations

import argparse
import re
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.train.reader import read_rows
from rag.reader import load_reader

SETS = ("squad2_halfdev", "squadshifts_new_wiki")


def normalised(text: str) -> list[str]:
    """Words without case, punctuation and articles: SQuAD's `normalize_answer`."""
    bare = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def f1(said: str, wanted: str) -> float:
    """Harmonic mean of word precision and recall, 0..1."""
    ours, theirs = normalised(said), normalised(wanted)
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * shared / (len(ours) + len(theirs)) if shared else float(ours == theirs)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Chance that a positive scores above a negative (ties count half)."""
    a, b = np.array(positive)[:, None], np.array(negative)[None, :]
    return float(((a > b) + 0.5 * (a == b)).mean())


def main() -> None:
    """Print one line for each set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    reader = load_reader()
    for name in SETS:
        rows = list(read_rows(options.data / "qa_span.jsonl.gz", {name}, "dev"))
        scores: list[float] = []
        margins: dict[bool, list[float]] = {True: [], False: []}
        for row in rows:
            (reading,) = reader.read(row["question"], [row["passage"]])
            margin, start, end = reading.best_span() or (-99.0, 0, 0)
            margins[bool(row["answers"])].append(margin)
            if row["answers"]:
                said = row["passage"][start:end]
                scores.append(max(f1(said, a["text"]) for a in row["answers"]))
        line = f"{name}: span F1 {np.mean(scores):.3f} (n={len(scores)})"
        if margins[False]:
            right = np.mean(np.array(margins[False]) <= 0), np.mean(np.array(margins[True]) > 0)
            line += (
                f"; no answer said where there is none {right[0]:.3f} (n={len(margins[False])})"
                f", answered where there is one {right[1]:.3f}; AUROC "
                f"{auroc(margins[True], margins[False]):.3f}"
            )
        print(line)


if __name__ == "__main__":
    main()
