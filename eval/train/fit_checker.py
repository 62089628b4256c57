r"""Fit the weights of the checker (`rag/checker.json`) and say what its signals are worth.

    python -m eval.train.fit_checker --data BENCH_FOLDER --rows FILE [--write rag/checker.json]

Sets of pairs: WiCE dev, SummEdits by domain, swapped pairs made from `dev` passages, and two sets
of `entailment_open` that `eval.train.checker` holds out whole. Every set counts the same, and so do
its true and its false pairs. Two models are fitted: "signals", of words, encoder and hard checks,
and "read", of the hard checks and the language model's word on each pair, which takes a second a
pair: FILE keeps it, and a later run goes on from there. Printed: balanced accuracy at 0.5 and AUROC
of each set when it was left out, and how well calibrated all of them are then.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.bootstrap import auroc, balanced, balanced_accuracy
from eval.checker_sets import load_sets
from eval.files import data_parser, read_lines, read_sets
from eval.swaps import Case, make_pairs
from eval.train.calibrate import FOLDS, SEED, rounded
from eval.train.checker import HELD_OUT, SWAP_SETS
from index import load_encoder
from index.encoder import BUNDLED
from rag import signal_checker, verify
from rag.asking import Model
from rag.models import EMBEDDED, load_model

#: Pairs of one set at most, and texts that swaps come from.
MOST, SWAP_TEXTS = 400, 250
#: Pairs that the language model reads of these sets, and of each other one; and how they are drawn.
MOST_READ, FEW, DRAWN = {"wice": 220, "swaps": 160, "rank19": 200, "fever_symmetric": 200}, 70, 5
#: The set with the longest evidence and the hardest claims.
HARD = "wice"
#: Weights set by hand: these sets hold hardly a swapped speaker, or "may" made "will".
BY_HAND = {"fails_speaker": -1.2, "fails_modality": -1.2}
#: Of how many equal parts of 0..1 the calibration error is made.
BINS = 10


@dataclass(frozen=True)
class Pairs:
    """One set: pairs of (evidence, claim), whether each is supported, and its document."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    labels: np.ndarray
    groups: np.ndarray

    def some(self, chosen: Sequence[int]) -> Pairs:
        """Those at these places."""
        kept = np.array(chosen)
        pairs = tuple(self.pairs[n] for n in chosen)
        return Pairs(self.name, pairs, self.labels[kept], self.groups[kept])


def pair_sets(data: Path, rng: random.Random) -> Iterator[Pairs]:
    """All sets, each cut to `MOST` pairs; those that the checker is measured on are of news."""
    for name, cases in load_sets(data, ("wice", "summedits", *HELD_OUT)):
        yield _set(name, cases, rng)
    rows = read_sets(data / "qa_span.jsonl.gz", SWAP_SETS, "dev")
    texts = sorted({r["passage"] for r in rows})
    cases = make_pairs(rng.sample(texts, min(SWAP_TEXTS, len(texts))), rng, 2)
    yield _set("swaps", cases, rng)


def _set(name: str, cases: Sequence[Case], rng: random.Random) -> Pairs:
    kept = rng.sample(list(cases), min(MOST, len(cases)))
    return Pairs(
        name,
        tuple((c.evidence, c.claim) for c in kept),
        np.array([c.label for c in kept]),
        np.unique([c.group for c in kept], return_inverse=True)[1],
    )


def read_sets_of(sets: Sequence[Pairs]) -> list[Pairs]:
    """The part of each set that the language model reads."""
    rng = random.Random(DRAWN)
    return [
        s.some(rng.sample(range(len(s.pairs)), min(MOST_READ.get(s.name, FEW), len(s.pairs))))
        for s in sets
    ]


def table_of_signals(one: Pairs) -> np.ndarray:
    """The signals of a set's pairs without a language model, `(pairs, signals)`."""
    blank = signal_checker.Calibration((0.0,) * len(signal_checker.SIGNALS), 0.0, 0.5)
    return signal_checker.SignalChecker(load_encoder(BUNDLED), blank).signals(one.pairs)


def table_of_reading(one: Pairs, model: Model, rows: Path) -> np.ndarray:
    """The hard checks and the model's word, `(pairs, signals)`; `rows` keeps what it said."""
    rows.touch()
    known = {(r["set"], r["claim"]): r["yes"] for r in read_lines(rows)}
    with rows.open("a", encoding="utf-8") as out:
        for pair in one.pairs:
            key = (one.name, pair[1])
            if key not in known:
                known[key] = float(verify.yes_of(model, [pair])[0])
                row = {"set": one.name, "claim": pair[1], "yes": known[key]}
                out.write(json.dumps(row) + "\n")
                out.flush()
    said = np.array([known[one.name, claim] for _, claim in one.pairs])
    return np.column_stack([signal_checker.failed(one.pairs), said])


