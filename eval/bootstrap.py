"""Balanced accuracy with draws by article (claims on one stand or fall together), and AUROC."""

from __future__ import annotations

import numpy as np

from eval.figures import UNSCORED, Figure, Numbers, interval


def balanced_accuracy(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of the shares of true and of false that are told right; nan if one kind is missing.

    Both `(n,)` of 0 and 1.
    """
    true = labels == 1
    if not true.any() or true.all():
        return UNSCORED
    return float((predicted[true].mean() + 1 - predicted[~true].mean()) / 2)


def balanced_draws(
    labels: np.ndarray, predicted: np.ndarray, groups: np.ndarray, seed: int, rounds: int = 2000
) -> Numbers:
    """Balanced accuracy of `rounds` draws of whole groups with replacement (Field and Welsh 2007).

    All `(n,)`; `groups` are any labels of clusters. Draws in which one kind is missing are nan.
    """
    names, places = np.unique(groups, return_inverse=True)
    true, right = labels == 1, predicted == labels
    kinds = (true, true & right, ~true, ~true & right)
    counts = np.array([np.bincount(places, weights=k, minlength=len(names)) for k in kinds])
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
    trues, hits, falses, refusals = counts @ times.T
    with np.errstate(invalid="ignore", divide="ignore"):
        draws: Numbers = (hits / trues + refusals / falses) / 2
    return draws


def balanced(labels: np.ndarray, predicted: np.ndarray, groups: np.ndarray, seed: int) -> Figure:
    """Balanced accuracy with its 95 % interval drawn by group; no value if one kind is missing."""
    if len(set(labels.tolist())) < 2:
        return Figure(None, None, None, len(labels))
    low, high = interval(balanced_draws(labels, predicted, groups, seed))
    return Figure(balanced_accuracy(labels, predicted), low, high, len(labels))


def auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    """How often a true one scores above a false one, ties half; nan if one kind is missing.

    The rank sum of Mann and Whitney (1947). Both `(n,)`.
    """
    true, false = scores[labels == 1], np.sort(scores[labels != 1])
    if not len(true) or not len(false):
        return UNSCORED
    below, upto = (np.searchsorted(false, true, side) for side in ("left", "right"))
    return float((below + upto).sum() / (2 * len(true) * len(false)))
