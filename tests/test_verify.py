import pytest

from rag.verify import (
    SIGNALS,
    check_dates,
    check_names,
    check_numbers,
    check_quotation,
    default_checker,
    fold,
)


@pytest.mark.parametrize(
    ("claim", "evidence", "passed"),
    [
        ('He said "we will stay".', "“We will stay,” he said. we will stay", True),
        ("He said “we will stay”.", 'He said "we  will\nstay" and left.', True),
        ('He said "we will stay".', "He said they would stay.", False),
        ('He said "we will stay", then "or go".', "He said we will stay or leave.", False),
        ('He said "we will', "He said we will stay.", True),
        ("It's the ministers' plan.", "Nothing here.", True),
        ('The "Big" plan.', "The big plan.", False),
    ],
)
def test_quotation(claim, evidence, passed):
    assert check_quotation(claim, evidence).passed is passed


@pytest.mark.parametrize(
    ("claim", "evidence", "passed"),
    [
        ("It took 2.5 hours.", "It took two and a half hours.", True),
        ("It took 150 minutes.", "It took two and a half hours.", True),
        ("It took three hours.", "It took almost three hours.", False),
        ("More than 10,000 died.", "10,022 have died.", True),
        ("More than 11,000 died.", "10,022 have died.", False),
        ("It cost 20 billion dollars.", "The $20bn deal.", True),
        ("It cost 21 billion dollars.", "The $20bn deal.", False),
        ("Nobody came.", "12 came.", True),
    ],
)
def test_numbers(claim, evidence, passed):
    assert check_numbers(claim, evidence).passed is passed


@pytest.mark.parametrize(
    ("claim", "evidence", "passed"),
    [
        ("They met on 6 November.", "They met on Nov. 6.", True),
        ("They met on 7 November.", "They met on Nov. 6.", False),
        ("They met on Monday.", "They met on Tuesday.", False),
        ("They met in May.", "They may meet.", False),
    ],
)
def test_dates(claim, evidence, passed):
    assert check_dates(claim, evidence).passed is passed


@pytest.mark.parametrize(
    ("claim", "evidence", "passed"),
    [
        ("Brock left the town.", "Ansel Brock left.", True),
        ("Odile Brock left.", "Ansel Brock left.", False),
        ("The mayor left.", "Ansel Brock left.", True),
        ("Brock's plan failed.", "The plan of Ansel Brock failed.", True),
    ],
)
def test_names(claim, evidence, passed):
    assert check_names(claim, evidence).passed is passed


def test_fold_folds_white_space_and_quotes_and_nothing_else():
    assert fold(" “A”\n ‘b’  –c ") == "\"A\" 'b' –c"


def test_a_refusal_says_what_it_saw():
    check = check_numbers("It took nine days.", "It took ten days.")
    assert check.name == "number" and "nine days" in check.detail


@pytest.fixture(scope="module")
def checker():
    return default_checker()


EVIDENCE = (
    "The Arden bridge closed on Friday after twelve cables snapped in the frost. Mayor Ansel "
    "Brock said repairs would take nine weeks and cost 3.5 million crowns. Buses will run "
    "by way of Lune Mills in the meantime."
)


def test_support_is_a_share_and_ranks_true_above_false(checker):
    true, false, other = checker.support(
        [
            (EVIDENCE, "The bridge at Arden was closed on Friday when cables snapped."),
            (EVIDENCE, "The opera opened with a new soprano."),
            (EVIDENCE, "The mayor resigned over the budget."),
        ]
    )
    assert 0.0 <= false < true <= 1.0
    assert true >= checker.threshold > false
    assert other < true


def test_each_pair_gets_the_support_it_would_get_alone(checker):
    pairs = [(EVIDENCE, "Repairs would take nine weeks."), ("Rain fell.", "It was dry.")]
    together = checker.support(pairs)
    assert together == pytest.approx([checker.support([p])[0] for p in pairs], abs=0.02)


@pytest.mark.parametrize(
    ("evidence", "claim"), [("", "It rained."), ("It rained.", ""), ("…", "?")]
)
def test_where_there_are_no_words_there_is_no_support(checker, evidence, claim):
    assert checker.support([(evidence, claim)]) == [0.0]


def test_no_pairs(checker):
    assert checker.support([]) == []


def test_long_evidence_is_read_to_its_end_within_its_bound(checker):
    long = "Filler words go on and on. " * 100 + EVIDENCE
    assert checker.support([(long, "Buses will run by way of Lune Mills.")])[0] >= checker.threshold


def test_the_weights_that_ship_are_for_these_signals(checker):
    assert len(checker.calibration.weights) == len(SIGNALS)
    assert "WiCE" in checker.calibration.origin
