import math

import pytest

from index.errors import ModelUnreachable
from rag import verify
from rag.asking import Reply
from rag.signal_checker import signal_checker
from rag.verify import ModelChecker, default_checker, quick

EVIDENCE = (
    "The Arden bridge closed on Friday after twelve cables snapped in the frost. Mayor Ansel "
    "Brock said repairs would take nine weeks."
)
TRUE, FALSE = "Cables snapped at the Arden bridge.", "Repairs would take ten weeks."


class Believer:
    """Says "Yes" to whatever it is asked, this surely; keeps what it was asked."""

    name, tells_likelihood = "believer", True

    def __init__(self, yes):
        self.yes, self.asked, self.calls = yes, [], 0

    def ask(self, conversations, *, max_tokens, **more):
        self.asked += conversations
        self.calls += 1
        return [Reply("Yes", ("Yes",), (math.log(self.yes),)) for _ in conversations]


class Broken:
    name, tells_likelihood = "broken", True

    def ask(self, conversations, **more):
        raise ModelUnreachable("the model is gone")


def test_the_surer_the_model_the_more_support():
    low, middle, high = (
        default_checker().beside(Believer(yes)).support([(EVIDENCE, TRUE)])[0]
        for yes in (0.05, 0.5, 0.99)
    )
    assert 0 < low < middle < high < 1
    assert low < default_checker().beside(Believer(0.5)).threshold <= high


def test_a_changed_number_is_not_supported_however_sure_the_model_is():
    checker = default_checker().beside(Believer(0.9999))
    assert checker.support([(EVIDENCE, FALSE)])[0] < checker.threshold


def test_the_model_is_asked_once_a_pair_and_in_calls_of_a_few():
    model = Believer(0.9)
    pairs = [(EVIDENCE, f"Cables snapped at bridge {n}.") for n in range(verify.AT_ONCE + 1)]
    default_checker().beside(model).support([*pairs, *pairs])
    assert len(model.asked) == len(pairs) and model.calls == 2


def test_of_long_evidence_it_reads_what_is_nearest():
    model = Believer(0.9)
    long = "Filler words go on and on here. " * 200 + EVIDENCE
    default_checker().beside(model).support([(long, TRUE)])
    (asked,) = model.asked
    assert "twelve cables snapped" in asked[-1]["content"]
    assert len(asked[-1]["content"].split()) < verify.WORDS + 60


@pytest.mark.parametrize(("evidence", "claim"), [("", TRUE), (EVIDENCE, "?")])
def test_where_there_are_no_words_nobody_is_asked(evidence, claim):
    model = Believer(0.9)
    assert default_checker().beside(model).support([(evidence, claim)]) == [0.0]
    assert not model.asked


def test_without_a_model_the_signals_decide_and_it_says_why():
    checker = ModelChecker(Broken, verify.calibration("read", verify.SIGNALS))
    assert checker.support([(EVIDENCE, TRUE)]) == signal_checker().support([(EVIDENCE, TRUE)])
    assert checker.without == "the model is gone"


def test_a_model_that_does_not_say_how_sure_it_is_has_no_part():
    class Mute(Believer):
        tells_likelihood = False

    checker = default_checker()
    assert checker.beside(None) is checker.beside(Mute(0.9)) is checker.quick


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("WIRECHECK_MODEL", "none", "the model that is set, none"),
        ("WIRECHECK_MODEL", "embedded", "wirecheck models get"),
    ],
)
def test_the_model_in_the_box_is_asked_if_it_is_here_and_meant(
    monkeypatch, tmp_path, setting, value, told
):
    monkeypatch.delenv("WIRECHECK_CHECKER")
    monkeypatch.setenv("WIRECHECK_MODEL_FOLDER", str(tmp_path))
    monkeypatch.setenv(setting, value)
    checker = default_checker()
    assert checker.support([(EVIDENCE, TRUE)]) == quick(checker).support([(EVIDENCE, TRUE)])
    assert told in checker.without
