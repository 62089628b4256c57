"""Fit the logistic models of `rag/evidence.json` on public data, and say how good they are.

    python -m eval.train.calibrate --data BENCH_FOLDER [--write rag/evidence.json]

Whether anything found answers a question: on the `dev` splits of the span sets (the reader was
trained on their `train` splits), on CLAPNQ dev and on MTRAG. Prints cross-validated figures, by
question, before it writes the final weights.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.bootstrap import auroc
from eval.files import data_parser, read_lines, read_sets
from eval.train.reader import nearest, without
from index import Article, Hit, Passage, load_encoder
from index.encoder import BUNDLED
from rag import addressed, evidence
from rag.question import analyse
from rag.reader import load_reader
from rag.weights import model_weights

SEED = 20251122
FOLDS = 5
READING_SETS = ("squad2_halfdev", "squadshifts_new_wiki", "xquad_en", "qed_nq_dev")
QUESTIONS_PER_SET = 250
#: Answerable questions of a span set that are also asked of what is left without their answer.
BEREFT_SHARE = 0.6
#: MTRAG's kinds of questions that are wholly answerable, or not at all.
WHOLE = (["ANSWERABLE"], ["UNANSWERABLE"])
#: Share of answerable questions that may be declined: more where a wrong value would be shown.
WRONG_DECLINES = {"addressed_typed": 0.1, "addressed_open": 0.05}
#: Share of wrong declines at which what is declined is also printed.
ALLOWED = 0.15
#: Weight of the share of names, numbers and dates that no article found holds; set by hand.
MISSING_WEIGHT = -1.5


def rounded(names: Sequence[str], weights: Sequence[float]) -> dict[str, float]:
    """Weights by name, to four decimals: enough, and easy to review."""
    return {n: round(float(w), 4) for n, w in zip(names, weights, strict=True)}


@dataclass(frozen=True)
class Asked:
    """A question with the passages that are searched, and whether one of them answers it."""

    source: str
    question: str
    passages: Sequence[str]
    answerable: bool


def asked_questions(data: Path, rng: random.Random) -> Iterator[Asked]:
    """Held-out questions, answerable or not, with the passages most like them and their own."""
    for name in READING_SETS:
        yield from span_questions(data, name, rng)
    yield from clapnq_questions(data)
    yield from mtrag_questions(data)


def span_questions(data: Path, name: str, rng: random.Random) -> Iterator[Asked]:
    """A span set's `dev` split; answerable questions also with their answering sentences cut out.

    What is left then is a report on the matter without the detail asked for.
    """
    rows = read_sets(data / "qa_span.jsonl.gz", {name}, "dev")
    passages = sorted({r["passage"] for r in rows})
    rows = rng.sample(rows, min(QUESTIONS_PER_SET, len(rows)))
    for row, near in zip(rows, nearest(passages, [r["question"] for r in rows], 3), strict=True):
        own = row["passage"]
        ranked = near if own in near else [*near[:-1], own]
        yield Asked(name, row["question"], ranked, bool(row["answers"]))
        wanted = [a["text"].lower() for a in row["answers"]]
        if wanted and rng.random() < BEREFT_SHARE:
            others = [p for p in ranked if p != own and not any(w in p.lower() for w in wanted)]
            left = without(own, wanted)
            if left:
                yield Asked(f"{name}, cut", row["question"], [left, *others], False)


def clapnq_questions(data: Path) -> Iterator[Asked]:
    """CLAPNQ dev: real search questions with a passage that answers, or only looks right."""
    rows = []
    for name in ("answerable", "unanswerable"):
        found = read_lines(data / f"clapnq_{name}_dev.jsonl")
        rows += [(row, name == "answerable") for row in found]
    passages = sorted({row["passages"][0]["text"] for row, _ in rows})
    for (row, answerable), near in zip(
        rows, nearest(passages, [r["input"] for r, _ in rows], 3), strict=True
    ):
        own = row["passages"][0]["text"]
        ranked = near if own in near else [*near[:-1], own]
        yield Asked("clapnq", f"{row['input']}?", ranked, answerable)


def mtrag_questions(data: Path) -> Iterator[Asked]:
    """MTRAG: the last question of a conversation, by itself, answerable by its contexts or not.

    Those without contexts, and the partly answerable and underspecified, are left out; a question
    gets the nearest other passages beside its own, as in a search.
    """
    rows = [r for r in read_lines(data / "mtrag_un_dev.jsonl") if r["answerability"] in WHOLE]
    passages = sorted({c["text"] for r in rows for c in r["contexts"]})
    questions = [r["input"][-1]["text"] for r in rows]
    for row, question, near in zip(rows, questions, nearest(passages, questions, 3), strict=True):
        own = [c["text"] for c in row["contexts"]]
        if not own or not any(c.isalnum() for c in question):
            continue
        ranked = [*own[:3], *(p for p in near if p not in own)]
        yield Asked("mtrag", question, ranked, row["answerability"] == ["ANSWERABLE"])


def signals_of(asked: Iterable[Asked]) -> Iterator[tuple[Asked, bool, Sequence[float]]]:
    """Each question, whether it asks for a value, and the product's signals of "addressed".

    Those for which no sentence is found are left out.
    """
    encoder, reader = load_encoder(BUNDLED), load_reader()
    for row in asked:
        articles = [Article(f"p{n}", "", text) for n, text in enumerate(row.passages)]
        hits = [Hit(Passage(a, 0, len(a.text)), 1.0 / n, n) for n, a in enumerate(articles, 1)]
        question = analyse(row.question)
        scored = evidence.score_sentences(question, hits, encoder, reader)
        if scored:
            missing = addressed.missing_terms(question, articles)
            signals = addressed.address_signals(question, scored, missing, reader)
            yield row, question.asks in {"amount", "time", "name"}, signals


def calibrate_evidence(data: Path) -> dict[str, Any]:
    """What `rag/evidence.json` holds, with weights of "addressed" that are fitted anew.

    A threshold is where `WRONG_DECLINES` of the answerable questions fall below it, each scored by
    a model that didn't see it.
    """
    seen = list(signals_of(asked_questions(data, random.Random(SEED))))
    made: dict[str, Any] = dict(model_weights())
    outcomes: list[Outcome] = []
    for typed, name in ((True, "addressed_typed"), (False, "addressed_open")):
        kept = [(asked, signals) for asked, is_typed, signals in seen if is_typed is typed]
        labels = np.array([asked.answerable for asked, _ in kept], dtype=int)
        made[name], held_out = fit_addressed(name, np.array([s for _, s in kept]), labels)
        margins = held_out - made[name]["threshold"]
        outcomes += [
            Outcome(asked.source, asked.answerable, float(margin))
            for (asked, _), margin in zip(kept, margins, strict=True)
        ]
    for line in declining_lines(outcomes):
        print(line)
    return made


@dataclass(frozen=True)
class Outcome:
    """A question of one source, and how far above (answered) or below (declined) its threshold."""

    source: str
    answerable: bool
    margin: float


def declining_lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What is declined by source, at the thresholds and at others, and the risk of each coverage.

    Coverage is the share of questions that are answered, risk the share of these that have no
    answer (El-Yaniv and Wiener 2010).
    """
    for source in (*sorted({o.source for o in outcomes}), "clapnq and mtrag"):
        rows = [o for o in outcomes if o.source in source.split(" and ")]
        yes, no = ([o.margin for o in rows if o.answerable is kind] for kind in (True, False))
        line = f"{source}: n={len(rows)}"
        if yes:
            line += f"; answerable {len(yes)}, declined {np.mean(np.array(yes) < 0):.3f}"
        if no:
            line += f"; unanswerable {len(no)}, declined {np.mean(np.array(no) < 0):.3f}"
        if yes and no:
            at = np.quantile(yes, ALLOWED)
            line += f", {np.mean(np.array(no) < at):.3f} where {ALLOWED} of the answerable are"
        yield line
    ranked = sorted(outcomes, key=lambda o: -o.margin)
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        first = ranked[: round(share * len(ranked))]
        risk = np.mean([not o.answerable for o in first])
        yield f"coverage {share:.1f}: risk {risk:.3f}"


