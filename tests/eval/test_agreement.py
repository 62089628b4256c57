"""How often a judge is right: the labelled pairs, the figures, and what stands beside a score."""

import json
from collections import Counter
from pathlib import Path

import pytest

from eval import agreement
from eval.agreement import Pair, agreement_of, main, measure, read_pairs, table
from eval.judges import load_judge
from index.articles import read_articles

ARTICLES = Path(agreement.__file__).parent / "sample" / "articles"


def pair(label, hard=False, kind="number", source="a", number=0):
    claim = f"claim {number} of {source}"
    return Pair(f"{kind}-{number}", "The ferry sank.", claim, label, kind, hard, source)


class Says:
    """Gives one verdict after the other, and counts what it was asked."""

    name = "says"

    def __init__(self, *verdicts, fingerprint=None):
        self.verdicts, self.asked = list(verdicts), 0
        if fingerprint:
            self.fingerprint = fingerprint

    def judge(self, pairs):
        self.asked += len(pairs)
        return [self.verdicts[n % len(self.verdicts)] for n in range(len(pairs))]


@pytest.fixture(scope="module")
def pairs():
    return read_pairs()


@pytest.fixture(scope="module")
def texts():
    articles = read_articles([ARTICLES]).articles
    return {a.id: " ".join(a.text.split()) for a in articles}


@pytest.mark.parametrize(("articles", "most"), [("sample", 160), ("others", 150)])
def test_there_are_enough_of_both_labels_and_hard_and_ordinary_ones(pairs, articles, most):
    pairs = [p for p in pairs if p.articles == articles]
    assert len(pairs) >= most
    assert 0.45 <= sum(p.label for p in pairs) / len(pairs) <= 0.55
    for label in (0, 1):
        hard = [p.hard for p in pairs if p.label == label]
        assert 0.4 <= sum(hard) / len(hard) <= 0.6
    assert all(count >= 5 for count in Counter(p.kind for p in pairs).values())


def test_evidence_stands_in_the_article_that_it_names(pairs, texts):
    of_sample = [p for p in pairs if p.articles == "sample"]
    assert [p.id for p in of_sample if p.evidence not in texts[p.source]] == []


def test_the_other_pairs_are_of_no_article_of_the_sample(pairs, texts):
    others = [p for p in pairs if p.articles == "others"]
    assert {p.source for p in others}.isdisjoint(texts)
    everything = "\n".join(texts.values())
    assert [p.id for p in others if p.evidence in everything] == []


def test_no_claim_is_copied_and_none_comes_twice(pairs):
    assert [p.id for p in pairs if p.label and p.claim in p.evidence] == []
    assert len({p.id for p in pairs}) == len(pairs) == len({(p.evidence, p.claim) for p in pairs})


def test_our_own_judge_is_better_than_chance_and_hard_pairs_do_not_turn_it_round(pairs):
    found = measure(load_judge("own"), pairs)
    assert found.balanced.low > 0.5 and found.hard.value > 0.5


def test_balanced_accuracy_is_the_mean_of_both_shares():
    """True: 2 of 3 right; false: 1 of 1; balanced (2/3 + 1) / 2."""
    rows = [pair(int(n != 4), number=n) for n in range(1, 6)]
    found = measure(Says(True, False, True, False, None), rows)
    assert found.balanced.value == pytest.approx((2 / 3 + 1) / 2)
    assert (found.true_right.value, found.false_right.value) == (pytest.approx(2 / 3), 1.0)
    assert (found.n, found.unscored, found.kinds["number"].value) == (5, 1, 0.75)


@pytest.mark.parametrize("verdicts", [(None,), (True, None)], ids=["nothing", "one label only"])
def test_what_can_not_be_measured_is_not_zero(verdicts):
    found = measure(Says(*verdicts), [pair(1, number=1), pair(0, number=2)])
    assert found.balanced.value is None
    assert "not measured" in table([found])


def test_a_judge_no_better_than_chance_is_told():
    rows = [pair(n % 2, source=f"s{n // 2}", number=n) for n in range(40)]
    chance, good = measure(Says(True), rows), measure(Says(False, True), rows)
    assert "says is not shown to be better than chance" in table([chance])
    assert "chance is 0.5" in table([good]) and "not shown" not in table([good])


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("WIRECHECK_CACHE", str(tmp_path))
    return tmp_path


def test_a_judge_with_a_fingerprint_is_measured_once(cache):
    first, again = Says(True, fingerprint="1"), Says(True, fingerprint="1")
    assert agreement_of(first) == agreement_of(again) == measure(first, read_pairs()).balanced
    assert (first.asked > 0, again.asked) == (True, 0)
    other = Says(False, fingerprint="2")
    agreement_of(other)
    assert other.asked


def test_a_damaged_file_is_measured_again(cache):
    agreement_of(Says(True, fingerprint="1"))
    [path] = cache.iterdir()
    path.write_text("{", encoding="utf-8")
    again = Says(True, fingerprint="1")
    agreement_of(again)
    assert again.asked


def test_the_command_prints_each_judge_and_writes_json(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(agreement, "load_judge", lambda name: Says(name == "yes"))
    assert main(["--judge", "yes", "--judge", "no", "--json", str(tmp_path / "a.json")]) == 0
    printed = capsys.readouterr().out
    assert "balanced accuracy        0.500 [0.500, 0.500]" in printed
    both = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [row["true_right"]["value"] for row in both] == [1.0, 0.0]
