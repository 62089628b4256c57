"""How well the reader reads, on passages that it was not trained on.

    python -m eval.train.measure_reader --data BENCH_FOLDER

Span F1 (word overlap with the best of the annotators' answers, as SQuAD's evaluation defines it)
where there is an answer; accuracy of "no answer" and "answered" by the sign of the best span's
margin; AUROC of that margin.
"""

from __future__ import annotations

import numpy as np

from eval.bootstrap import auroc
from eval.files import data_parser, read_sets
from eval.wording import f1
from rag.reader import load_reader

SETS = ("squad2_halfdev", "squadshifts_new_wiki")


def main() -> None:
    """Print one line for each set."""
    options = data_parser(__doc__).parse_args()
    reader = load_reader()
    for name in SETS:
        rows = read_sets(options.data / "qa_span.jsonl.gz", {name}, "dev")
        scores, margins, answered = [], [], np.array([bool(row["answers"]) for row in rows])
        for row in rows:
            (reading,) = reader.read(row["question"], [row["passage"]])
            margin, start, end = reading.best_span() or (-99.0, 0, 0)
            margins.append(margin)
            if row["answers"]:
                said = row["passage"][start:end]
                scores.append(max(f1(said, a["text"]) for a in row["answers"]))
        line = f"{name}: span F1 {np.mean(scores):.3f} (n={len(scores)})"
        if not answered.all():
            told = np.array(margins) > 0
            line += (
                f"; no answer said where there is none {np.mean(~told[~answered]):.3f} "
                f"(n={(~answered).sum()}), answered where there is one "
                f"{np.mean(told[answered]):.3f}; AUROC {auroc(answered, np.array(margins)):.3f}"
            )
        print(line)


if __name__ == "__main__":
    main()
