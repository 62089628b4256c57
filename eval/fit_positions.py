"""Fit how surely a span answers (`rag.positions`), and say how well that tells.

    python -m eval.fit_positions --data BENCH_FOLDER [--write rag/evidence.json]

On RAMDocs, where a span is right if it is the answer that its document was labelled with (none of a
document of the kind "noise" is), and on the sample's questions, where it is right if it is a nugget
in a file that may be cited; these count `GOLD_WEIGHT` times. Prints cross-validated figures, by
question, before it writes the weights.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]

from eval.bench_ramdocs import normal, rows
from eval.calibrate import FOLDS, rounded
from eval.gold import read_gold
from eval.run import SAMPLE_ARTICLES, SAMPLE_QUESTIONS
from eval.wording import holds
from index import Article, Encoder, Hit, Passage, build_index, load_encoder, open_index
from rag.evidence import find_evidence, score_sentences
from rag.positions import SURE_SIGNALS, Saying, sayings, weighed
from rag.question import analyse
from rag.reader import Reader, load_reader
from rag.spans import same_value

GOLD_WEIGHT = 2.0


def examples(
    row: dict[str, Any], encoder: Encoder, reader: Reader
) -> Iterator[tuple[Saying, bool]]:
    """The sayings of a question's documents, and whether each is right."""
    question = analyse(row["question"])
    documents = row["documents"]
    articles = [Article(str(n), "", d["text"]) for n, d in enumerate(documents)]
    vectors = encoder.encode([a.text for a in articles])
    near = vectors @ encoder.encode_query(question.text)
    order = sorted(range(len(articles)), key=lambda n: -near[n])
    hits = [
        Hit(Passage(articles[n], 0, len(articles[n].text)), float(near[n]), rank)
        for rank, n in enumerate(order, start=1)
    ]
    sentences = score_sentences(question, hits, encoder, reader)
    for saying in weighed(question, sayings(question, sentences), int):
        document = documents[int(saying.article_id)]
        right = document["type"] != "noise" and _same(
            question.answer_type, saying.text, document["answer"]
        )
        yield saying, right


def _same(kind: str | None, said: str, wanted: str) -> bool:
    a, b = normal(said), normal(wanted)
    contained = bool(a.strip() and b.strip()) and (a in b or b in a)
    return contained or same_value(kind, said, wanted)


def gold_examples(encoder: Encoder, reader: Reader) -> Iterator[list[tuple[Saying, bool]]]:
    """For each typed question of the sample, its sayings and whether each is right."""
    with tempfile.TemporaryDirectory() as folder:
        build_index([SAMPLE_ARTICLES], Path(folder) / "index", encoder=encoder)
        index = open_index(Path(folder) / "index", encoder)
        for gold in read_gold(SAMPLE_QUESTIONS):
            question = analyse(gold.question)
            if question.answer_type is None or question.asks_words:
                continue
            found = find_evidence(question, index, reader).sentences
            said = weighed(question, sayings(question, found), index.cluster_of)
            wanted = [w for nugget in gold.nuggets for w in nugget]
            yield [(s, s.article_id in gold.may_cite and _is_one_of(s, wanted)) for s in said]


def _is_one_of(saying: Saying, wanted: Sequence[str]) -> bool:
    text = saying.text
    return any(holds(text, w) or (len(text) > 2 and holds(w, text)) for w in wanted)


def main() -> None:
    """Fit, report, and write the weights if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    encoder, reader = load_encoder(), load_reader()
    asked = [list(examples(row, encoder, reader)) for row in rows(given.data)]
    public = len(asked)
    asked += list(gold_examples(encoder, reader))
    flat = [(*pair, n) for n, pairs in enumerate(asked) for pair in pairs]
    table = np.array([saying.signals for saying, _, _ in flat])
    labels, groups = np.array([r for _, r, _ in flat]), np.array([n for _, _, n in flat])
    model, held_out = fitted(table, labels, groups, np.where(groups < public, 1.0, GOLD_WEIGHT))
    for name, among in (("RAMDocs", groups < public), ("sample", groups >= public)):
        score = roc_auc_score(labels[among], held_out[among])
        print(f"{name}: AUROC {score:.3f}, n={among.sum()}, right {labels[among].mean():.3f}")
    weights = rounded(SURE_SIGNALS, model.coef_[0]) | {"bias": round(float(model.intercept_[0]), 4)}
    print(weights)
    if given.write:
        known = json.loads(given.write.read_text(encoding="utf-8"))
        known["position"] = weights
        given.write.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def fitted(
    table: np.ndarray, labels: np.ndarray, groups: np.ndarray, weight: np.ndarray
) -> tuple[LogisticRegression, np.ndarray]:
    """A logistic model of all examples, and each one's probability with its question left out."""
    held_out = np.zeros(len(labels))
    for train, test in GroupKFold(FOLDS).split(table, labels, groups):
        model = LogisticRegression(max_iter=4000).fit(table[train], labels[train], weight[train])
        held_out[test] = model.predict_proba(table[test])[:, 1]
    return LogisticRegression(max_iter=4000).fit(table, labels, weight), held_out


if __name__ == "__main__":
    main()
