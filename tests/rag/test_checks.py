import json
import time
from pathlib import Path

import pytest

from index.language import sentence_spans
from rag.checks import fold, hard_checks, hard_checks_many

TESTS = Path(__file__).parents[1]
CASES = [json.loads(line) for line in (TESTS / "hard_cases.jsonl").open(encoding="utf-8")]
ARTICLES = sorted((TESTS.parent / "eval/sample/articles").glob("*.txt"))


def refused(claim, evidence, published=None):
    """Names of the checks that a claim fails."""
    return [c.name for c in hard_checks(claim, evidence, published) if not c.passed]


@pytest.fixture(scope="module")
def verdicts():
    found = hard_checks_many([(c["claim"], c["evidence"], c.get("published")) for c in CASES])
    return [[check for check in checks if not check.passed] for checks in found]


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: CASES[n]["claim"][:50])
def test_hard_cases(number, verdicts, request):
    case, failed = CASES[number], verdicts[number]
    if case.get("missed"):
        request.applymarker(pytest.mark.xfail(reason="known miss", strict=True))
    assert (not failed) is case["passes"], (case["why"], failed)
    assert all(check.detail for check in failed)


def test_there_are_cases_of_both_kinds_for_every_check():
    kinds = {(c["check"], c["passes"]) for c in CASES}
    names = {c.name for c in hard_checks("A claim.", "A source.")}
    assert kinds == {(name, passes) for name in names for passes in (True, False)}
    assert len(CASES) >= 140


def test_a_sentence_of_the_evidence_passes_every_check():
    pairs = []
    for path in ARTICLES[::8]:
        text = path.read_text(encoding="utf-8")
        pairs += [(text[s:e], text) for s, e in sentence_spans(text)[1:12]]
    failed = [
        (pair[0], [c for c in checks if not c.passed])
        for pair, checks in zip(pairs, hard_checks_many(pairs), strict=True)
    ]
    assert [f for f in failed if f[1]] == []


def test_a_detail_says_what_the_source_says_instead():
    evidence = "Fourteen people died and 41 were hurt when the stand fell."
    check = next(c for c in hard_checks("41 people died.", evidence) if not c.passed)
    assert check.name == "number"
    assert "41" in check.detail and "Fourteen" in check.detail


def test_many_pairs_get_what_each_gets_alone():
    pairs = [("Keel sued Brant.", "Brant sued Keel."), ("It rained.", "It rained all day.")]
    assert hard_checks_many(pairs) == [hard_checks(*pair) for pair in pairs]


def test_fold_folds_white_space_and_quotes_and_nothing_else():
    assert fold(" “A”\n ‘b’  –c ") == "\"A\" 'b' –c"


@pytest.mark.parametrize("published", [None, "", "soon", "2025-99-99", "0001-01-01"])
def test_a_date_that_is_none_counts_as_unknown(published):
    assert refused("It closed on Monday.", "It closed on Monday.", published) == []


LONG = "The dike held through the night and the crews went home at dawn. "


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("", "The dike held."),
        ("The dike held.", ""),
        ("The dike held.", LONG * 16_000),
        ("السد صمد طوال الليل", "السد صمد طوال الليل، قال المهندس."),
        ("大坝坚持了一夜。", "工程师说, 大坝坚持了一夜。"),
        ("It cost " + "9" * 1000 + " crowns.", "It cost " + "8" * 1000 + " crowns."),
        ("!" * 3000, "?" * 3000),
    ],
    ids=["claim", "evidence", "million", "arabic", "chinese", "digits", "marks"],
)
def test_odd_input_gets_an_answer_soon(claim, evidence):
    hard_checks("Warm up.", "Warm up.")
    began = time.process_time()
    assert len(hard_checks(claim, evidence)) == 8
    assert time.process_time() - began < 2


def test_a_needle_in_a_long_text_is_found():
    needle = "The pumps at Orrel Lock were sold to Ines Sorel for 41 crowns."
    evidence = LONG * 2000 + needle + LONG * 2000
    assert refused("Ines Sorel bought the pumps at Orrel Lock for 41 crowns.", evidence) == []
    assert "number" in refused("The pumps at Orrel Lock were sold for 14 crowns.", evidence)


@pytest.mark.parametrize(
    ("claim", "evidence", "instead"),
    [
        ("It rose 3 percent.", "It rose 3 percentage points.", "3 percentage points"),
        ("It cost 9 dollars.", "It cost 9 euros.", "9 euros"),
        ("Anna Roth opened the pool.", "Mayor Karl Falk opened the pool.", "Karl Falk"),
        ("It sank on 5 May 2031.", "It sank on 15 May 2031.", "15 May 2031"),
    ],
)
def test_a_refusal_says_what_stands_there_instead(claim, evidence, instead):
    failed = [c for c in hard_checks(claim, evidence) if not c.passed]
    assert instead in failed[0].detail
