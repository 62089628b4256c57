import random
from pathlib import Path

from eval.train import calibrate
from eval.train.calibrate import Asked
from rag.addressed import ADDRESS_SIGNALS
from rag.weights import model_weights


def test_what_is_fitted_is_addressed_and_all_else_is_kept(monkeypatch, capsys):
    rng, rows = random.Random(1), []
    for n in range(80):
        there, typed = n % 2 == 0, n % 4 < 2
        signals = [there + rng.gauss(0, 0.4) for _ in ADDRESS_SIGNALS]
        rows.append((Asked("clapnq", "?", [], there), typed, signals))
    monkeypatch.setattr(calibrate, "signals_of", lambda asked: rows)
    made = calibrate.calibrate_evidence(Path("nowhere"))
    kept = model_weights()
    assert made.keys() == kept.keys()
    assert (made["reading"], made["sentence"]) == (kept["reading"], kept["sentence"])
    for name in ("addressed_typed", "addressed_open"):
        assert made[name].keys() == kept[name].keys() and made[name] != kept[name]
        assert made[name]["missing_share"] == calibrate.MISSING_WEIGHT
    assert "clapnq: n=80; answerable 40, declined 0." in capsys.readouterr().out
