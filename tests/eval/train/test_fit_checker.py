import numpy as np
import pytest

from eval.train.fit_checker import (
    Pairs,
    calibration_error,
    fitted,
    folded,
    left_out,
    table_of_reading,
)
from rag.verify import SIGNALS
from tests.rag.test_verify import Believer

NAMES = ("signal", "noise")


def made(name: str, count: int, shift: float = 0.0) -> tuple[Pairs, np.ndarray]:
    """Supported pairs have the higher signal; `shift` moves all of a set's."""
    rng = np.random.default_rng(len(name))
    labels = np.arange(count) % 2
    table = np.column_stack(
        [labels * 4.0 + shift + rng.normal(0, 0.1, count), rng.normal(size=count)]
    )
    pairs = tuple((f"e{n}", f"c{n}") for n in range(count))
    return Pairs(name, pairs, labels, np.arange(count) // 2), table


def test_every_set_weighs_the_same_however_many_pairs_it_has():
    (small, few), (big, many) = made("small", 20, shift=8.0), made("biggest", 400)
    model = fitted([few, many], [small.labels, big.labels], NAMES)
    again = fitted([np.vstack([few] * 5), many], [np.tile(small.labels, 5), big.labels], NAMES)
    assert again.weights == pytest.approx(model.weights, rel=0.35)
    assert model.weights[0] > 0


def test_a_set_left_out_is_judged_by_the_others_alone():
    sets = [made("one", 60), made("three", 60)]
    flipped = (
        Pairs("upside", sets[0][0].pairs, 1 - sets[0][0].labels, sets[0][0].groups),
        sets[0][1],
    )
    pairs, tables = zip(*sets, flipped, strict=True)
    scores = left_out(pairs, tables, NAMES)
    upside = scores[2] >= 0.5
    assert (upside == pairs[2].labels).mean() < 0.1
    assert len(scores) == 3 and all(len(s) == 60 for s in scores)


def test_folds_keep_a_document_together_and_cover_every_pair():
    pairs, tables = zip(made("wice", 50), made("other", 50), strict=True)
    found = folded(pairs, tables, "wice", NAMES)
    assert ((found >= 0.5) == pairs[0].labels).all()


def test_the_calibration_error_is_how_far_what_is_said_is_from_what_is_so():
    labels = [np.array([1, 0] * 10)]
    assert calibration_error([np.full(20, 0.5)], labels) == pytest.approx(0.0)
    assert calibration_error([np.full(20, 0.8)], labels) == pytest.approx(0.3)
    assert calibration_error([labels[0] * 1.0], labels) == pytest.approx(0.0)


def test_what_the_model_said_is_kept_and_not_asked_again(tmp_path):
    one = Pairs(
        "one",
        (("It rained.", "It rained."), ("It rained.", "It was dry.")),
        np.array([1, 0]),
        np.array([0, 0]),
    )
    model = Believer(0.9)
    table = table_of_reading(one, model, tmp_path / "rows.jsonl")
    assert table.shape == (2, len(SIGNALS)) and table[:, -1] == pytest.approx(0.9)
    again = table_of_reading(one, model, tmp_path / "rows.jsonl")
    assert model.calls == 2 and (again == table).all()
