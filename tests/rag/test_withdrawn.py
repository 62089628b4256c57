"""What a report takes back is not what it says."""

import pytest

from index import Article, Passage
from rag.checks import hard_checks
from rag.withdrawn import blanked, standing, stands, taken_back, takes_back


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (
            "Correction: An earlier version of this story said that the pier was 90 metres long. "
            "It is 70 metres long.",
            ["90 metres"],
        ),
        ("Clarification: an earlier report put the toll at nine. Six died.", ["nine"]),
        ("Editor's note: The original headline gave the sum as $4m instead of $6m.", ["$4m"]),
        ("The cost was wrongly given as 5 million crowns.", ["5 million crowns"]),
        ("We said that 30 boats sank. That was wrong: 13 did.", ["30"]),
        ("It opens on Monday, not on Tuesday as first planned.", ["not on Tuesday"]),
        ("We misstated the age of the mayor as 61.", ["61"]),
        ("We gave his age as 61; he is 64. We regret the error.", ["61"]),
        ("The pier is 70 metres long, not 90 metres as we reported.", ["not 90 metres"]),
        ("This corrects the length to 70 metres instead of 90 metres.", ["instead of 90 metres"]),
        (
            "The 90-metre pier opens in May.\n\nCorrection: An earlier version of this report gave "
            "the length as 90 metres. It is 70 metres.",
            ["90-metre", "90 metres"],
        ),
    ],
)
def test_what_is_taken_back(text, gone):
    assert [text[start:end] for start, end in taken_back(text)] == gone


@pytest.mark.parametrize(
    "text",
    [
        "An earlier version of the bill set the cap at 5 percent.",
        "An earlier report by the auditors said that twelve firms were overpaid.",
        "As we reported on Tuesday, the pier cost 5 million crowns.",
        "We reported on Tuesday that the pier cost 5 million crowns.",
        '"We said that 30 boats sank, and that was wrong," Ada Holm said.',
        "He was wrongly accused of taking 5 million crowns.",
        "She resigned not two weeks after the vote.",
        "Not one boat sank.",
    ],
)
def test_what_is_not(text):
    assert taken_back(text) == ()


def test_what_is_said_again_after_a_correction_stays():
    text = "Correction: We said there were 96 boats in 24 berths. There were 72 boats in 24 berths."
    assert [text[start:end] for start, end in taken_back(text)] == ["96"]


NOTICE = (
    "The 90-metre pier opens in May. An earlier version of this report gave the length of the pier "
    "as 90 metres. It is 70 metres long."
)


def test_a_claim_of_it_is_refused_and_that_of_what_stands_passes():
    for claim in ("The pier is 90 metres long.", "the length of the pier as 90 metres."):
        assert [c.name for c in hard_checks(claim, NOTICE) if not c.passed] == ["number"]
    assert all(c.passed for c in hard_checks("The pier is 70 metres long.", NOTICE))


def test_a_claim_that_tells_of_the_correction_is_held_to_all_of_it():
    said = "An earlier version of this report gave the length of the pier as {} metres."
    assert all(c.passed for c in hard_checks(said.format(90), NOTICE))
    assert not all(c.passed for c in hard_checks(said.format(85), NOTICE))


def test_what_is_left_to_read():
    article = Article("a", "Pier", NOTICE)
    whole = Passage(article, 0, len(NOTICE))
    assert "90" not in standing(whole) and "70 metres" in standing(whole)
    assert len(blanked(NOTICE)) == len(NOTICE) and "90" not in blanked(NOTICE)
    at = NOTICE.index("90 metres")
    assert not stands(Passage(article, at, at + 2)) and stands(Passage(article, 0, 3))
    assert takes_back(article, "90 metres long") and not takes_back(article, "70 metres")
