import numpy as np
import pytest

from eval.train.fit_checker import Pairs, fitted, folded, left_out, lines


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
    model = fitted([few, many], [small.labels, big.labels], [0, 1])
    again = fitted([np.vstack([few] * 5), many], [np.tile(small.labels, 5), big.labels], [0, 1])
    assert again.weights == pytest.approx(model.weights, rel=0.35)
    assert model.weights[0] > 0


def test_a_set_left_out_is_judged_by_the_others_alone():
    sets = [made("one", 60), made("three", 60)]
    flipped = (
        Pairs("upside", sets[0][0].pairs, 1 - sets[0][0].labels, sets[0][0].groups),
        sets[0][1],
    )
    pairs, tables = zip(*sets, flipped, strict=True)
    scores = left_out(pairs, tables, [0, 1])
    upside = scores[2] >= 0.5
    assert (upside == pairs[2].labels).mean() < 0.1
    assert len(scores) == 3 and all(len(s) == 60 for s in scores)


def test_folds_keep_a_document_together_and_cover_every_pair():
    pairs, tables = zip(made("wice", 50), made("other", 50), strict=True)
    found = folded(pairs, tables, "wice", [0, 1])
    assert ((found >= 0.5) == pairs[0].labels).all()


def test_one_line_for_each_set_and_the_mean():
    pairs, tables = zip(made("one", 40), made("three", 40), strict=True)
    rows = list(lines(pairs, {"all": left_out(pairs, tables, [0])}))
    assert len(rows) == 3 and "one" in rows[0] and "all 1.000 / 1.000" in rows[0]
    assert rows[-1].startswith("mean")