def fit_addressed(
    name: str, table: np.ndarray, labels: np.ndarray
) -> tuple[dict[str, float], np.ndarray]:
    """Weights, bias and threshold for one kind of question, and each question's held-out figure."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.model_selection import cross_val_predict  # type: ignore[import-untyped]

    # In these sets what a question names is nearly always there, so nothing can be learned of it.
    table[:, addressed.ADDRESS_SIGNALS.index("missing_share")] = 0.0
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000)
    shares = cross_val_predict(model, table, labels, cv=FOLDS, method="predict_proba")
    held_out: np.ndarray = shares[:, 1]
    model.fit(table, labels)
    threshold = float(np.quantile(held_out[labels == 1], WRONG_DECLINES[name]))
    print(
        f"{name}: n={len(labels)}, {labels.sum()} answerable, AUROC {auroc(labels, held_out):.3f}; "
        f"at threshold {threshold:.3f} {WRONG_DECLINES[name]:.2f} of the answerable are declined, "
        f"and {(held_out[labels == 0] < threshold).mean():.3f} of the others"
    )
    weights = rounded(addressed.ADDRESS_SIGNALS, model.coef_[0])
    weights["missing_share"] = MISSING_WEIGHT
    bias = round(float(model.intercept_[0]), 4)
    return {"bias": bias, **weights, "threshold": round(threshold, 4)}, held_out


def main() -> None:
    """Print the figures and write the weights with `--write`."""
    parser = data_parser(__doc__)
    parser.add_argument("--write", type=Path, help="the JSON file to write")
    options = parser.parse_args()
    text = json.dumps(calibrate_evidence(options.data), indent=2) + "\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
