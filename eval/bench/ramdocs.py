"""Questions whose documents conflict (RAMDocs): every right answer named, no planted one stated.

    python -m eval.bench.ramdocs --data BENCH_FOLDER [--model none] [--every 1] [--show]

The documents of a question are its corpus, given as they are. Wang et al. (2025), "Retrieval-
Augmented Generation with Conflicting Evidence", count an answer as right if it names every right
answer and no planted one: that is printed as `strict`. A reader who is told that the reports
differ is not misled by a planted answer: `said` counts an answer as right if it names every right
one, and a planted one only as one side of a difference. Names are compared as in SQuAD: lower case,
without articles and punctuation; where words of an answer or of a quotation beneath it count, both
figures are printed. Intervals are percentile bootstrap ones over questions.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.bench.common import line
from eval.files import data_parser, index_of, read_lines
from eval.wording import bare_words
from index import Article, load_encoder
from rag import answer
from rag.schema import Answer


@dataclass(frozen=True)
class Outcome:
    """One question: whether all right answers are named, one planted, and the difference said.

    Of the text alone, and of the text with its quotations.
    """

    named: tuple[bool, ...]
    planted: tuple[bool, ...]
    differs: bool
    seconds: float

    def said(self, quotes: int) -> bool:
        """All right answers named, and no planted one without its difference."""
        return self.named[quotes] and (self.differs or not self.planted[quotes])

    def strict(self, quotes: int) -> bool:
        """All right answers named, and no planted one."""
        return self.named[quotes] and not self.planted[quotes]


def outcome(row: dict[str, Any], given: Answer, seconds: float) -> Outcome:
    """What an answer gets right and wrong."""
    texts = [claim.text for claim in given.claims]
    quotes = [c.quote for claim in given.claims for c in claim.citations]
    bodies = (normal(" . ".join(texts)), normal(" . ".join([*texts, *quotes])))
    right = [normal(a) for a in row["gold_answers"]]
    planted = [normal(a) for a in row["wrong_answers"]]
    return Outcome(
        tuple(all(w in body for w in right) for body in bodies),
        tuple(any(w in body for w in planted) for body in bodies),
        any(position.stance == "differs" for position in given.ledger),
        seconds,
    )


def normal(text: str) -> str:
    """Bare words between single spaces."""
    return f" {' '.join(bare_words(text))} "


def measure(data: Path, model: str, every: int, show: bool = False) -> list[Outcome]:
    """An outcome for each question, or for one of `every` so many, over its own documents."""
    encoder = load_encoder()
    found = []
    for row in read_lines(data / "ramdocs_dev.jsonl")[::every]:
        texts = (document["text"] for document in row["documents"])
        articles = [Article(f"d{n:02}", "", text) for n, text in enumerate(texts)]
        with tempfile.TemporaryDirectory() as folder:
            index = index_of(articles, Path(folder), encoder)
            given = answer(row["question"], index, model)
        found.append(outcome(row, given, float(given.trace["seconds"])))
        if show:
            _show(row, given, found[-1])
    return found


def _show(row: dict[str, Any], given: Answer, found: Outcome) -> None:
    mark = "+" if found.said(1) else "-"
    print(f"{mark} {row['question']} ({found.seconds:.1f} s, {given.trace.get('answer_type')})")
    print(f"    right {row['gold_answers']}, planted {row['wrong_answers']}")
    print(f"    {given.outcome}: {[(c.kind, c.text[:90]) for c in given.claims]}")


def main() -> None:
    """Print the figures."""
    parser = data_parser(__doc__)
    parser.add_argument("--model", default="none")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    found = measure(given.data, given.model, given.every, given.show)
    rows = {}
    for quotes, where in enumerate(("text", "text and quotes")):
        rows[f"said, {where}"] = [o.said(quotes) for o in found]
        rows[f"strict, {where}"] = [o.strict(quotes) for o in found]
        rows[f"every right answer named, {where}"] = [o.named[quotes] for o in found]
    rows["difference said"] = [o.differs for o in found]
    for name, values in rows.items():
        print(line(name, values))
    print(f"seconds an answer, median: {statistics.median(o.seconds for o in found):.2f}")


if __name__ == "__main__":
    main()
