import random

import pytest

from eval.swaps import NEWSROOM, SWAPS, make_pairs
from index.language import parse

TEXTS = [
    "The harbour of Lune was shut on Friday after 14 cranes failed. Ada Holm said that the port "
    "may stay closed until March 2031. Lene Doorn, who runs the union, rejected the plan. "
    "The council of Varnholm sued Keld Shipping over the damage.",
    "In April 2029, the dam at Ferrow leaked. Ines Varga told reporters that the wall was safe. "
    "About 300 people slept in a school (two of them were hurt). The mayor opened the road again.",
]


def swap(kind: str, claim: str, text: str = TEXTS[0], seed: int = 0) -> str | None:
    return SWAPS[kind](parse(claim), parse(text), {"PERSON": ["Odo Brandt"]}, random.Random(seed))


@pytest.mark.parametrize(
    ("kind", "claim", "kept", "gone"),
    [
        ("number", "Some 14 cranes failed.", "cranes failed", "14"),
        ("date", "The harbour was shut on Friday.", "The harbour was shut on", "Friday"),
        ("date", "It will open in March 2031.", "2031", "March"),
        ("name", "Ada Holm shut the harbour.", "shut the harbour", "Ada Holm"),
        ("speaker", "Ada Holm said that the port was closed.", "said that the port", "Ada Holm"),
        ("modality", "The port may stay closed.", "stay closed", "may"),
    ],
)
def test_a_swap_changes_one_thing(kind, claim, kept, gone):
    false = swap(kind, claim)
    assert false and kept in false and gone not in false


def test_a_denial_is_put_in_and_taken_out():
    assert swap("negation", "The port was closed by Holm.") == "The port was not closed by Holm."
    assert swap("negation", "The port was not damaged by it.") == "The port was damaged by it."
    assert swap("negation", "Doorn repaired it.") == "Doorn did not repair it."


def test_who_did_it_and_to_whom_change_places():
    assert swap("roles", "Varnholm sued Keld Shipping.") in {
        "Keld Shipping sued Varnholm.",
        None,
    }
    assert swap("roles", "Holm met Doorn.") is None


@pytest.mark.parametrize("kind", NEWSROOM)
def test_what_is_not_there_is_not_swapped(kind):
    plain = "Rain." if kind == "negation" else "It rained a lot, they thought."
    assert swap(kind, plain) is None


def test_pairs_are_labelled_by_how_they_were_made_and_false_ones_stand_in_no_evidence():
    pairs = make_pairs(TEXTS * 3, random.Random(1), 4)
    assert {p.label for p in pairs} == {0, 1}
    for pair in pairs:
        assert (pair.kind not in SWAPS) == bool(pair.label)
        assert pair.evidence in TEXTS
        if pair.kind == "verbatim":
            assert pair.claim in pair.evidence
        if not pair.label:
            assert pair.claim not in pair.evidence
