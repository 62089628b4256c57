import pytest

from rag.signal_checker import SIGNALS, signal_checker


@pytest.fixture(scope="module")
def checker():
    return signal_checker()


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


@pytest.mark.parametrize(
    ("claim", "signal"),
    [
        ("Repairs would take ten weeks.", "fails_number"),
        ("The bridge closed on Monday.", "fails_date"),
        ("Mayor Odile Brock said repairs would take nine weeks.", "fails_name"),
        ("Repairs would not take nine weeks.", "fails_negation"),
    ],
)
def test_a_hard_check_that_fails_is_a_signal_and_lowers_support(checker, claim, signal):
    ((*values,),) = checker.signals([(EVIDENCE, claim)])
    assert values[SIGNALS.index(signal)] == 1.0
    assert checker.calibration.weights[SIGNALS.index(signal)] < 0
    assert checker.support([(EVIDENCE, claim)])[0] < checker.threshold
