from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.encoder import bundled_folder
from index.network import FLOAT, INT8, Network

ROWS = [[101, *range(2000, 2000 + n), 102] for n in (3, 90, 0, 254, 40, 7, 90, 120)]


@pytest.fixture(scope="module", params=[FLOAT, INT8])
def network(request):
    return Network(bundled_folder() / "model.safetensors", 12, request.param)


def test_a_row_is_the_same_in_any_company(network):
    together = network.hidden(ROWS)
    assert [row.shape for row in together] == [(len(row), 384) for row in ROWS]
    means = np.array([row.mean(0) for row in together])
    for row, mean in zip(ROWS, means, strict=True):
        alone = network.means([row])[0]
        assert alone @ mean > 0.999 * np.linalg.norm(alone) * np.linalg.norm(mean)
    np.testing.assert_allclose(network.means(ROWS), means, atol=1e-5)


def test_nothing_gives_nothing(network):
    assert network.hidden([]) == [] and network.means([]).size == 0


def test_the_second_text_of_a_pair_is_told_from_the_first(network):
    kinds = [[0] * (len(row) // 2) + [1] * (len(row) - len(row) // 2) for row in ROWS]
    plain, paired = network.hidden(ROWS), network.hidden(ROWS, kinds)
    assert min(abs(a - b).max() for a, b in zip(plain, paired, strict=True)) > 0.05


def test_threads_share_a_network(network):
    alone = network.means(ROWS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: network.means(ROWS), range(12)):
            np.testing.assert_allclose(found, alone, atol=1e-5)


def test_tuned_layers_stand_in_for_the_files(network):
    name = "encoder.layer.5.output.LayerNorm.bias"
    weights = bundled_folder() / "model.safetensors"
    tuned = Network(weights, 12, FLOAT, {name: np.full(384, 5, np.float32)})
    moved = tuned.hidden(ROWS)[0] - Network(weights, 12, FLOAT).hidden(ROWS)[0]
    assert moved.std(0).max() < 1e-2 and abs(moved).mean() > 1
