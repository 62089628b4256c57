"""Fit the small logistic models that ship as JSON, on public data, and say how good they are.

    python -m eval.calibrate checker  --data BENCH_FOLDER     # rag/checker.json
    python -m eval.calibrate evidence --data BENCH_FOLDER     # rag/evidence.json

*checker*: support of a claim by its evidence, on the 349 claims of WiCE dev (supported against
partly or not supported). *evidence*: whether a sentence answers a question, and whether anything
found does, on the `dev` splits of the span sets (the reader was trained on their `train` splits).
Both print cross-validated figures, by question or claim, before they write the final weights.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.train_reader import read_rows
from index import Article, Hit, Passage, load_encoder
from rag import evidence, verify
from rag.question import analyse
from rag.reader import load_reader

SEED = 20251122
FOLDS = 5
READING_SETS = ("squad2_halfdev", "squadshifts_new_wiki", "xquad_en", "qed_nq_dev")
QUESTIONS_PER_SET = 150


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


def interval(labels: np.ndarray, predicted: np.ndarray, rounds: int = 2000) -> tuple[float, float]:
    """Bootstrap 95 % interval of balanced accuracy."""
    rng = np.random.default_rng(SEED)
    figures = []
    for _ in range(rounds):
        pick = rng.integers(0, len(labels), len(labels))
        y, p = labels[pick], predicted[pick]
        if 0 < y.sum() < len(y):
            figures.append((p[y == 1].mean() + (1 - p[y == 0]).mean()) / 2)
    low, high = np.percentile(figures, [2.5, 97.5])
    return float(low), float(high)


def rounded(names: Sequence[str], weights: Sequence[float]) -> dict[str, float]:
    """Weights by name, to four decimals: enough, and easy to review."""
    return {n: round(float(w), 4) for n, w in zip(names, weights, strict=True)}


# --- checker -----------------------------------------------------------------------------------


def calibrate_checker(data: Path) -> dict[str, Any]:
    """Weights for `rag/checker.json` from WiCE dev."""
    with (data / "wice_claim_dev.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    pairs = [("\n".join(r["evidence"]), r["claim"]) for r in rows]
    labels = np.array([r["label"] == "supported" for r in rows], dtype=int)
    blank = verify.Calibration((0.0,) * len(verify.SIGNALS), 0.0, 0.5, "")
    table = verify.SignalChecker(load_encoder(), blank).signals(pairs)
    fitted = fit(table, labels, np.arange(len(rows)))
    low, high = interval(labels, (fitted["held_out"] >= 0.5).astype(int))
    origin = (
        f"logistic regression, balanced classes, WiCE dev claims, n={len(rows)}; {FOLDS}-fold "
        f"balanced accuracy {fitted['balanced']:.3f} [{low:.3f}, {high:.3f}], AUROC "
        f"{fitted['auroc']:.3f}"
    )
    print(origin)
    return {
        "weights": rounded(verify.SIGNALS, fitted["weights"]),
        "bias": round(fitted["bias"], 4),
        "threshold": 0.5,
        "origin": origin,
    }


# --- evidence ----------------------------------------------------------------------------------


def questions(data: Path, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Held-out questions with three passages of their set, ranked by keywords; one is their own."""
    import bm25s  # type: ignore[import-untyped]

    for name in READING_SETS:
        rows = [r for r in read_rows(data / "qa_span.jsonl.gz", {name}, "dev")]
        passages = sorted({r["passage"] for r in rows})
        index = bm25s.BM25()
        index.index(
            bm25s.tokenize(passages, stopwords="en", show_progress=False), show_progress=False
        )
        asked = rng.sample(rows, min(QUESTIONS_PER_SET, len(rows)))
        tokens = bm25s.tokenize([r["question"] for r in asked], stopwords="en", show_progress=False)
        found, _ = index.retrieve(tokens, k=3, show_progress=False)
        for row, places in zip(asked, found, strict=True):
            ranked = [passages[int(p)] for p in places]
            if row["passage"] not in ranked:
                ranked[-1] = row["passage"]
            yield {**row, "passages": ranked}


def calibrate_evidence(data: Path) -> dict[str, Any]:
    """Weights for `rag/evidence.json` from held-out questions with known answers."""
    encoder, reader = load_encoder(), load_reader()
    signals, labels, groups, best, answerable = [], [], [], [], []
    shipped = evidence.model_weights()["sentence"]
    for number, row in enumerate(questions(data, random.Random(SEED))):
        articles = [Article(f"p{n}", "", text) for n, text in enumerate(row["passages"])]
        hits = [Hit(Passage(a, 0, len(a.text)), 1.0 / n, n) for n, a in enumerate(articles, 1)]
        asked = analyse(row["question"])
        scored = evidence.score_sentences(asked, hits, encoder, reader)
        if not scored:
            continue
        missing = evidence.missing_terms(asked, articles)
        best.append(evidence.address_signals(asked, scored, missing))
        answerable.append(bool(row["answers"]))
        for found in scored if row["answers"] else ():
            p = found.passage
            signals.append(found.signals)
            labels.append(
                p.article.text == row["passage"]
                and any(p.start <= a["start"] < p.end for a in row["answers"])
            )
            groups.append(number)
    table, truth, questions_of = np.array(signals), np.array(labels, dtype=int), np.array(groups)
    sentence = fit(table, truth, questions_of)
    address = fit(np.array(best), np.array(answerable, dtype=int), np.arange(len(best)))
    before = np.array([evidence.logistic(shipped, evidence.SIGNALS, s) for s in signals])
    print(
        f"sentence answers: n={len(labels)} of {len(set(groups))} questions, AUROC "
        f"{sentence['auroc']:.3f}; the first is right in "
        f"{first_right(questions_of, truth, sentence['held_out']):.3f}, with the weights that ship "
        f"in {first_right(questions_of, truth, before):.3f}"
    )
    print(
        f"addressed: n={len(best)}, AUROC {address['auroc']:.3f}, balanced accuracy "
        f"{address['balanced']:.3f}"
    )
    return {
        "sentence": {
            "bias": round(sentence["bias"], 4),
            **rounded(evidence.SIGNALS, sentence["weights"]),
        },
        "addressed": {
            "bias": round(address["bias"], 4),
            **rounded(evidence.ADDRESS_SIGNALS, address["weights"]),
        },
    }


def first_right(groups: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> float:
    """Share of questions whose best-scored sentence holds the answer."""
    right = [labels[groups == g][np.argmax(scores[groups == g])] for g in np.unique(groups)]
    return float(np.mean(right))


def main() -> None:
    """Print the figures and write the weights with `--write`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", choices=["checker", "evidence"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="the JSON file to write")
    options = parser.parse_args()
    made = (calibrate_checker if options.model == "checker" else calibrate_evidence)(options.data)
    text = json.dumps(made, indent=2) + "\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
