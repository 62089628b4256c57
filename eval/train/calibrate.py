"""Fit the logistic models of `rag/evidence.json` on public data, and say how good they are.

    python -m eval.train.calibrate --data BENCH_FOLDER [--write rag/evidence.json]

Whether anything found answers a question: on the `dev` splits of the span sets (the reader was
trained on their `train` splits), on CLAPNQ dev and on MTRAG. Prints cross-validated figures, by
question, before it writes the final weights.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.files import read_lines, read_sets
from eval.train.reader import nearest, without
from index import Article, Hit, Passage, load_encoder
from index.encoder import BUNDLED
from rag import addressed, evidence
from rag.question import analyse
from rag.reader import load_reader
from rag.weights import logistic, model_weights

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


def fit(table: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """A logistic model with class-balanced loss, and its cross-validated scores by group."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score  # type: ignore[import-untyped]
    from sklearn.model_selection import GroupKFold, cross_val_predict  # type: ignore[import-untyped]

    def made() -> Any:
        return LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000)

    held_out = cross_val_predict(
        made(), table, labels, groups=groups, cv=GroupKFold(FOLDS), method="predict_proba"
    )[:, 1]
    model = made().fit(table, labels)
    return {
        "weights": model.coef_[0],
        "bias": float(model.intercept_[0]),
        "held_out": held_out,
        "auroc": roc_auc_score(labels, held_out),
        "balanced": balanced_accuracy_score(labels, held_out >= 0.5),
    }


def rounded(names: Sequence[str], weights: Sequence[float]) -> dict[str, float]:
    """Weights by name, to four decimals: enough, and easy to review."""
    return {n: round(float(w), 4) for n, w in zip(names, weights, strict=True)}


@dataclass(frozen=True)
class Asked:
    """A question with the passages that are searched, and `[start, end)` of answers in its own.

    `own` is the passage that answers; None where none does. Where it isn't known which of several
    answers, it is the first, without `answers`.
    """

    source: str
    question: str
    passages: tuple[str, ...]
    own: str | None
    answers: tuple[tuple[int, int], ...]


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
        spans = tuple((a["start"], a["start"] + len(a["text"])) for a in row["answers"])
        yield Asked(name, row["question"], tuple(ranked), own if spans else None, spans)
        wanted = [a["text"].lower() for a in row["answers"]]
        if wanted and rng.random() < BEREFT_SHARE:
            others = [p for p in ranked if p != own and not any(w in p.lower() for w in wanted)]
            left = without(own, wanted)
            if left:
                yield Asked(f"{name}, cut", row["question"], (left, *others), None, ())


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
        chosen = [s.strip() for o in row["output"] for s in o.get("selected_sentences", [])]
        spans = tuple((own.find(s), own.find(s) + len(s)) for s in chosen if s and s in own)
        question, gold = f"{row['input']}?", own if answerable else None
        yield Asked("clapnq", question, tuple(ranked), gold, spans)


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
        answerable = row["answerability"] == ["ANSWERABLE"]
        yield Asked("mtrag", question, tuple(ranked), own[0] if answerable else None, ())


@dataclass(frozen=True)
class Seen:
    """What the product saw of a question: its signals, and each sentence's with whether it answers.

    `typed` is whether the question asks for a value.
    """

    asked: Asked
    typed: bool
    address: tuple[float, ...]
    sentences: list[tuple[tuple[float, ...], bool]]


def seen_of(asked: Sequence[Asked]) -> Iterator[Seen]:
    """Score every question's sentences as the product does; those without any are left out."""
    encoder, reader = load_encoder(BUNDLED), load_reader()
    for row in asked:
        articles = [Article(f"p{n}", "", text) for n, text in enumerate(row.passages)]
        hits = [Hit(Passage(a, 0, len(a.text)), 1.0 / n, n) for n, a in enumerate(articles, 1)]
        question = analyse(row.question)
        scored = evidence.score_sentences(question, hits, encoder, reader)
        if scored:
            missing = addressed.missing_terms(question, articles)
            address = addressed.address_signals(question, scored, missing, reader)
            typed = question.asks in {"amount", "time", "name"}
            judged = [(s.signals, _answers(s.passage, row)) for s in scored if row.answers]
            yield Seen(row, typed, address, judged)


