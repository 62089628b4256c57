import pytest

from index.lru import Lru


def test_the_newest_asked_for_are_kept_and_not_made_again():
    made = []

    def upper(texts):
        made.extend(texts)
        return (text.upper() for text in texts)

    recent = Lru(2)
    assert recent.of(["a", "b", "a"], upper) == ["A", "B", "A"]
    assert recent.of([], upper) == []
    recent.of(["a"], upper)
    recent.of(["c"], upper)
    assert recent.of(["a", "b"], upper) == ["A", "B"]
    assert made == ["a", "b", "c", "b"]


def test_what_fails_keeps_nothing():
    recent = Lru(2)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            recent.of(["a"], lambda texts: [1 / 0 for _ in texts])
