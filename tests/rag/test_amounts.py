import pytest

from rag.amounts import implied, ordinals, quantities, scores


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an hour and 35 minutes", [(5700.0, None, "time")]),
        ("between 3 and 5 million euros", [(3e6, 5e6, "€")]),
        ("10-15 per cent", [(10.0, 15.0, "percent")]),
        ("rose from 6 percent to 8 percent", [(6.0, None, "percent"), (8.0, None, "percent")]),
        ("up by 1 crown to 9 crowns", [(1.0, None, "crown"), (9.0, None, "crown")]),
        ("53 percent to 47", [(53.0, None, "percent"), (47.0, None, "percent")]),
        ("prices doubled", [(2.0, None, "times")]),
        ("a zero-fold gain", [(0.0, None, "times")]),
        ("they won 2-1", []),
        ("the 21st time", []),
    ],
)
def test_each_value_counts_once(text, found):
    assert [(q.amount, q.high, q.family) for q in quantities(text)] == found


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("It rose from 6 percent to 8 percent.", (2.0, "points")),
        ("It rose by 100 percent.", (2.0, "times")),
        ("It fell 50 percent.", (0.5, "times")),
        ("It sank from 900 to 450.", (0.5, "times")),
        ("It slowed to 3 percent in May from 4 percent.", (1.0, "points")),
        ("Two of the eight came.", (25.0, "percent")),
    ],
)
def test_what_follows_from_amounts_is_known(text, follows):
    assert follows in [(q.amount, q.family) for q in implied(text, quantities(text))]


def test_scores_are_told_from_ranges():
    assert [s[:2] for s in scores("They lost 1-2 and drew 3-3.")] == [(1, 2), (3, 3)]
    assert scores("It takes 3-5 days.") == []


def test_ordinals_are_read_as_words_and_figures():
    assert [n for n, _ in ordinals("the twenty-first, the 3rd and a third of it")] == [21, 3]