@dataclass(frozen=True)
class Fitted:
    """A logistic model over the columns of a table."""

    weights: np.ndarray
    bias: float

    def shares(self, table: np.ndarray) -> np.ndarray:
        """0..1 for each row."""
        found: np.ndarray = 1 / (1 + np.exp(-(table @ self.weights + self.bias)))
        return found


def fitted(
    tables: Sequence[np.ndarray], labels: Sequence[np.ndarray], names: Sequence[str]
) -> Fitted:
    """A model in which every set, and each label in it, weighs the same; `BY_HAND` stays."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    free = [n for n, name in enumerate(names) if name not in BY_HAND]
    scale = sum(len(y) for y in labels) / len(labels)
    model = LogisticRegression(C=1.0, max_iter=3000)
    model.fit(
        np.vstack(tables)[:, free],
        np.concatenate(labels),
        sample_weight=np.concatenate([even(y) for y in labels]) * scale,
    )
    found = dict(zip(free, model.coef_[0], strict=True))
    weights = [BY_HAND.get(name, found.get(n, 0.0)) for n, name in enumerate(names)]
    return Fitted(np.array(weights), float(model.intercept_[0]))


def even(labels: np.ndarray) -> np.ndarray:
    """Weights by which the true pairs of a set count as much as its false ones; 1 together."""
    from sklearn.utils.class_weight import compute_sample_weight  # type: ignore[import-untyped]

    found: np.ndarray = compute_sample_weight("balanced", labels) / len(labels)
    return found


def left_out(
    sets: Sequence[Pairs], tables: Sequence[np.ndarray], names: Sequence[str]
) -> list[np.ndarray]:
    """Each set's 0..1 from the model that saw the other sets; SummEdits' domains count as others.

    WiCE, too, is left out whole here.
    """
    found = []
    for n in range(len(sets)):
        rest = [m for m in range(len(sets)) if m != n]
        model = fitted([tables[m] for m in rest], [sets[m].labels for m in rest], names)
        found.append(model.shares(tables[n]))
    return found


def folded(
    sets: Sequence[Pairs], tables: Sequence[np.ndarray], name: str, names: Sequence[str]
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
            names,
        )
        found[test] = model.shares(tables[n][test])
    return found


def calibration_error(shares: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> float:
    """The expected calibration error, 0..1, lower is better; every set weighs the same.

    The mean over `BINS` parts of 0..1 of how far the mean share is from the part that is true,
    by the weight that falls into each (Naeini, Cooper and Hauskrecht 2015).
    """
    said, true = np.concatenate(list(shares)), np.concatenate(list(labels))
    weight = np.concatenate([even(y) for y in labels])
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, weight * (said - true), minlength=BINS)
    return float(np.abs(gaps).sum() / weight.sum())


def lines(sets: Sequence[Pairs], scores: Sequence[np.ndarray]) -> Iterator[str]:
    """One line for each set, balanced accuracy and AUROC; then their means, and the error."""
    shares = []
    for one, found in zip(sets, scores, strict=True):
        shares.append(balanced_accuracy(one.labels, found >= 0.5))
        area = auroc(one.labels, found)
        yield f"{one.name:<22} n={len(one.labels):<4}  {shares[-1]:.3f} / {area:.3f}"
    error = calibration_error(scores, [s.labels for s in sets])
    yield f"mean balanced accuracy  {np.mean(shares):.3f}; calibration error {error:.3f}"


def fit(
    name: str, sets: Sequence[Pairs], tables: Sequence[np.ndarray], names: Sequence[str]
) -> dict[str, Any]:
    """Print a model's figures; what `rag/checker.json` holds of it."""
    print(f"{name}: each set left out whole, balanced accuracy / AUROC")
    for line in lines(sets, left_out(sets, tables, names)):
        print(line)
    hard = next(s for s in sets if s.name == HARD)
    shown = (folded(sets, tables, HARD, names) >= 0.5).astype(int)
    print(f"{HARD}, {FOLDS}-fold: {balanced(hard.labels, shown, hard.groups, SEED):.3f}")
    model = fitted(tables, [s.labels for s in sets], names)
    return {
        "weights": rounded(names, list(model.weights)),
        "bias": round(model.bias, 4),
        "threshold": 0.5,
        "origin": f"logistic regression over {len(sets)} sets of equal weight, "
        f"n={sum(len(s.labels) for s in sets)}; see eval/train/fit_checker.py",
    }


def main() -> None:
    """Print the figures and write the weights with `--write`."""
    parser = data_parser(__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="keeps what the model said")
    parser.add_argument("--write", type=Path, help="the JSON file to write")
    options = parser.parse_args()
    sets = list(pair_sets(options.data, random.Random(SEED)))
    some, model = read_sets_of(sets), load_model(EMBEDDED)
    made = {
        "signals": fit("signals", sets, list(map(table_of_signals, sets)), signal_checker.SIGNALS),
        "read": fit(
            "read",
            some,
            [table_of_reading(one, model, options.rows) for one in some],
            verify.SIGNALS,
        ),
    }
    if options.write:
        options.write.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
