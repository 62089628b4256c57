import json

import pytest

from index.chosen import chosen_format
from index.network import FLOAT, INT8


class Played:
    """A network that takes as long as it is told, on a clock of its own."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.calls = clock, seconds, 0

    def means(self, rows):
        self.calls += 1
        self.clock[0] += self.seconds


@pytest.fixture
def clock(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("index.chosen.time.perf_counter", lambda: clock[0])
    return clock


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("WIRECHECK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def choose(clock, seconds):
    """What is chosen where the formats take so long, and how often something was measured."""
    made = {form: Played(clock, s) for form, s in seconds.items()}
    return chosen_format(made.__getitem__), sum(m.calls for m in made.values())


@pytest.mark.parametrize(
    ("exact", "rounded", "chosen"), [(2.0, 1.0, INT8), (1.1, 1.0, FLOAT), (1.0, 2.0, FLOAT)]
)
def test_the_fastest_if_it_is_clearly_so(clock, folder, exact, rounded, chosen):
    assert choose(clock, {FLOAT: exact, INT8: rounded}) == (chosen, 8)
    # Kept: another measurement would say otherwise.
    assert choose(clock, {FLOAT: rounded, INT8: exact}) == (chosen, 0)
    kept = json.loads((folder / "encoder-1.json").read_text())
    assert kept["tokens a second"] == {FLOAT: round(1024 / exact), INT8: round(1024 / rounded)}


def test_another_machine_is_measured_anew(clock, folder, monkeypatch):
    choose(clock, {FLOAT: 2.0, INT8: 1.0})
    monkeypatch.setattr("index.chosen.version", lambda package: "9999.1")
    assert choose(clock, {FLOAT: 1.0, INT8: 2.0}) == (FLOAT, 8)


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"format": "int4"}', '{"format": "int8"}'])
def test_a_file_that_says_nothing_is_written_anew(clock, folder, kept):
    folder.mkdir()
    (folder / "encoder-1.json").write_text(kept)
    assert choose(clock, {FLOAT: 1.0, INT8: 2.0}) == (FLOAT, 8)
    assert choose(clock, {FLOAT: 2.0, INT8: 1.0}) == (FLOAT, 0)


def test_where_nothing_can_be_kept_it_is_measured_each_time(clock, folder, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    for cache in ("off", str(tmp_path / "file")):
        monkeypatch.setenv("WIRECHECK_CACHE", cache)
        for _ in range(2):
            assert choose(clock, {FLOAT: 2.0, INT8: 1.0}) == (INT8, 8)
