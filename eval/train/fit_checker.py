"""Fit the weights of the checker's signals (`rag/checker.json`) and say what they are worth.

    python -m eval.train.fit_checker --data BENCH_FOLDER [--write rag/checker.json]
        [--weights checker.safetensors]

Sets of pairs: WiCE dev, SummEdits by domain, swapped pairs made from `dev` passages, and two sets
of `entailment_open` that `eval.train.checker` holds out whole. Every set counts the same, and so do
its true and its false pairs. Printed: balanced accuracy at 0.5 and AUROC of each set when it was
left out, with the signals of words and encoder alone, with the hard checks as well, and, for the
weights of a cross-encoder that `eval.train.checker` made, with it in place of them and with all.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.bootstrap import auroc, balanced_accuracy, balanced_draws
from eval.checker_sets import Case, load_sets, swapped
from eval.entailment import Entailment
from eval.figures import interval
from eval.files import read_sets
from eval.train.calibrate import FOLDS, SEED, rounded
from eval.train.checker import HELD_OUT, SWAP_SETS
from index import load_encoder
from index.encoder import BUNDLED
from index.language import sentence_spans
from rag import verify
from rag.nearest import focus
from rag.tuned import read_tuned, shipped_weights

#: Pairs of one set at most, texts that swaps are made from, sentences of a claim.
MOST, SWAP_TEXTS, MOST_SENTENCES = 400, 250, 8
#: Weights set by hand, by column: these sets hold hardly a swapped speaker, or "may" made "will".
BY_HAND = {
    verify.SIGNALS.index("fails_speaker"): -1.2,
    verify.SIGNALS.index("fails_modality"): -1.2,
}


@dataclass(frozen=True)
class Pairs:
    """One set: pairs of (evidence, claim), whether each is supported, and its document."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    labels: np.ndarray
    groups: np.ndarray


def pair_sets(data: Path, rng: random.Random) -> Iterator[Pairs]:
    """All sets, each cut to `MOST` pairs; those that the checker is measured on are of news."""
    for name, cases in load_sets(data, ("wice", "summedits", *HELD_OUT)):
        yield _set(name, cases, rng)
    rows = read_sets(data / "qa_span.jsonl.gz", SWAP_SETS, "dev")
    texts = sorted({r["passage"] for r in rows})
    cases = swapped(rng.sample(texts, min(SWAP_TEXTS, len(texts))), rng, 2)
    yield _set("swaps", cases, rng)


def _set(name: str, cases: Sequence[Case], rng: random.Random) -> Pairs:
    kept = rng.sample(list(cases), min(MOST, len(cases)))
    return Pairs(
        name,
        tuple((c.evidence, c.claim) for c in kept),
        np.array([c.label for c in kept]),
        np.unique([c.group for c in kept], return_inverse=True)[1],
    )


def tables(sets: Sequence[Pairs], weights: Path | None) -> list[np.ndarray]:
    """The signals of each set, `(pairs, signals)`; with a cross-encoder's three after them."""
    blank = verify.Calibration((0.0,) * len(verify.SIGNALS), 0.0, 0.5, "")
    checker = verify.SignalChecker(load_encoder(BUNDLED), blank)
    made = [checker.signals(s.pairs) for s in sets]
    if weights is None:
        return made
    trained = Entailment(read_tuned(shipped_weights("reader"), weights))
    return [
        np.hstack([table, entailed(s.pairs, trained)]) for table, s in zip(made, sets, strict=True)
    ]


def entailed(pairs: Sequence[tuple[str, str]], trained: Entailment) -> np.ndarray:
    """Logits (/ 4) of a claim's weakest sentence beside 100 words, 50, and the surer, `(n, 3)`."""
    asked: list[tuple[str, str]] = []
    owner: list[int] = []
    for number, (evidence, claim) in enumerate(pairs):
        spans = sentence_spans(claim)[:MOST_SENTENCES] or [(0, len(claim))]
        for sentence in (claim[start:end] for start, end in spans):
            asked += [(focus(evidence, sentence, size), sentence) for size in (100, 50)]
            owner.append(number)
    logits = trained.logits(asked).reshape(-1, 2) / 4
    weakest = np.full((len(pairs), 3), np.inf)
    np.minimum.at(weakest, owner, np.column_stack([logits, logits.max(axis=1)]))
    return weakest


@dataclass(frozen=True)
class Fitted:
    """A logistic model over some columns of a table."""

    columns: tuple[int, ...]
    weights: np.ndarray
    bias: float

    def shares(self, table: np.ndarray) -> np.ndarray:
        """0..1 for each row."""
        found: np.ndarray = 1 / (1 + np.exp(-(table[:, self.columns] @ self.weights + self.bias)))
        return found