def _answers(found: Passage, row: Asked) -> bool:
    touched = (found.start < end and start < found.end for start, end in row.answers)
    return found.article.text == row.own and any(touched)


def calibrate_evidence(data: Path) -> dict[str, Any]:
    """Weights of "addressed" for `rag/evidence.json`; those of sentences are printed, and kept.

    A threshold is where `WRONG_DECLINES` of the answerable questions fall below it, each scored by
    a model that didn't see it.
    """
    seen = list(seen_of(list(asked_questions(data, random.Random(SEED)))))
    made: dict[str, Any] = {"sentence": model_weights()["sentence"]}
    outcomes: list[Outcome] = []
    for typed, name in ((True, "addressed_typed"), (False, "addressed_open")):
        kept = [s for s in seen if s.typed is typed]
        answerable = [s.asked.own is not None for s in kept]
        made[name], judged = fit_addressed(
            name, np.array([s.address for s in kept]), np.array(answerable, dtype=int)
        )
        rows = zip(kept, answerable, judged - made[name]["threshold"], strict=True)
        outcomes += [Outcome(s.asked.source, there, float(margin)) for s, there, margin in rows]
    for line in declining_lines(outcomes):
        print(line)
    signals, right = zip(*(pair for s in seen for pair in s.sentences), strict=True)
    groups = np.array([n for n, s in enumerate(seen) for _ in s.sentences])
    labels = np.array(right, dtype=int)
    sentence = fit(np.array(signals), labels, groups)
    shipped = np.array([logistic(made["sentence"], evidence.SIGNALS, s) for s in signals])
    ours, fitted = (
        [f"{among_first(groups, labels, scores, k):.3f}" for k in (1, 3)]
        for scores in (shipped, sentence["held_out"])
    )
    print(
        f"sentence answers: {len(set(groups))} questions; the first is right in {ours[0]}, one of "
        f"the first three in {ours[1]}; with weights fitted here, by other questions, {fitted[0]} "
        f"and {fitted[1]}: {rounded(evidence.SIGNALS, sentence['weights'])}"
    )
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
    # In these sets what a question names is nearly always there, so nothing can be learned of it.
    prior = addressed.ADDRESS_SIGNALS.index("missing_share")
    table[:, prior] = 0.0
    fitted = fit(table, labels, np.arange(len(labels)))
    held_out = fitted["held_out"]
    threshold = float(np.quantile(held_out[labels == 1], WRONG_DECLINES[name]))
    print(
        f"{name}: n={len(labels)}, {labels.sum()} answerable, AUROC {fitted['auroc']:.3f}; at "
        f"threshold {threshold:.3f} {WRONG_DECLINES[name]:.2f} of the answerable are declined, and "
        f"{(held_out[labels == 0] < threshold).mean():.3f} of the others"
    )
    weights = rounded(addressed.ADDRESS_SIGNALS, fitted["weights"])
    weights["missing_share"] = MISSING_WEIGHT
    made = {"bias": round(fitted["bias"], 4), **weights, "threshold": round(threshold, 4)}
    return made, held_out


def among_first(groups: np.ndarray, labels: np.ndarray, scores: np.ndarray, k: int) -> float:
    """Share of questions one of whose `k` best-scored sentences holds the answer."""
    right = [
        labels[groups == g][np.argsort(-scores[groups == g], kind="stable")[:k]].any()
        for g in np.unique(groups)
    ]
    return float(np.mean(right))


def main() -> None:
    """Print the figures and write the weights with `--write`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="the JSON file to write")
    options = parser.parse_args()
    text = json.dumps(calibrate_evidence(options.data), indent=2) + "\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
