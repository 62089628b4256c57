import gzip
import json

import numpy as np
import pytest

import wirecheck
from eval import checker, checker_sets
from eval.bootstrap import auroc, balanced_accuracy, balanced_draws
from eval.checker import measure, measure_all
from eval.checker_sets import load_sets
from eval.figures import interval
from eval.swaps import Case
from index.errors import SettingError
from tests.fakes import OverlapChecker

SENTENCE = "The port of Orvik sold 14 boats to Arden on Monday after a long dispute."


def write(path, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Every file that the sets are made from, a few invented rows each."""
    write(tmp_path / "wice_claim_dev.jsonl", [
        {"claim": "Boats were sold", "evidence": ["Boats were sold", "It rained"], "label": "supported", "meta": {"claim_title": "Boats"}},
        {"claim": "Boats were lost", "evidence": ["Boats were sold", "It rained"], "label": "partially_supported", "meta": {"claim_title": "Boats"}},
    ])  # fmt: skip
    write(
        tmp_path / "summedits_docs.jsonl", [{"doc_id": d, "doc": "They sold boats"} for d in "ab"]
    )
    write(tmp_path / "summedits_other_domains.jsonl", [
        {"domain": "mail", "doc_id": "a", "summary": "they sold boats", "label": 1, "edit_types": []},
        {"domain": "mail", "doc_id": "a", "summary": "they sank ships", "label": 0, "edit_types": ["x"]},
        {"domain": "talk", "doc_id": "b", "summary": "they sold boats", "label": 0, "edit_types": ["x"]},
        {"domain": "talk", "doc_id": "b", "summary": "sold boats", "label": 1, "edit_types": []},
    ])  # fmt: skip
    facts = [
        {"doc_id": "f", "facts": [{"text": SENTENCE}, {"text": "It rained all day in Arden."}]}
    ]
    write(tmp_path / "multihoprag_facts.jsonl", facts)
    for name, rows in (
        ("answerable", [("who sold boats", "Orvik sold boats. It rained.", "Orvik sold boats", ["Orvik sold boats."])]),
        ("unanswerable", [("who sank", "Arden sold coal.", "", []), ("what of hens", "Hens lay eggs.", "", [])]),
    ):  # fmt: skip
        write(tmp_path / f"clapnq_{name}_dev.jsonl", [
            {"input": q, "passages": [{"text": p}], "output": [{"answer": a, "selected_sentences": s}]}
            for q, p, a, s in rows
        ])  # fmt: skip
    write(tmp_path / "entailment_open.jsonl.gz", [
        {"set": s, "evidence": "Boats were sold", "claim": c, "label": n}
        for s in ("rank19", "fever_symmetric", "snli")
        for c, n in (("boats were sold", 1), ("hens were sold", 0))
    ])  # fmt: skip
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "a.txt").write_text(f"Boats\n\n{SENTENCE} The mayor did not comment on the sale.")
    monkeypatch.setattr(checker_sets, "SAMPLE_ARTICLES", articles)
    return tmp_path


def test_balanced_accuracy_weighs_both_kinds_the_same():
    labels = np.array([1, 1, 1, 1, 0, 0])
    assert balanced_accuracy(labels, np.array([1, 1, 1, 1, 1, 0])) == 0.75
    assert balanced_accuracy(labels, np.ones(6)) == 0.5
    assert np.isnan(balanced_accuracy(np.ones(3), np.ones(3)))


def test_auroc_counts_pairs_and_halves_ties():
    labels = np.array([1, 0, 1, 0])
    assert auroc(labels, np.array([0.9, 0.1, 0.8, 0.2])) == 1.0
    assert auroc(labels, np.array([0.5, 0.5, 0.5, 0.5])) == 0.5
    assert auroc(labels, np.array([0.9, 0.5, 0.1, 0.5])) == 0.5
    assert auroc(labels, np.array([0.9, 0.5, 0.5, 0.1])) == 0.875
    assert np.isnan(auroc(np.zeros(2), np.zeros(2)))


def test_claims_of_one_article_stand_or_fall_together():
    """Ten copies of a claim are no more evidence than one: drawn by article, it shows."""
    rng = np.random.default_rng(3)
    labels, right = np.tile([0, 1], 30), rng.random(60) < 0.7
    predicted = np.where(right, labels, 1 - labels)
    many = [np.repeat(x, 10) for x in (labels, predicted, np.arange(60))]
    width = {}
    for name, groups in (("claim", np.arange(600)), ("article", many[2])):
        low, high = interval(balanced_draws(many[0], many[1], groups, 1))
        assert low < balanced_accuracy(labels, predicted) < high
        width[name] = high - low
    assert 2.5 < width["article"] / width["claim"] < 4  # the square root of ten
    once = interval(balanced_draws(labels, predicted, np.arange(60), 1))
    assert once[1] - once[0] == pytest.approx(width["article"], rel=0.05)


def test_what_supports_what(data):
    sets = dict(load_sets(data, ["wice", "summedits", "clapnq", "rank19"]))
    assert list(sets) == ["wice", "summedits mail", "summedits talk", "clapnq", "rank19"]
    assert [c.label for c in sets["wice"]] == [1, 0]
    assert sets["wice"][0].evidence == "Boats were sold\nIt rained"
    assert sets["summedits mail"][1] == Case("They sold boats", "they sank ships", 0, "a")
    assert [(c.evidence, c.label) for c in sets["clapnq"]] == [
        ("Orvik sold boats.", 1),
        ("Arden sold coal.", 0),  # of the others' passages, the one most like the answer
    ]
    assert [c.claim for c in sets["rank19"]] == ["boats were sold", "hens were sold"]


def test_no_data_and_no_such_set_are_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(checker, "load_checker", lambda: OverlapChecker(0.9))
    assert wirecheck.main(["eval", "--checker", "--data", str(tmp_path)]) == 2
    out = capsys.readouterr()
    assert out.out == "" and len(out.err.strip().splitlines()) == 1
    with pytest.raises(SystemExit):
        wirecheck.main(["eval", "--checker", "--data", str(tmp_path), "--set", "nli"])
    (tmp_path / "wice_claim_dev.jsonl").write_text("{")
    with pytest.raises(SettingError, match="no JSON lines file"):
        list(load_sets(tmp_path, ["wice"]))


def test_figures_of_a_set():
    cases = [
        Case("boats were sold", "boats were sold", 1, "a"),
        Case("boats were sold", "boats were lost", 1, "b"),
        Case("boats were sold", "hens were sold", 0, "c"),
        Case("boats were sold", "sold were boats", 0, "d"),
        Case("boats were sold", "hens lay eggs", 0, "e"),
        Case("boats were sold", "hens lay grain", 0, "f"),
    ]
    row, _ = measure("x", cases, OverlapChecker().support, 0.9)
    assert (row.true, row.false) == (2, 4)
    assert (row.true_refused, row.false_refused) == (0.5, 0.75)
    assert row.balanced == 0.625 and row.low < 0.625 < row.high
    # Of 8 pairs, the true one is above in 3 + 2 and level in 1 + 1.
    assert row.auroc == (5 + 1) / 8
    assert row.product_true_refused is None


def test_the_product_also_refuses_by_hard_checks():
    text = "Orvik sold 14 boats on Monday ."
    cases = [Case(text, text, 1, "a"), Case(text, "Orvik sold 15 boats on Monday .", 0, "a")]
    row, _ = measure("swap number", cases, OverlapChecker().support, 0.1)
    assert (row.true_refused, row.false_refused) == (0.0, 0.0)
    assert (row.product_true_refused, row.product_false_refused) == (0.0, 1.0)


def test_the_domains_count_the_same(data):
    rows = {r.name: r for r in measure_all(data, ["summedits"], OverlapChecker(0.9)).rows}
    assert list(rows) == ["summedits mail", "summedits talk", "summedits, mean"]
    assert rows["summedits mail"].balanced == 1.0 and rows["summedits talk"].balanced == 0.5
    assert rows["summedits, mean"].balanced == 0.75 and rows["summedits, mean"].true == 2


def test_the_command_prints_and_writes(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(checker, "load_checker", lambda: OverlapChecker(0.9))
    words = ["eval", "--checker", "--data", str(data), "--json", str(tmp_path / "out.json")]
    assert wirecheck.main(words) == 0
    out = capsys.readouterr().out
    made = json.loads((tmp_path / "out.json").read_text())
    assert next(r["name"] for r in made["rows"]) == "wice"
    for row in made["rows"]:
        assert row["name"] in out
    assert {"clapnq", "rank19", "fever_symmetric", "summedits, mean"} <= {
        r["name"] for r in made["rows"]
    }
    assert "Published by others, not measured here" in out and "threshold 0.90" in out
    assert "snli" not in out, "the checker may have been trained on it"
    assert made["published_by_others"][0]["balanced_percent"] == 77.4
    assert all(len(line) <= 100 for line in out.splitlines())
    assert wirecheck.main([*words[:-1], str(data / "no" / "out.json")]) == 2
