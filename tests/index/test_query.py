import pytest

from index.query import OutletNames, days_in, pairs_of, parts_of

NAMES = OutletNames(
    [
        "The Larkmoor Gazette",
        "Tern Daily",
        "The Age",
        "Moor | Valley News",
        "BBQ News - Ribs",
        "Tide",
    ]
)


@pytest.mark.parametrize(
    ("text", "outlets"),
    [
        ("What did The Larkmoor Gazette say?", {"The Larkmoor Gazette"}),
        (
            "according to the larkmoor gazette and Tern  Daily",
            {"The Larkmoor Gazette", "Tern Daily"},
        ),
        ("What is the age of the bridge at high tide?", set()),
        ("What did The Age report, and Tide's editor?", {"The Age", "Tide"}),
        ("as Moor wrote", {"Moor | Valley News"}),
        ("as Moor | Valley News wrote", {"Moor | Valley News"}),
        ("BBQ News had it first", {"BBQ News - Ribs"}),
        ("The Moorland and the Tidewater", set()),
        ("", set()),
    ],
)
def test_outlets_that_a_text_names(text, outlets):
    assert NAMES.named_in(text) == outlets


def test_outlets_of_one_name_are_all_meant():
    names = OutletNames(["Post - Sports", "Post - Arts", "The "])
    assert names.named_in("The Post says") == {"Post - Sports", "Post - Arts"}


def test_a_corpus_without_outlets():
    assert OutletNames([]).named_in("What did Tern Daily say?") == frozenset()
    assert OutletNames(["The "]).named_in("The storm") == frozenset()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on 12 March 2025", {(3, 12, 2025)}),
        ("on March 12th, 2025, and Sept. 3", {(3, 12, 2025), (9, 3, 0)}),
        ("the 1st of May", {(5, 1, 0)}),
        ("between 2025-03-12 and 2025-04-01", {(3, 12, 2025), (4, 1, 2025)}),
        ("in March 2025, or 2025-3-1, or 12-2025-03-12-9", {(3, 12, 2025)}),
        ("42 marches, 99 May, and a mayor 12 times", set()),
        ("", set()),
    ],
)
def test_days_that_a_text_names(text, days):
    assert days_in(text) == days


FOUR = [f"{a}1 {a}2 {a}3 {a}4" for a in "abcd"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("How many people were hurt in the storm?", ()),
        (
            "Did the Gazette report a storm at sea, while Tern Daily said the harbour stayed open?",
            ("Did the Gazette report a storm at sea", "Tern Daily said the harbour stayed open?"),
        ),
        # "In May" is short, so it stays with what follows; "counting the crew" with what it follows.
        ("In May, how many people were aboard the ferry, counting the crew?", ()),
        ("a1 a2 a3 a4; b1 b2 b3 b4, c1 c2 c3 c4: d1 d2 d3 d4, e1 e2 e3 e4", tuple(FOUR)),
        ("1,000 crowns and 2,500 more were paid", ()),
        ("", ()),
    ],
)
def test_parts_of_a_query(text, parts):
    assert parts_of(text) == parts


def test_pairs():
    assert pairs_of(["a", "b", "a"]) == {("a", "b"), ("b", "a")}
    assert pairs_of(["a"]) == pairs_of([]) == frozenset()