def fitted(
    tables: Sequence[np.ndarray], labels: Sequence[np.ndarray], columns: Sequence[int]
) -> Fitted:
    """A model in which every set, and each label in it, weighs the same; `BY_HAND` stays."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    free = [n for n in columns if n not in BY_HAND]
    weights = np.concatenate(
        [np.where(y == 1, 0.5 / max(1, y.sum()), 0.5 / max(1, (1 - y).sum())) for y in labels]
    )
    scale = sum(len(y) for y in labels) / len(labels)
    model = LogisticRegression(C=1.0, max_iter=3000)
    model.fit(np.vstack(tables)[:, free], np.concatenate(labels), sample_weight=weights * scale)
    found = dict(zip(free, model.coef_[0], strict=True))
    chosen = np.array([BY_HAND.get(n, found.get(n, 0.0)) for n in columns])
    return Fitted(tuple(columns), chosen, float(model.intercept_[0]))


def left_out(
    sets: Sequence[Pairs], tables: Sequence[np.ndarray], columns: Sequence[int]
) -> list[np.ndarray]:
    """Each set's 0..1 from the model that saw the other sets; SummEdits' domains count as others.

    WiCE, too, is left out whole here.
    """
    found = []
    for n in range(len(sets)):
        rest = [m for m in range(len(sets)) if m != n]
        model = fitted([tables[m] for m in rest], [sets[m].labels for m in rest], columns)
        found.append(model.shares(tables[n]))
    return found


def folded(
    sets: Sequence[Pairs], tables: Sequence[np.ndarray], name: str, columns: Sequence[int]
) -> np.ndarray:
    """One set's 0..1 where a fifth of its documents at a time is left out, the other sets kept."""
    from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]

    n = next(n for n, s in enumerate(sets) if s.name == name)
    rest = [m for m in range(len(sets)) if m != n]
    found = np.zeros(len(sets[n].labels))
    for train, test in GroupKFold(FOLDS).split(tables[n], sets[n].labels, sets[n].groups):
        model = fitted(
            [*(tables[m] for m in rest), tables[n][train]],
            [*(sets[m].labels for m in rest), sets[n].labels[train]],
            columns,
        )
        found[test] = model.shares(tables[n][test])
    return found


def lines(sets: Sequence[Pairs], scores: Mapping[str, Sequence[np.ndarray]]) -> Iterator[str]:
    """One line for each set: balanced accuracy and AUROC of each form."""
    means: dict[str, list[float]] = {form: [] for form in scores}
    for n, one in enumerate(sets):
        row = f"{one.name:<22} n={len(one.labels):<4}"
        for form, found in scores.items():
            balanced = balanced_accuracy(one.labels, found[n] >= 0.5)
            means[form].append(balanced)
            row += f"  {form} {balanced:.3f} / {auroc(one.labels, found[n]):.3f}"
        yield row
    yield "mean balanced accuracy  " + "  ".join(f"{f} {np.mean(m):.3f}" for f, m in means.items())


def main() -> None:
    """Print the figures and write the weights with `--write`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="the JSON file to write")
    parser.add_argument("--weights", type=Path, help="a cross-encoder, to compare with")
    options = parser.parse_args()
    sets = list(pair_sets(options.data, random.Random(SEED)))
    found = tables(sets, options.weights)
    columns = forms(found[0].shape[1])
    print("each set left out whole: balanced accuracy / AUROC")
    for line in lines(sets, {form: left_out(sets, found, c) for form, c in columns.items()}):
        print(line)
    shipped = columns["with checks"]
    shown = (folded(sets, found, "wice", shipped) >= 0.5).astype(int)
    low, high = interval(balanced_draws(sets[0].labels, shown, sets[0].groups, SEED))
    balanced = balanced_accuracy(sets[0].labels, shown)
    print(f"wice, {FOLDS}-fold: {balanced:.3f} [{low:.3f}, {high:.3f}]")
    made = written(fitted(found, [s.labels for s in sets], shipped), sets)
    print(made)
    if options.write:
        options.write.write_text(made, encoding="utf-8")


def forms(width: int) -> dict[str, list[int]]:
    """The forms that are compared, with the columns that each may use."""
    own = list(range(len(verify.SIGNALS)))
    plain = [n for n in own if not verify.SIGNALS[n].startswith("fails")]
    found = {"plain": plain, "with checks": own}
    extra = list(range(len(own), width))
    return {**found, "trained": plain + extra, "all": own + extra} if extra else found


def written(model: Fitted, sets: Sequence[Pairs]) -> str:
    """What `rag/checker.json` holds."""
    made = {
        "weights": rounded(verify.SIGNALS, list(model.weights)),
        "bias": round(model.bias, 4),
        "threshold": 0.5,
        "origin": f"logistic regression over {len(sets)} sets of equal weight, "
        f"n={sum(len(s.labels) for s in sets)}; see eval/train/fit_checker.py",
    }
    return json.dumps(made, indent=2) + "\n"


if __name__ == "__main__":
    main()
